import type { Dispatcher } from "undici";
import { setPatientTimeout } from "../async/patient-timeout.ts";
import { describeFailure } from "./http-failure.ts";
import { parseRetryAfter } from "./retry-after.ts";

/** How a post ended. `error` never holds the URL or a header; `body` may echo them. */
export type PostResult =
  | {
      kind: "response";
      status: number;
      /** The first `maxResponseBytes` of the body, read as UTF-8. */
      body: string;
      /** What Retry-After asks for, in milliseconds; only on 429 and 503. */
      retryAfterMs?: number;
    }
  | { kind: "error"; error: string };

/**
 * One post, as the receiver of undici's callbacks. It uses `dispatch` because the
 * calls above it cost a stream and an abort controller for each post.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (result: PostResult) => void;
  readonly #signal: AbortSignal;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #done = false;
  #status = 0;
  #interim = 0;
  #retryAfterMs: number | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    resolve: (result: PostResult) => void,
    signal: AbortSignal,
    timeoutMs: number,
    maxBytes: number,
  ) {
    this.#resolve = resolve;
    this.#signal = signal;
    this.#maxBytes = maxBytes;
    const giveUp = () => this.#giveUp({ kind: "error", error: timedOut(timeoutMs) });
    this.#timer = setPatientTimeout(giveUp, timeoutMs);
    signal.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited for a connection: throwing drops the request unsent
    // and spares the connection, which aborting would close.
    if (this.#done) throw settled;
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // An interim response (1xx) is replaced by the one that follows.
    this.#status = status;
    if (status < 200 && ++this.#interim > maxInterim) this.#giveUp(endlessInterim);
    if (status === 429 || status === 503) {
      this.#retryAfterMs = parseRetryAfter(headers["retry-after"], Date.now());
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) return;
    this.#settle(this.#response());
    // Throwing closes the connection and keeps undici from parsing what it has read.
    throw settled;
  }

  onResponseEnd(): void {
    this.#settle(this.#response());
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#settle({ kind: "error", error: describeFailure(error) });
  }

  #onAbort = (): void => this.#giveUp(aborted);

  #giveUp(result: PostResult): void {
    this.#settle(result);
    this.#controller?.abort(settled);
  }

  #settle(result: PostResult): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#resolve(result);
  }

  #response(): PostResult {
    const [first = Buffer.alloc(0), ...rest] = this.#chunks;
    const bytes = rest.length === 0 ? first : Buffer.concat(this.#chunks);
    return {
      kind: "response",
      status: this.#status,
      body: bytes.toString("utf8", 0, this.#maxBytes),
      ...(this.#retryAfterMs !== undefined && { retryAfterMs: this.#retryAfterMs }),
    };
  }
}

/** An endpoint that sends more interim responses than this is not going to answer. */
const maxInterim = 20;
const endlessInterim: PostResult = { kind: "error", error: "too many interim responses (1xx)" };

const timedOut = (timeoutMs: number) => `timed out after ${timeoutMs} ms`;

/** The reason for ending a request whose result is known; thrown often, so made once. */
const settled = new Error("The post is settled");
/** The result of a post that its caller no longer wants. */
export const aborted: PostResult = { kind: "error", error: "aborted" };
