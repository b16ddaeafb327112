import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { createTransport } from "nodemailer";
import { afterEach, expect, test } from "vitest";
import { type Child, report, startChild } from "./support/child.ts";
import { until } from "./support/until.ts";

const root = resolve(import.meta.dirname, "..");
const children: Child[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
});

async function startSink(...args: string[]): Promise<Child> {
  const child = await startChild(`${root}/node_modules/.bin/node`, ["src/cli/sink.ts", ...args], {
    cwd: root,
  });
  children.push(child);
  return child;
}

async function startListeningSink(): Promise<{ sink: Child; http: string; smtpPort: number }> {
  const sink = await startSink("--http-port", "0", "--smtp-port", "0");
  await until(() => !sink.running() || sink.stdout().includes("/v1/events"));
  const http = /HTTP: (http:\/\/127\.0\.0\.1:\d+)/.exec(sink.stdout())?.[1];
  const smtpPort = /SMTP: 127\.0\.0\.1:(\d+)/.exec(sink.stdout())?.[1];
  if (!http || !smtpPort) throw new Error(report(sink));
  return { sink, http, smtpPort: Number(smtpPort) };
}

test("prints a webhook and answers as Slack does", async () => {
  const { sink, http } = await startListeningSink();
  const response = await fetch(`${http}/hook?a=1`, {
    method: "POST",
    headers: { "webhook-id": "0192", "webhook-timestamp": "1700000000", authorization: "secret" },
    body: JSON.stringify({ type: "grant.active", reason: "red \u001b[31m alert" }),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe("ok");
  await until(() => sink.stdout().includes("grant.active"));
  expect(sink.stdout()).toContain(
    "HTTP POST /hook?a=1\n  webhook-id: 0192\n  webhook-timestamp: 1700000000\n",
  );
  expect(sink.stdout()).toContain('{\n  "type": "grant.active",\n  "reason": "red \\u001b[31m alert"\n}');
  expect(sink.stdout()).not.toContain("secret");
  expect(sink.stdout()).not.toContain("\u001b");
});

test("prints a body that is not JSON without its control characters", async () => {
  const { sink, http } = await startListeningSink();
  await fetch(http, { method: "PUT", body: "plain\u001b[2J text" });
  await until(() => sink.stdout().includes("plain[2J text"));
});

test("refuses a body of more than 1 MiB and goes on", async () => {
  const { sink, http } = await startListeningSink();
  const response = await fetch(http, { method: "POST", body: "x".repeat(1024 * 1024 + 1) });
  expect(response.status).toBe(413);
  expect((await fetch(http, { method: "POST", body: "{}" })).status).toBe(200);
  expect(sink.stdout()).not.toContain("xxx");
});

test("prints an e-mail", async () => {
  const { sink, smtpPort } = await startListeningSink();
  const transport = createTransport({ host: "127.0.0.1", port: smtpPort });
  await transport.sendMail({
    from: "JITSudo <jitsudo@example.com>",
    to: ["ada@example.com", "bob@example.com"],
    subject: "Zugriff für Ada",
    text: "Grüße\n\nsecond paragraph",
  });
  transport.close();
  await until(() => sink.stdout().includes("second paragraph"));
  expect(sink.stdout()).toContain("  To: ada@example.com, bob@example.com\n  Subject: Zugriff für Ada\n");
  expect(sink.stdout()).toMatch(/ {2}From: .*jitsudo@example\.com/);
  expect(sink.stdout()).toContain("Grüße\n\nsecond paragraph");
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends it with 0, even with an open connection",
  async (signal) => {
    const { sink, http } = await startListeningSink();
    await (await fetch(http, { method: "POST", body: "{}" })).text();
    sink.signal(signal);
    expect(await sink.waitForExit(5_000)).toBe(0);
  },
);

test.each(["--http-port", "--smtp-port"])("says in one line that the port of %s is in use", async (flag) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const sink = await startSink("--http-port", "0", "--smtp-port", "0", flag, port);
  expect(await sink.waitForExit()).toBe(1);
  expect(sink.stderr()).toBe(`Port ${port} is in use: choose another one with ${flag}.\n`);
  other.close();
});

test("explains a wrong flag", async () => {
  const sink = await startSink("--http-port", "http");
  expect(await sink.waitForExit()).toBe(2);
  expect(sink.stderr()).toContain("--http-port must be a number from 0 to 65535");
  expect(sink.stderr()).toContain("Usage: npm run sink");
});
