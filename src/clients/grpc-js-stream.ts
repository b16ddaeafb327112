import { Readable } from "node:stream";
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { canceledError, connectErrorFrom } from "./grpc-js-errors.ts";

/**
 * Yields the responses, with backpressure. The call begins when the first one is
 * asked for. It is cancelled when the reader leaves its loop early or when
 * `signal` aborts. Errors are ConnectError.
 */
export async function* receive<Response>(
  begin: () => ClientReadableStream<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Response, void, void> {
  if (signal?.aborted) throw canceledError();
  const call = begin();
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  // The loop below reports errors while it runs. After it, the cancellation
  // itself still comes back as an error, which without a listener would end the process.
  call.on("error", () => {});
  try {
    for await (const response of call) yield response as Response;
  } catch (error) {
    throw connectErrorFrom(error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}

/**
 * Sends `requests` and yields the responses as `receive` does, each side with
 * backpressure of its own. When `requests` throws, the call is cancelled, and
 * that error is thrown to the reader.
 */
export async function* exchange<Request, Response>(
  begin: () => ClientDuplexStream<Request, Response>,
  requests: AsyncIterable<Request>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Response, void, void> {
  const source = Readable.from(requests);
  let sourceError: Error | undefined;
  function beginSending(): ClientDuplexStream<Request, Response> {
    const call = begin();
    source.on("error", (error) => {
      sourceError = error;
      call.cancel();
    });
    source.pipe(call as NodeJS.WritableStream);
    return call;
  }
  try {
    yield* receive(beginSending, signal);
  } catch (error) {
    throw sourceError ?? error;
  } finally {
    source.destroy();
  }
}
