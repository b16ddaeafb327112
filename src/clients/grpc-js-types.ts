import type {
  DescMethodBiDiStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { ChannelOptions } from "@grpc/grpc-js";

/**
 * The unary and the two-way streaming methods of a service, typed from its
 * descriptor. Calls throw ConnectError; `errorDetailOf` says what was wrong in
 * detail.
 */
export type GrpcJsClient<Service extends DescService> = GrpcJsMethods<Service["method"]> & {
  /** Closes the channel; calls in flight still end by themselves. */
  close(): void;
};

type GrpcJsMethods<Methods extends DescService["method"]> = {
  readonly [Name in keyof Methods as Methods[Name] extends DescMethodUnary | DescMethodBiDiStreaming
    ? Name
    : never]: Methods[Name] extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageInitShape<Input>, options?: GrpcJsCallOptions) => Promise<MessageShape<Output>>
    : Methods[Name] extends DescMethodBiDiStreaming<infer Input, infer Output>
      ? (
          requests: AsyncIterable<MessageInitShape<Input>>,
          options?: GrpcJsCallOptions,
        ) => AsyncIterable<MessageShape<Output>>
      : never;
};

export interface GrpcJsCallOptions {
  /** Time that this call may take, in milliseconds; 0 for no limit. */
  deadlineMs?: number;
  /** Cancels the call, which then throws ConnectError with Code.Canceled. */
  signal?: AbortSignal;
}

export interface GrpcJsClientOptions {
  apiKey: string;
  /** UUID of the tenant that the calls are about. */
  tenantId: string;
  /**
   * Time that a unary call may take, in milliseconds; default 10,000, 0 for no
   * limit. Streams have no limit unless their call sets one.
   */
  deadlineMs?: number;
  /** Pings that notice a dead connection during a call; default every 30 s, answered within 10 s. */
  keepalive?: { intervalMs: number; timeoutMs: number };
  /** Further options of the grpc-js channel. */
  channelOptions?: ChannelOptions;
}
