import type { AddressInfo, Socket } from "node:net";
import { type ParsedMail, simpleParser } from "mailparser";
import {
  SMTPServer,
  type SMTPServerError,
  type SMTPServerOptions,
  type SMTPServerSession,
} from "smtp-server";
import { until } from "../support/until.ts";

export interface SmtpSinkOptions {
  /** "none" (the default) offers no STARTTLS. The other two need the certificate. */
  tls?: "none" | "starttls" | "implicit";
  certificate?: { key: string; cert: string };
  /** When given, mail is taken only after AUTH with these. */
  auth?: { username: string; password: string };
}

/** A mail as it was taken. */
export interface SmtpMail {
  /** The message as it went over the wire. */
  raw: string;
  parsed: ParsedMail;
  envelope: { from: string; to: string[] };
  /** Whether it came over TLS. */
  secure: boolean;
  /** Who had authenticated. */
  username?: string;
}

/** A reply, no reply at all, or the end of the connection. */
export type SmtpReaction = { code: number; text: string } | "hang" | "drop";

/** "data" reacts once the whole message has arrived. */
export type SmtpStage = "connect" | "auth" | "mail" | "rcpt" | "data";

export interface SmtpSink {
  host: string;
  port: number;
  /** Everything taken so far, oldest first. */
  mails: SmtpMail[];
  /** How many connections were ever accepted. */
  connections(): number;
  /** How many connections are open now. */
  openConnections(): number;
  /**
   * Sets what happens at a stage from now on; "accept" is the default of all. A function gets
   * the address of MAIL or RCPT, or the user name of AUTH.
   */
  react(
    stage: SmtpStage,
    reaction: SmtpReaction | "accept" | ((subject: string) => SmtpReaction | "accept"),
  ): void;
  /** Waits for a number of mails or for a condition. Throws after `timeoutMs` (default 10 s). */
  waitFor(condition: number | ((mails: SmtpMail[]) => boolean), timeoutMs?: number): Promise<void>;
  /** Drops all connections and goes on listening. */
  dropConnections(): void;
  /** Drops all connections and stops listening. */
  close(): Promise<void>;
}

/** Starts a scriptable SMTP server on a free loopback port. */
export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const mails: SmtpMail[] = [];
  const reactions = new Map<SmtpStage, Parameters<SmtpSink["react"]>[1]>();
  const sockets = new Set<Socket>();
  let accepted = 0;

  /** Only from the top: Node crashes when a socket goes away below a TLS handshake. */
  function drop(dropped: (session: SMTPServerSession) => boolean): void {
    for (const { session, _socket: socket, _upgrading: handshake } of server.connections) {
      if (!handshake && dropped(session)) socket.destroy();
    }
  }

  /** Continues with `accept`, or does what the script says. */
  function perform(
    stage: SmtpStage,
    session: SMTPServerSession,
    subject: string,
    refuse: (error: SMTPServerError) => void,
    accept: () => void,
  ): void {
    const scripted = reactions.get(stage) ?? "accept";
    const reaction = typeof scripted === "function" ? scripted(subject) : scripted;
    if (reaction === "accept") accept();
    else if (reaction === "drop") drop((dropped) => dropped === session);
    else if (reaction !== "hang")
      refuse(Object.assign(new Error(reaction.text), { responseCode: reaction.code }));
  }

  const server = new SMTPServer({
    ...transportOptions(options),
    onConnect: (session, done) => perform("connect", session, "", done, done),
    onAuth(auth, session, done) {
      const username = auth.username ?? "";
      perform("auth", session, username, done, () => {
        const known = username === options.auth?.username && auth.password === options.auth.password;
        if (known) done(null, { user: username });
        else done(new Error("Error: Authentication failed"));
      });
    },
    onMailFrom: ({ address }, session, done) => perform("mail", session, address, done, done),
    onRcptTo: ({ address }, session, done) => perform("rcpt", session, address, done, done),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const take = async () => {
          mails.push(await toMail(Buffer.concat(chunks), session));
          done(null, `OK: queued as ${mails.length}`);
        };
        perform("data", session, "", done, () => void take().catch(done));
      });
    },
  });
  // A client that breaks off is what many tests are about; the sink has nothing to add.
  server.on("error", () => undefined);
  server.server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;

  return {
    host: "127.0.0.1",
    port,
    mails,
    connections: () => accepted,
    openConnections: () => sockets.size,
    react: (stage, reaction) => void reactions.set(stage, reaction),
    async waitFor(condition, timeoutMs = 10_000) {
      const holds = () => (typeof condition === "number" ? mails.length >= condition : condition(mails));
      await until(holds, { timeoutMs });
    },
    dropConnections: () => drop(() => true),
    close() {
      drop(() => true);
      return new Promise<void>((resolve) => server.close(resolve));
    },
  };
}

function transportOptions({ tls = "none", certificate, auth }: SmtpSinkOptions): SMTPServerOptions {
  const disabled = [...(tls === "none" ? ["STARTTLS"] : []), ...(auth ? [] : ["AUTH"])];
  return {
    ...certificate,
    secure: tls === "implicit",
    disabledCommands: disabled,
    authOptional: !auth,
    allowInsecureAuth: tls === "none",
    disableReverseLookup: true,
    // For what is left after all connections were dropped.
    closeTimeout: 200,
  };
}

async function toMail(raw: Buffer, session: SMTPServerSession): Promise<SmtpMail> {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    raw: raw.toString("utf8"),
    parsed: await simpleParser(raw),
    envelope: { from: mailFrom ? mailFrom.address : "", to: rcptTo.map(({ address }) => address) },
    secure: session.secure,
    ...(typeof session.user === "string" && { username: session.user }),
  };
}
