import type { EventPayload } from "../events.ts";
import type { TenantSettings } from "./tenant-settings.ts";

/** The four kinds of channel, by the name that the API uses. */
export const channelTypes = ["slack_webhook", "email", "generic_webhook", "aws_sns"] as const;

export type ChannelType = (typeof channelTypes)[number];

/** Configuration of each kind, in the shape of the API's `config` object, secrets in clear text. */
export interface ChannelConfigs {
  slack_webhook: {
    webhook_url: string;
    /** Whom a break-glass notice mentions: "here", "channel" or the id of a user group. Default: nobody. */
    break_glass_mention?: string;
  };
  email: {
    smtp_host: string;
    smtp_port: number;
    from_address: string;
    to_addresses: string[];
    smtp_username?: string;
    smtp_password?: string;
    /** Default "starttls": use STARTTLS where the server offers it. */
    tls?: "starttls" | "starttls_required" | "implicit" | "none";
    /** Certificates (PEM) to trust for this channel, instead of Node's own list. */
    ca_certificate?: string;
    /** IANA name; default: the tenant's. */
    time_zone?: string;
  };
  generic_webhook: {
    url: string;
    headers?: Record<string, string>;
    signing_secret?: string;
    /** Default "standard": the payload as it is. */
    format?: "standard" | "cloudevents_structured" | "cloudevents_binary";
    /** The secret that `signing_secret` has replaced, and until when it signs as well (ISO 8601). */
    previous_signing_secret?: string;
    previous_signs_until?: string;
    /** Certificates (PEM) to trust for this channel, instead of Node's own list. */
    ca_certificate?: string;
  };
  aws_sns: { topic_arn: string; region?: string; role_arn?: string; external_id?: string };
}

/** A channel as a sender sees it: one of the four kinds with its own configuration. */
export type Channel = {
  [Type in ChannelType]: { id: string; tenantId: string; type: Type; config: ChannelConfigs[Type] };
}[ChannelType];

/** One event on its way to one channel. */
export interface Notice {
  /** UUIDv7 of the delivery, the same on every attempt. */
  deliveryId: string;
  eventId: string;
  tenantId: string;
  /** When the server received the event. */
  receivedAt: Date;
  event: EventPayload;
  /** The attempt's place in the event's trace (W3C `traceparent`). Absent: there is no trace. */
  traceparent?: string;
  /** Absent: the tenant has not set anything. */
  settings?: TenantSettings;
  /** A sample that somebody sends to try the channel out: it says so everywhere. */
  test?: true;
}

/** What an endpoint said, as far as it is kept in the delivery log. */
export interface Answer {
  /** HTTP status or SMTP reply code. */
  statusCode?: number;
  /** SMTP reply, SNS message id or the first bytes of an HTTP body; redacted. */
  response?: string;
}

/** What was sent, without anything secret and with nothing of what it says: for the delivery log. */
export interface SentRequest {
  /** "POST", "SMTP" or "Publish". */
  method: string;
  /** Scheme and host of a URL, host and port of an SMTP server, ARN of a topic. */
  target: string;
  /** Names of HTTP headers or of SNS message attributes. */
  names: string[];
  /** Size and SHA-256 (hex) of the HTTP body, of the SNS message, or of a mail's subject, text and HTML. */
  bytes: number;
  sha256: string;
}

/**
 * What became of one attempt. The channel decides whether another attempt makes
 * sense: it knows its protocol, the worker does not.
 */
export type SendOutcome =
  /** `error`: whom it did not reach, of several that it was sent to. */
  | ({ kind: "delivered"; error?: string } & Answer)
  /** Another attempt may succeed. `retryAfterMs`: the endpoint asked to wait so long. */
  | ({ kind: "retry"; error: string; retryAfterMs?: number } & Answer)
  /** The protocol documents the failure as permanent. */
  | ({ kind: "failed"; error: string } & Answer);

/** Sends notices to channels of one kind. */
export interface Sender<Type extends ChannelType> {
  /**
   * Makes one attempt. Expected failures are outcomes; a rejection is a defect.
   * `signal` aborts the attempt, which then ends as "retry". `onRequest` hears what
   * is about to be sent.
   */
  send(
    channel: Extract<Channel, { type: Type }>,
    notice: Notice,
    signal: AbortSignal,
    onRequest?: (request: SentRequest) => void,
  ): Promise<SendOutcome>;
  /** Forgets pooled connections of a channel that was changed or deleted. Absent: none belong to a channel. */
  forget?(channelId: string): void;
  /** Closes all connections. */
  close(): Promise<void>;
}
