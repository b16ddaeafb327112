import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CreateEmailChannelRequestSchema,
  CreateGenericWebhookChannelRequestSchema,
} from "../gen/jitsudo/notifications/v1/channel_pb.js";
import { createAddressGuard } from "../src/channels/address-guard.ts";
import { loopbackRanges } from "../src/channels/address-rules.ts";
import type { Channel, ChannelConfigs, SendOutcome } from "../src/channels/channel.ts";
import { createSenders, type Senders } from "../src/channels/senders.ts";
import { renderPublish } from "../src/channels/sns-message.ts";
import type { TenantSettings } from "../src/channels/tenant-settings.ts";
import type { EventPayload } from "../src/events.ts";
import { createFieldValidator } from "../src/services/field-validator.ts";
import { type HttpSink, startHttpSink } from "./sinks/http-sink.ts";
import { type SmtpSink, startSmtpSink } from "./sinks/smtp-sink.ts";
import { hostileEvent, noticeOf } from "./support/notices.ts";

// What goes over the wire when events, settings and configurations are as bad as they can be.

let http: HttpSink;
let smtp: SmtpSink;
let senders: Senders;

beforeAll(async () => {
  [http, smtp] = await Promise.all([startHttpSink(), startSmtpSink()]);
  const guard = createAddressGuard({ allow: loopbackRanges });
  senders = createSenders({ timeoutMs: 10_000, guard, snsCredentials: "own" });
});

afterAll(async () => {
  await senders.close();
  await Promise.all([http.close(), smtp.close()]);
});

const { signal } = new AbortController();
const validate = createFieldValidator();

/** Every text that the API takes for these settings. */
const hostileSettings: fc.Arbitrary<TenantSettings> = fc.record(
  {
    productName: fc.oneof(
      fc.constantFrom(
        "<!channel>",
        'A" <victim@example.com>, "B',
        "=?utf-8?q?x?=",
        "\u202egnp",
        "\ud83d\ude00",
        "%0d%0a",
      ),
      fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text)),
    ),
    linkBaseUrl: fc.constantFrom(
      "https://a.example/'><script>",
      'https://a.example/"x',
      "https://a.example/&amp;",
    ),
    logoUrl: fc.constantFrom('https://a.example/"onerror="x', "https://a.example/'><script>"),
  },
  { requiredKeys: [] },
);

function send<Type extends Channel["type"]>(
  type: Type,
  config: ChannelConfigs[Type],
  event: EventPayload,
  settings?: TenantSettings,
): Promise<SendOutcome> {
  const channel = { id: type, tenantId: "t", type, config } as unknown as Channel;
  return senders.send(channel, noticeOf(event, settings), signal);
}

/** An event with ids as long as the API takes them, which counts characters. */
const withinLimits = ({ request_id = "", grant_id = "", ...event }: EventPayload): EventPayload => ({
  ...event,
  request_id: [...request_id].slice(0, 255).join(""),
  grant_id: [...grant_id].slice(0, 255).join(""),
});

