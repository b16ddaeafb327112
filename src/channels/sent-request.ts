import { hash } from "node:crypto";
import type { PublishCommandInput } from "@aws-sdk/client-sns";
import type { SendMailOptions } from "nodemailer";
import type { ChannelConfigs, SentRequest } from "./channel.ts";
import { parseUrl } from "./parsed-url.ts";

/** More header names are not kept. */
const maxNames = 64;

/** `headers` are names and values in turn; only the names are kept. */
export function describePost(url: string, headers: string[], body: string): SentRequest {
  const names = headers.filter((_, index) => index % 2 === 0);
  return { method: "POST", target: parseUrl(url)?.origin ?? "", names: cut(names), ...digest(body) };
}

export function describeMail(
  { smtp_host, smtp_port }: ChannelConfigs["email"],
  { subject = "", text, html }: SendMailOptions,
): SentRequest {
  const parts = [subject, String(text ?? ""), String(html ?? "")];
  return { method: "SMTP", target: `${smtp_host}:${smtp_port}`, names: [], ...digest(parts.join("\n")) };
}

export function describePublish({
  TopicArn = "",
  Message,
  MessageAttributes,
}: PublishCommandInput): SentRequest {
  const names = Object.keys(MessageAttributes ?? {});
  return { method: "Publish", target: TopicArn, names: cut(names), ...digest(Message ?? "") };
}

function cut(names: string[]): string[] {
  return names.slice(0, maxNames);
}

function digest(body: string): { bytes: number; sha256: string } {
  return { bytes: Buffer.byteLength(body), sha256: hash("sha256", body, "hex") };
}
