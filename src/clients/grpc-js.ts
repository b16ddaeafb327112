import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, Metadata } from "@grpc/grpc-js";
import { canceledError, connectErrorFrom } from "./grpc-js-errors.ts";
import { retryConfig } from "./grpc-js-retries.ts";
import { exchange, receive } from "./grpc-js-stream.ts";
import type { GrpcJsCallOptions, GrpcJsClient, GrpcJsClientOptions } from "./grpc-js-types.ts";
import { withIdempotencyKeys } from "./idempotency-keys.ts";
import { identityHeaders } from "./identity.ts";
import { callLimitMs } from "./time-limits.ts";

export { credentials } from "@grpc/grpc-js";
export * from "./common.ts";
export type * from "./grpc-js-types.ts";

/** A method's input as it may be written. */
type Request = MessageInitShape<DescMessage>;

/** What the calls of one client have in common. */
interface Caller {
  client: Client;
  metadata: Metadata;
  deadlineMs: number;
}

/**
 * Makes a typed client of one service on @grpc/grpc-js. Clients of one address
 * and equal options share a connection. An event that is sent without an idempotency
 * key gets one, so that a repeated call does not make it twice.
 *
 * @param address host and port, for example "127.0.0.1:8080"
 * @param credentials `credentials.createInsecure()` or `credentials.createSsl(...)`
 * @throws TypeError for an `apiKey` or `tenantId` that cannot be one
 */
export function createGrpcJsClient<Service extends DescService>(
  service: Service,
  address: string,
  credentials: ChannelCredentials,
  options: GrpcJsClientOptions,
): GrpcJsClient<Service> {
  const { deadlineMs = 10_000, maxAttempts = 4 } = options;
  const { keepalive = { intervalMs: 30_000, timeoutMs: 10_000 } } = options;
  const client = new Client(address, credentials, {
    "grpc.keepalive_time_ms": keepalive.intervalMs,
    "grpc.keepalive_timeout_ms": keepalive.timeoutMs,
    // The default of two minutes would keep calls from a service that is back for as long.
    "grpc.max_reconnect_backoff_ms": 5_000,
    "grpc.service_config": JSON.stringify(retryConfig(service, maxAttempts)),
    ...options.channelOptions,
  });
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(identityHeaders(options))) metadata.set(name, value);

  const caller = { client, metadata, deadlineMs };
  const methods = service.methods.map((method) => [method.localName, callOf(caller, method)]);
  // The entries are what the type says; TypeScript cannot follow names through them.
  return { ...Object.fromEntries(methods), close: () => client.close() };
}

function callOf(caller: Caller, method: DescMethod) {
  const { methodKind } = method;
  switch (methodKind) {
    case "unary":
      return unary(caller, { ...method, methodKind });
    case "server_streaming":
      return serverStreaming(caller, { ...method, methodKind });
    case "bidi_streaming":
      return bidiStreaming(caller, { ...method, methodKind });
    case "client_streaming":
      throw new Error(`${method.name}: the API has no streams from clients alone`);
  }
}

function unary({ client, metadata, ...defaults }: Caller, method: DescMethodUnary) {
  const { path, serialize, deserialize } = wireFormat(method);
  return (request: Request, options: GrpcJsCallOptions = {}) =>
    new Promise<MessageShape<DescMessage>>((resolve, reject) => {
      const { signal, deadlineMs = defaults.deadlineMs } = options;
      if (signal?.aborted) throw canceledError();
      const call = client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        withIdempotencyKeys(method, request),
        metadata,
        deadlineIn(deadlineMs),
        (error, response) => {
          signal?.removeEventListener("abort", cancel);
          if (response !== undefined) resolve(response);
          else reject(connectErrorFrom(error));
        },
      );
      const cancel = () => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
}

function serverStreaming({ client, metadata }: Caller, method: DescMethodServerStreaming) {
  const { path, serialize, deserialize } = wireFormat(method);
  return (request: Request, { deadlineMs = 0, signal }: GrpcJsCallOptions = {}) =>
    receive(
      () =>
        client.makeServerStreamRequest(
          path,
          serialize,
          deserialize,
          request,
          metadata,
          deadlineIn(deadlineMs),
        ),
      signal,
    );
}

function bidiStreaming({ client, metadata }: Caller, method: DescMethodBiDiStreaming) {
  const { path, serialize, deserialize } = wireFormat(method);
  return (requests: AsyncIterable<Request>, { deadlineMs = 0, signal }: GrpcJsCallOptions = {}) =>
    exchange(
      () => client.makeBidiStreamRequest(path, serialize, deserialize, metadata, deadlineIn(deadlineMs)),
      requests,
      signal,
    );
}

function wireFormat(method: DescMethod) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    serialize(message: Request): Buffer {
      const bytes = toBinary(method.input, create(method.input, message));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function deadlineIn(milliseconds: number): { deadline?: number } {
  const limitMs = callLimitMs(milliseconds);
  return limitMs > 0 ? { deadline: Date.now() + limitMs } : {};
}
