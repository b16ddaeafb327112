import type { ConnectRouter } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Authenticate } from "../services/caller.ts";
import type { FieldValidator } from "../services/field-validator.ts";
import type { HttpRequest, HttpResponse } from "./calls.ts";
import type { ObserveCall } from "./observe-call.ts";
import type { TlsFiles } from "./tls-files.ts";

export interface ServerOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** Serve TLS; absent: plain text. */
  tls?: TlsFiles | undefined;
  /** Registers the services. */
  routes(router: ConnectRouter): void;
  authenticate: Authenticate;
  validate: FieldValidator;
  /** Rejects while the service cannot work. */
  ready(): Promise<void>;
  /** Bound on one message, compressed or not. */
  maxBodyBytes: number;
  /** Deadline of every unary call; a client may ask for an earlier one. Streams have none. */
  requestTimeoutMs: number;
  /** How long calls may go on after close() before they end as "unavailable". */
  shutdownGraceMs: number;
  log: Logger;
  /** Told of every call. Default: nobody is. */
  observe?: ObserveCall;
  /** What there is beside the API. Default: nothing. */
  pages?: Pages;
}

/** Answers requests for pages such as /metrics; false leaves a request to the API. Must not throw. */
export type Pages = (request: HttpRequest, response: HttpResponse) => boolean;
