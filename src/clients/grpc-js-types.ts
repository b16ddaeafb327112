import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { ChannelOptions } from "@grpc/grpc-js";

/**
 * The methods of a service, typed from its descriptor. Calls throw ConnectError;
 * `errorDetailOf` says what was wrong in detail.
 */
export type GrpcJsClient<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: GrpcJsMethod<Service["method"][Name]>;
} & {
  /** Closes the channel; calls in flight still end by themselves. */
  close(): void;
};

type GrpcJsMethod<Method extends DescMethod> =
  Method extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageInitShape<Input>, options?: GrpcJsCallOptions) => Promise<MessageShape<Output>>
    : Method extends DescMethodServerStreaming<infer Input, infer Output>
      ? (request: MessageInitShape<Input>, options?: GrpcJsCallOptions) => AsyncIterable<MessageShape<Output>>
      : Method extends DescMethodBiDiStreaming<infer Input, infer Output>
        ? (
            requests: AsyncIterable<MessageInitShape<Input>>,
            options?: GrpcJsCallOptions,
          ) => AsyncIterable<MessageShape<Output>>
        : never;

export interface GrpcJsCallOptions {
  /** Time that this call may take, all attempts together, in milliseconds; 0 or Infinity for no limit. */
  deadlineMs?: number;
  /** Cancels the call, which then throws ConnectError with Code.Canceled. */
  signal?: AbortSignal;
}

export interface GrpcJsClientOptions {
  apiKey: string;
  /** UUID of the tenant that the calls are about. */
  tenantId: string;
  /**
   * Time that a unary call may take, all attempts together, in milliseconds; default
   * 10,000, 0 or Infinity for no limit. Streams have no limit unless their call sets one.
   */
  deadlineMs?: number;
  /**
   * How often a call may be tried in all while the service cannot be reached, 1 to 5;
   * default 4, over about five seconds. It holds for calls that may safely be
   * repeated: those that read, those that set a state, and those that send events.
   */
  maxAttempts?: number;
  /** Pings that notice a dead connection during a call; default every 30 s, answered within 10 s. */
  keepalive?: { intervalMs: number; timeoutMs: number };
  /** Further options of the grpc-js channel; they go before those made here. */
  channelOptions?: ChannelOptions;
}
