// What every client entry exports beside its own client.
export { Code, ConnectError } from "@connectrpc/connect";
export * from "./errors.ts";
export * from "./event-publisher.ts";
export * from "./events.ts";
export * from "./messages.ts";
