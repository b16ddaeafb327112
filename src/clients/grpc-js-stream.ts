import { Readable } from "node:stream";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { canceledError, connectErrorFrom } from "./grpc-js-errors.ts";

/**
 * Sends `requests` and yields the responses, each side with backpressure of its
 * own. The call begins when the responses are first asked for. It is cancelled
 * when the reader leaves its loop early, when `signal` aborts, or when
 * `requests` throws; that error is then thrown to the reader. All other errors
 * are ConnectError.
 */
export async function* exchange<Request, Response>(
  begin: () => ClientDuplexStream<Request, Response>,
  requests: AsyncIterable<Request>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Response, void, void> {
  if (signal?.aborted) throw canceledError();
  const call = begin();
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  // The loop below reports errors while it runs. After it, the cancellation
  // itself still comes back as an error, which without a listener would end the process.
  call.on("error", () => {});
  const source = Readable.from(requests);
  let sourceError: Error | undefined;
  source.on("error", (error) => {
    sourceError = error;
    call.cancel();
  });
  source.pipe(call as NodeJS.WritableStream);
  try {
    for await (const response of call) yield response as Response;
  } catch (error) {
    throw sourceError ?? connectErrorFrom(error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    source.destroy();
    call.cancel();
  }
}
