import type { DescMethod } from "@bufbuild/protobuf";
import { type Message, restCall } from "../../scripts/docs/rest-call.ts";

export type { Message };

/** A call and its answer as they went over the wire. */
export interface Exchange {
  /** What the call is an example of. */
  case: string;
  request: { method: string; path: string; headers?: Record<string, string>; body?: unknown };
  response: { status: number; headers: Record<string, string>; body?: unknown };
}

/** How the same message is sent by one of the protocols. */
export type Protocol = "rest" | "connect";

/** The REST call, by its google.api.http annotation, or the Connect JSON call that carries the message. */
export function requestOf(protocol: Protocol, method: DescMethod, message: Message): Exchange["request"] {
  if (protocol === "connect") {
    return { method: "POST", path: `/${method.parent.typeName}/${method.name}`, body: message };
  }
  return restCall(method, message);
}

/** Sends the request and answers the whole exchange. A body that is a text goes out as it is. */
export async function exchange(
  baseUrl: string,
  name: string,
  request: Exchange["request"],
  headers: Record<string, string>,
): Promise<Exchange> {
  const { method, path, body } = request;
  const response = await fetch(`${baseUrl}${path}`, {
    method,
    headers: {
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...request.headers,
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const kept = ["content-type", "allow", "retry-after", "www-authenticate"];
  return {
    case: name,
    request,
    response: {
      status: response.status,
      headers: Object.fromEntries([...response.headers].filter(([header]) => kept.includes(header))),
      ...(text !== "" && { body: JSON.parse(text) }),
    },
  };
}
