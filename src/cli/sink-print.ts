import type { IncomingMessage } from "node:http";
import { styleText } from "node:util";
import type { ParsedMail } from "mailparser";

// styleText itself leaves colours out when standard output is not a terminal.

/** Says where the sink listens and what to do next. */
export function printWelcome(httpPort: number, smtpPort: number): void {
  const http = `http://127.0.0.1:${httpPort}`;
  const emailConfig = `"smtp_host": "127.0.0.1", "smtp_port": ${smtpPort}`;
  const addresses = `"from_address": "jitsudo@example.com", "to_addresses": ["you@example.com"]`;
  print(
    styleText("bold", "Waiting for notices. Ctrl-C ends."),
    field("HTTP", `${http}  (any path; answers 200 ok, as Slack does)`),
    field("SMTP", `127.0.0.1:${smtpPort}  (no TLS, no password)`),
    "",
    "Next, in another terminal: start the service (npm start) and, with the headers",
    "that it prints, create a channel that points here and send an event:",
    "",
    call("/v1/notification-channels/generic-webhook"),
    `  {"name": "sink", "url": "${http}/hook"}`,
    call("/v1/notification-channels/slack-webhook"),
    `  {"name": "sink-slack", "webhook_url": "${http}/slack"}`,
    call("/v1/notification-channels/email"),
    `  {"name": "sink-mail", ${emailConfig}, ${addresses}}`,
    call("/v1/events"),
    `  {"type": "request.pending", "request_id": "req-1", "requester": "ada@example.com"}`,
  );
}

export function printWebhook(request: IncomingMessage, body: string): void {
  const headers = Object.entries(request.headers)
    .filter(([name]) => name.startsWith("webhook-"))
    .map(([name, value]) => field(name, String(value)));
  print(heading("HTTP", `${request.method} ${request.url}`), ...headers, prettyJson(body));
}

/** Prints a message with the recipients of its envelope, who are more than the header shows when there is Bcc. */
export function printMail(mail: ParsedMail, recipients: string[]): void {
  print(
    heading("SMTP", "message"),
    field("From", mail.from?.text ?? ""),
    field("To", recipients.join(", ")),
    field("Subject", mail.subject ?? ""),
    "",
    visible(mail.text ?? ""),
  );
}

export function printProblem(problem: string): void {
  print(styleText("red", visible(problem)));
}

function heading(kind: string, what: string): string {
  const time = new Date().toLocaleTimeString("en-GB");
  return `${styleText("dim", time)} ${styleText(["bold", "cyan"], kind)} ${styleText("bold", visible(what))}`;
}

function field(name: string, value: string): string {
  return `  ${styleText("green", name)}: ${visible(value)}`;
}

function call(path: string): string {
  return styleText("dim", `  POST ${path}`);
}

function prettyJson(text: string): string {
  try {
    return visible(JSON.stringify(JSON.parse(text), undefined, 2));
  } catch {
    return visible(text); // Not JSON: as it came.
  }
}

/** What comes from the network must not steer the terminal: control characters but tab and newline are left out. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\t\n]/gu, "");
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join("\n").trimEnd()}\n\n`);
}
