import type { Call, HttpRequest } from "./calls.ts";

/**
 * Reads the whole body of a call. One that exceeds `limit` bytes is answered as far as it was
 * read, longer than the limit; the rest is read and dropped. Rejects with the reason of the
 * call's signal, and with what counting the body throws.
 */
export function readBody({ request, signal, countBody }: Call, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const chunks: Buffer[] = [];
    let size = 0;

    request.on("data", onData).on("end", onEnd).on("error", onError);
    signal.addEventListener("abort", onAbort);

    function onData(chunk: Buffer): void {
      try {
        countBody?.(chunk.length);
      } catch (error) {
        stopListening();
        reject(error);
        return;
      }
      chunks.push(chunk);
      size += chunk.length;
      if (size > limit) onEnd();
    }
    function onEnd(): void {
      stopListening();
      const [first] = chunks;
      resolve(first && chunks.length === 1 ? first : Buffer.concat(chunks, size));
    }
    function onError(error: Error): void {
      stopListening();
      reject(signal.aborted ? signal.reason : error);
    }
    function onAbort(): void {
      stopListening();
      reject(signal.reason);
    }
    function stopListening(): void {
      // The listener for errors stays: a connection that breaks later must not end the process.
      request.off("data", onData).off("end", onEnd);
      signal.removeEventListener("abort", onAbort);
      request.resume();
    }
  });
}

/**
 * The chunks of a body as they come. Throws the signal's reason. (Node's own
 * iterator of a request knows no signal, and destroys the connection, and with it
 * the response, when it is left early.)
 */
export async function* bodyChunks(request: HttpRequest, signal: AbortSignal): AsyncGenerator<Buffer> {
  let wake: (() => void) | undefined;
  let failure: Error | undefined;
  const onChange = (): void => wake?.();
  const onError = (error: Error): void => {
    failure = error;
    wake?.();
  };
  request.on("readable", onChange).on("end", onChange).on("error", onError);
  signal.addEventListener("abort", onChange);
  try {
    for (;;) {
      if (signal.aborted) throw signal.reason;
      if (failure) throw failure;
      const chunk: Buffer | null = request.read();
      if (chunk) yield chunk;
      else if (request.readableEnded) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    request.off("readable", onChange).off("end", onChange);
    signal.removeEventListener("abort", onChange);
    request.resume();
  }
}
