import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { until } from "../support/until.ts";
import { type AwsKeys, type Signature, verifySignature } from "./sigv4.ts";
import { readPublish, type SnsError, type SnsMessage } from "./sns-rules.ts";

export interface SnsEndpointOptions {
  /** The service's own credentials. */
  credentials: AwsKeys;
  /** Roles that may be assumed with them, by ARN, and the external id that each asks for. */
  roles?: Record<string, { externalId?: string }>;
  /** The topics that exist. Default: any. */
  topics?: string[];
}

/** A message that was taken, and how its request was signed. */
export type PublishedMessage = SnsMessage & Signature & { messageId: string };

/** An AssumeRole call that was granted. */
export interface AssumedRole {
  roleArn: string;
  externalId?: string;
  sessionName: string;
  /** The temporary credentials' key id, which the publish must be signed with. */
  accessKeyId: string;
}

type Action = "Publish" | "AssumeRole";

/** An error, an answer that is not AWS's, no answer, or a reset connection. */
export type SnsAnswer = SnsError | { status: number; body: string } | "hang" | "reset";

export interface SnsEndpoint {
  /** For SNS and for STS. */
  url: string;
  /** Everything taken so far, oldest first. */
  messages: PublishedMessage[];
  assumedRoles: AssumedRole[];
  /** Calls so far, also those that failed. */
  calls: Record<Action, number>;
  /** How many connections are open now. */
  openConnections(): Promise<number>;
  /** Answers the next calls so, one each; afterwards they are handled again. */
  answerNext(action: Action, ...answers: SnsAnswer[]): void;
  /** Waits for a number of messages or for a condition. Throws after `timeoutMs` (default 10 s). */
  waitFor(condition: number | ((messages: PublishedMessage[]) => boolean), timeoutMs?: number): Promise<void>;
  /** Drops all connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts an HTTP endpoint that speaks the part of SNS and STS that publishing needs (AWS query
 * protocol), checks the signature of every call, and keeps FIFO messages from being taken twice.
 */
export async function startSnsEndpoint(options: SnsEndpointOptions): Promise<SnsEndpoint> {
  const messages: PublishedMessage[] = [];
  const assumedRoles: AssumedRole[] = [];
  const calls = { Publish: 0, AssumeRole: 0 };
  const scripted: Record<Action, SnsAnswer[]> = { Publish: [], AssumeRole: [] };
  const keys = new Map([[options.credentials.accessKeyId, options.credentials]]);

  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const form = new URLSearchParams(body);
    const action = form.get("Action");
    if (action !== "Publish" && action !== "AssumeRole") {
      sendError(response, { status: 400, code: "InvalidAction", message: "Unknown action" });
      return;
    }
    calls[action] += 1;
    const answer = scripted[action].shift() ?? answerTo(action, form, request, body);
    if (answer === "hang") return;
    if (answer === "reset") request.socket.resetAndDestroy();
    else if ("code" in answer) sendError(response, answer);
    else response.writeHead(answer.status, { "content-type": "text/xml" }).end(answer.body);
  }

  function answerTo(
    action: Action,
    form: URLSearchParams,
    request: IncomingMessage,
    body: string,
  ): SnsAnswer {
    const signature = verifySignature(request.headers, body, (id) => keys.get(id));
    if ("code" in signature) return { status: 403, ...signature };
    if (signature.service !== (action === "Publish" ? "sns" : "sts")) {
      return {
        status: 403,
        code: "SignatureDoesNotMatch",
        message: "Credential should be scoped to correct service",
      };
    }
    return action === "Publish" ? publish(form, signature) : assumeRole(form);
  }

  function publish(form: URLSearchParams, signature: Signature): SnsAnswer {
    const message = readPublish(form);
    if ("code" in message) return message;
    const { topicArn, deduplicationId } = message;
    if (topicArn.split(":")[3] !== signature.region) {
      return { status: 400, code: "InvalidParameter", message: "Invalid parameter: TopicArn" };
    }
    if (options.topics && !options.topics.includes(topicArn)) {
      return { status: 404, code: "NotFound", message: "Topic does not exist" };
    }
    const earlier = messages.find(
      (known) => known.topicArn === topicArn && known.deduplicationId === deduplicationId,
    );
    const taken =
      earlier && deduplicationId ? earlier : { ...message, ...signature, messageId: randomUUID() };
    if (taken !== earlier) messages.push(taken);
    return result("Publish", `<MessageId>${taken.messageId}</MessageId>`);
  }

  function assumeRole(form: URLSearchParams): SnsAnswer {
    const roleArn = form.get("RoleArn") ?? "";
    const externalId = form.get("ExternalId") ?? undefined;
    const role = options.roles?.[roleArn];
    if (!role || role.externalId !== externalId) {
      return { status: 403, code: "AccessDenied", message: "Not authorized to perform: sts:AssumeRole" };
    }
    const accessKeyId = `ASIA${randomUUID().replaceAll("-", "").slice(0, 16).toUpperCase()}`;
    const temporary = { accessKeyId, secretAccessKey: randomUUID(), sessionToken: randomUUID() };
    keys.set(accessKeyId, temporary);
    const sessionName = form.get("RoleSessionName") ?? "";
    assumedRoles.push({ roleArn, sessionName, accessKeyId, ...(externalId !== undefined && { externalId }) });
    return result(
      "AssumeRole",
      `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${temporary.secretAccessKey}</SecretAccessKey>` +
        `<SessionToken>${temporary.sessionToken}</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials>`,
    );
  }

  return {
    url: `http://127.0.0.1:${port}`,
    messages,
    assumedRoles,
    calls,
    openConnections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    answerNext: (action, ...answers) => void scripted[action].push(...answers),
    async waitFor(condition, timeoutMs = 10_000) {
      const holds = () =>
        typeof condition === "number" ? messages.length >= condition : condition(messages);
      await until(holds, { timeoutMs });
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function result(action: Action, content: string): { status: number; body: string } {
  const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;
  return {
    status: 200,
    body: `<${action}Response><${action}Result>${content}</${action}Result>${metadata}</${action}Response>`,
  };
}

function sendError(response: ServerResponse, { status, code, message }: SnsError): void {
  const safe = message.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  response
    .writeHead(status, { "content-type": "text/xml" })
    .end(
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${safe}</Message></Error>` +
        `<RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
    );
}
