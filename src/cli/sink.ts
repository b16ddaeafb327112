#!/usr/bin/env node
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { parseArgs } from "node:util";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { printMail, printProblem, printWebhook, printWelcome } from "./sink-print.ts";

// A place to send notices to while trying the service out: it takes webhooks,
// Slack's too, and e-mail on the loopback interface and prints them.

const usage = `Usage: npm run sink -- [--http-port 8090] [--smtp-port 2525]

Prints every webhook and e-mail that it receives on 127.0.0.1.
Port 0 takes any free port.
`;

const maxBytes = 1024 * 1024;

const ports = readPorts();
const http = createServer(takeWebhook);
const smtp = createSmtpServer();
const httpPort = await listen(http, ports.http, "--http-port");
const smtpPort = await listen(smtp.server, ports.smtp, "--smtp-port");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
printWelcome(httpPort, smtpPort);

async function takeWebhook(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(413, { connection: "close" }).end(`at most ${maxBytes} bytes\n`);
      return printProblem(`HTTP: refused a body of more than ${maxBytes} bytes`);
    }
    // Slack answers an incoming webhook with the same two letters.
    response.writeHead(200, { "content-type": "text/plain" }).end("ok");
    printWebhook(request, body);
  } catch (error) {
    printProblem(`HTTP: the request broke off: ${messageOf(error)}`);
  }
}

/** Undefined when the body is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function createSmtpServer(): SMTPServer {
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    size: maxBytes,
    rejectOversized: true,
    onData(stream, session, callback) {
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      simpleParser(stream).then((mail) => {
        printMail(mail, recipients);
        callback();
      }, callback);
    },
  });
  server.on("error", (error) => {
    // Whatever fails before it listens is told by `listen`.
    if (server.server.listening) printProblem(`SMTP: ${messageOf(error)}`);
  });
  return server;
}

/** Returns the port. Ends the process when it cannot be had. */
async function listen(server: Server, port: number, flag: string): Promise<number> {
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const reason = codeOf(error) === "EADDRINUSE" ? "is in use" : `cannot be used (${messageOf(error)})`;
    return fail(`Port ${port} ${reason}: choose another one with ${flag}.\n`, 1);
  }
}

/** Both servers drop their connections: there is nothing left to print. */
function stop(): void {
  process.exit(0);
}

function readPorts(): { http: number; smtp: number } {
  try {
    const { values } = parseArgs({
      options: {
        "http-port": { type: "string", default: "8090" },
        "smtp-port": { type: "string", default: "2525" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    return {
      http: portNumber(values["http-port"], "--http-port"),
      smtp: portNumber(values["smtp-port"], "--smtp-port"),
    };
  } catch (error) {
    return fail(`${messageOf(error)}\n\n${usage}`, 2);
  }
}

function portNumber(text: string, flag: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`${flag} must be a number from 0 to 65535`);
  return port;
}

function fail(message: string, exitCode: number): never {
  process.stderr.write(message);
  process.exit(exitCode);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