describe("a webhook", () => {
  const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
  const ours = ["accept", "connection", "content-length", "content-type", "host", "user-agent"];
  const known = [...ours, "webhook-id", "webhook-signature", "webhook-timestamp", "x-own"].sort();

  test.each(["standard", "cloudevents_structured", "cloudevents_binary"] as const)(
    "in the format %s has its own headers and no other, and a body that is signed and well-formed",
    async (format) => {
      await fc.assert(
        fc.asyncProperty(hostileEvent.map(withinLimits), hostileSettings, async (event, settings) => {
          const config = {
            url: `${http.url}/hook`,
            format,
            signing_secret: secret,
            headers: { "X-Own": "1" },
          };
          const outcome = await send("generic_webhook", config, event, settings);
          expect(outcome).toMatchObject({ kind: "delivered" });
          const request = http.requests.at(-1);
          const headers = request?.headers ?? {};
          const names = Object.keys(headers).filter((name) => !name.startsWith("ce-"));
          expect(known).toEqual(expect.arrayContaining(names));
          const cloudEvent = Object.keys(headers).filter((name) => name.startsWith("ce-"));
          expect(cloudEvent.length > 0).toBe(format === "cloudevents_binary");
          for (const value of Object.values(headers)) expect(value).toMatch(/^[ -~]*$/);
          const body = new Webhook(secret).verify(request?.body ?? "", headers as Record<string, string>);
          expect(body).toMatchObject({ type: expect.stringMatching(event.type) });
        }),
        { numRuns: 100 },
      );
    },
  );

  test("gets the headers that the API takes exactly as they were given, and the API takes no others", async () => {
    const name = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/),
      fc.constantFrom(
        "Host",
        "content-LENGTH",
        "Webhook-Id",
        "ce-id",
        "X:Y",
        "X Y",
        "X\r\nY",
        "",
        "é",
        "X\u0000",
      ),
      fc.string({ unit: "binary", maxLength: 8 }),
    );
    const value = fc.oneof(
      fc.stringMatching(/^[ -~]{0,40}$/),
      fc.constantFrom("a\r\nX-Evil: 1", "a\nb", "a\u0000b", "é", "\u{1f600}", "\ud800", "\u010d\u010a", "\t"),
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 4 }), async (headers) => {
        const url = `${http.url}/headers`;
        const request = create(CreateGenericWebhookChannelRequestSchema, { name: "x", url, headers });
        if (validate(CreateGenericWebhookChannelRequestSchema, request).length > 0) return;
        taken++;
        const outcome = await send("generic_webhook", { url, headers }, { type: "grant.active" });
        expect(outcome).toMatchObject({ kind: "delivered" });
        const received = http.requests.at(-1)?.headers ?? {};
        const names = Object.keys(headers).map((name) => name.toLowerCase());
        const allowed = [...ours, "webhook-id", "webhook-timestamp", ...names];
        expect(Object.keys(received).filter((name) => !allowed.includes(name))).toEqual([]);
        for (const [name, value] of Object.entries(headers)) {
          const twice = names.filter((other) => other === name.toLowerCase()).length > 1;
          if (!twice) expect(received[name.toLowerCase()]).toBe(value.trim());
        }
      }),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(30);
  });
});

