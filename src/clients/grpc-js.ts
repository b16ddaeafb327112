import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, Metadata } from "@grpc/grpc-js";
import { canceledError, connectErrorFrom } from "./grpc-js-errors.ts";
import { exchange } from "./grpc-js-stream.ts";
import type { GrpcJsCallOptions, GrpcJsClient, GrpcJsClientOptions } from "./grpc-js-types.ts";

export { Code, ConnectError } from "@connectrpc/connect";
export { credentials } from "@grpc/grpc-js";
export * from "./errors.ts";
export type * from "./grpc-js-types.ts";
export * from "./messages.ts";

/**
 * Makes a typed client of one service on @grpc/grpc-js. Clients of one address
 * and equal options share a connection.
 *
 * @param address host and port, for example "127.0.0.1:8080"
 * @param credentials `credentials.createInsecure()` or `credentials.createSsl(...)`
 */
export function createGrpcJsClient<Service extends DescService>(
  service: Service,
  address: string,
  credentials: ChannelCredentials,
  options: GrpcJsClientOptions,
): GrpcJsClient<Service> {
  const { deadlineMs = 10_000, keepalive = { intervalMs: 30_000, timeoutMs: 10_000 } } = options;
  const client = new Client(address, credentials, {
    "grpc.keepalive_time_ms": keepalive.intervalMs,
    "grpc.keepalive_timeout_ms": keepalive.timeoutMs,
    ...options.channelOptions,
  });
  const metadata = new Metadata();
  metadata.set("x-api-key", options.apiKey);
  metadata.set("x-tenant-id", options.tenantId);

  const methods: Record<string, unknown> = { close: () => client.close() };
  for (const method of service.methods) {
    const { methodKind } = method;
    if (methodKind === "unary") {
      methods[method.localName] = unary(client, { ...method, methodKind }, metadata, deadlineMs);
    } else if (methodKind === "bidi_streaming") {
      methods[method.localName] = bidi(client, { ...method, methodKind }, metadata);
    }
  }
  // The loop has just made what the type says; TypeScript cannot follow names through it.
  return methods as GrpcJsClient<Service>;
}

function unary(client: Client, method: DescMethodUnary, metadata: Metadata, defaultDeadlineMs: number) {
  const { path, serialize, deserialize } = wireFormat(method);
  return (request: MessageInitShape<DescMessage>, options: GrpcJsCallOptions = {}) =>
    new Promise<MessageShape<DescMessage>>((resolve, reject) => {
      const { signal, deadlineMs = defaultDeadlineMs } = options;
      if (signal?.aborted) throw canceledError();
      const call = client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
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

function bidi(client: Client, method: DescMethodBiDiStreaming, metadata: Metadata) {
  const { path, serialize, deserialize } = wireFormat(method);
  return (requests: AsyncIterable<MessageInitShape<DescMessage>>, options: GrpcJsCallOptions = {}) =>
    exchange(
      () =>
        client.makeBidiStreamRequest(
          path,
          serialize,
          deserialize,
          metadata,
          deadlineIn(options.deadlineMs ?? 0),
        ),
      requests,
      options.signal,
    );
}

function wireFormat(method: DescMethodUnary | DescMethodBiDiStreaming) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    serialize(message: MessageInitShape<DescMessage>): Buffer {
      const bytes = toBinary(method.input, create(method.input, message));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function deadlineIn(milliseconds: number): { deadline?: number } {
  return milliseconds > 0 ? { deadline: Date.now() + milliseconds } : {};
}
