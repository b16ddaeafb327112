import type { AddressGuard } from "./address-guard.ts";
import { createSnsSender } from "./aws-sns.ts";
import type { Channel, ChannelType, Sender } from "./channel.ts";
import { createEmailSender } from "./email.ts";
import { createGenericWebhookSender } from "./generic-webhook.ts";
import { createGuardedConnector } from "./guarded-connect.ts";
import { createHttpPoster } from "./http-post.ts";
import { createSlackWebhookSender } from "./slack-webhook.ts";
import type { SnsCredentials } from "./sns-credentials.ts";

/** All kinds of channel behind one call. */
export interface Senders {
  send: Sender<ChannelType>["send"];
  /** Drops the connections of a channel that was changed or deleted. */
  forget(channel: Channel): void;
  close(): Promise<void>;
}

export interface SendersOptions {
  /** Longest time that one attempt may take. */
  timeoutMs: number;
  /** Says where channels may send; AWS's own endpoints are not asked about. */
  guard: AddressGuard;
  /** What SNS channels may publish with. */
  snsCredentials: SnsCredentials;
}

/** More of an HTTP response is not read. */
const maxResponseBytes = 16_384;

export function createSenders({ timeoutMs, guard, snsCredentials }: SendersOptions): Senders {
  const createPoster = (ca?: string) =>
    createHttpPoster({
      timeoutMs,
      maxResponseBytes,
      connect: createGuardedConnector({ guard, timeoutMs, ...(ca !== undefined && { ca }) }),
    });
  const poster = createPoster();
  const senders: { [Type in ChannelType]: Sender<Type> } = {
    slack_webhook: createSlackWebhookSender({ poster }),
    email: createEmailSender({ timeoutMs, guard }),
    generic_webhook: createGenericWebhookSender({ poster, createPoster }),
    aws_sns: createSnsSender({ timeoutMs, allowed: snsCredentials }),
  };
  // The compiler does not see that a channel and the sender of its type belong together.
  const senderOf = (channel: Channel) => senders[channel.type] as Sender<ChannelType>;

  return {
    send: (channel, notice, signal, onRequest) => senderOf(channel).send(channel, notice, signal, onRequest),
    forget: (channel) => senderOf(channel).forget?.(channel.id),
    close: async () => {
      await Promise.all(Object.values(senders).map((sender) => sender.close()));
    },
  };
}