describe("a mail", () => {
  const config = {
    smtp_host: "127.0.0.1",
    smtp_port: 0,
    from_address: "access@example.com",
    to_addresses: ["ops@example.com"],
  };
  const known =
    /^(from|to|subject|message-id|in-reply-to|references|date|mime-version|content-type|content-transfer-encoding|importance|priority|x-priority|x-msmail-priority|list-id|auto-submitted|x-auto-response-suppress|x-jitsudo-[a-z-]+)$/i;

  test("is one mail to those who are configured, with its own headers and no other", async () => {
    await fc.assert(
      fc.asyncProperty(hostileEvent, hostileSettings, async (event, settings) => {
        const before = smtp.mails.length;
        const outcome = await send("email", { ...config, smtp_port: smtp.port }, event, settings);
        expect(outcome).toMatchObject({ kind: "delivered" });
        expect(smtp.mails).toHaveLength(before + 1);
        const mail = smtp.mails.at(-1);
        expect(mail?.envelope).toEqual({ from: config.from_address, to: config.to_addresses });
        const head = mail?.raw.split("\r\n\r\n", 1)[0] ?? "";
        const lines = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
        const names = lines.map((line) => line.slice(0, line.indexOf(":")));
        expect(names.filter((name) => !known.test(name))).toEqual([]);
        expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
        // RFC 5322, 2.1.1, for the body as well, and nothing but ASCII in the header section.
        for (const line of mail?.raw.split("\r\n") ?? []) expect(line.length).toBeLessThanOrEqual(998);
        expect(head).toMatch(/^[\t\r\n -~]*$/);
        expect(mail?.raw).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
        const { parsed } = mail ?? {};
        expect(parsed?.from?.value).toEqual([{ address: config.from_address, name: expect.any(String) }]);
        expect(parsed?.to).toMatchObject({ value: [{ address: "ops@example.com" }] });
        expect(parsed?.subject).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 150 },
    );
  });

  test("can be given no address by the configuration that holds another, or a command", () => {
    const fields = (address: string) => {
      const request = create(CreateEmailChannelRequestSchema, {
        name: "x",
        smtpHost: "mail.example.com",
        smtpPort: 25,
        fromAddress: address,
        toAddresses: [address],
      });
      return validate(CreateEmailChannelRequestSchema, request).map(({ field }) => field);
    };
    expect(fields("ops@example.com")).toEqual([]);
    for (const evil of [
      "a@example.com, b@example.com",
      "a@example.com\r\nRCPT TO:<b@example.com>",
      "a@example.com\nBcc: b@example.com",
      "<a@example.com>",
      "A <a@example.com>",
      "a@example.com>",
      '"a b"@example.com',
      "a@example.com\u0000",
      "a b@example.com",
      "a@[127.0.0.1]",
      "a@example.com SIZE=1",
      "\ud800@example.com",
      "",
    ]) {
      expect(fields(evil), JSON.stringify(evil)).toEqual(["from_address", "to_addresses[0]"]);
    }
  });

  test("can be sent to no host by the configuration that holds more than a host", () => {
    const hosts = [
      "a.example.com:25",
      "user@a.example.com",
      "a.example.com/x",
      "a b",
      "[::1]",
      "a\r\nb",
      "",
      "é.de",
    ];
    for (const smtpHost of hosts) {
      const request = create(CreateEmailChannelRequestSchema, { name: "x", smtpHost, smtpPort: 25 });
      const fields = validate(CreateEmailChannelRequestSchema, request).map(({ field }) => field);
      expect(fields, smtpHost).toContain("smtp_host");
    }
  });
});

describe("a message to SNS", () => {
  const channel = {
    id: "c",
    tenantId: "t",
    type: "aws_sns" as const,
    config: { topic_arn: "arn:aws:sns:eu-west-1:123456789012:x.fifo" },
  };

  test("has a subject and attributes that SNS takes, and JSON that can be read", () => {
    fc.assert(
      fc.property(hostileEvent, hostileSettings, (event, settings) => {
        const publish = renderPublish(channel, noticeOf(event, settings), new Date("2026-03-01T10:00:00Z"));
        // SNS API reference, Publish: ASCII, less than 100 characters, beginning with a visible one.
        expect(publish.Subject).toMatch(/^[!-~][ -~]{0,98}$/);
        expect(publish.MessageGroupId).toMatch(/^[!-~]{1,128}$/);
        for (const { StringValue } of Object.values(publish.MessageAttributes ?? {})) {
          expect(StringValue).toMatch(/^[^\p{Cc}]+$/u);
          expect(StringValue?.isWellFormed()).toBe(true);
        }
        expect(publish.Message?.isWellFormed()).toBe(true);
        const forms = JSON.parse(publish.Message ?? "");
        expect(JSON.parse(forms.default)).toMatchObject({ type: event.type });
        expect(Buffer.byteLength(publish.Message ?? "")).toBeLessThan(262_144);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a message to Slack", () => {
  test("arrives as JSON in which no text of others is markup", async () => {
    await fc.assert(
      fc.asyncProperty(hostileEvent, hostileSettings, async (event, settings) => {
        const path = "/services/T/B/x";
        http.respond(path, { body: "ok" });
        const outcome = await send("slack_webhook", { webhook_url: http.url + path }, event, settings);
        expect(outcome).toMatchObject({ kind: "delivered" });
        const message = JSON.parse(http.requests.at(-1)?.body ?? "");
        for (const text of markdownsIn(message)) {
          const foreign = text.replace(/<!date\^\d+\^[^<>|]*\|[^<>]*>/g, "").replace(/^>/gm, "");
          expect(foreign).not.toMatch(/[<>]/);
        }
        for (const url of urlsIn(message)) expect(url).toMatch(/^https?:\/\/[^\s<>"]+$/);
      }),
      { numRuns: 150 },
    );
  });
});

/** Every text that Slack reads as its markup; plain_text has none. */
function markdownsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(markdownsIn);
  if (typeof value !== "object" || value === null) return [];
  if ("type" in value && "text" in value && typeof value.text === "string") {
    return value.type === "mrkdwn" ? [value.text] : [];
  }
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === "string" ? (key === "text" || key === "fallback" ? [item] : []) : markdownsIn(item),
  );
}

function urlsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === "url" && typeof item === "string" ? [item] : urlsIn(item),
  );
}
