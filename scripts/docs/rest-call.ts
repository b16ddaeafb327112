import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { http } from "../../gen/google/api/annotations_pb.js";

export type Message = Record<string, unknown>;

/** An HTTP request that calls a method. */
export interface RestCall {
  method: string;
  path: string;
  body?: unknown;
}

/** The REST call that carries a message, by the method's google.api.http annotation. */
export function restCall(method: DescMethod, message: Message): RestCall {
  const { pattern, body } = getOption(method, http);
  if (typeof pattern.value !== "string") throw new Error(`${method.name} has no REST call`);
  const rest = { ...message };
  const path = pattern.value.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = rest[name];
    delete rest[name];
    return String(value);
  });
  const verb = pattern.case?.toUpperCase() ?? "";
  if (body === "*") return { method: verb, path, body: rest };
  const query = Object.entries(rest).flatMap(([name, value]) =>
    [value]
      .flat()
      .map((item) => `${name}=${encodeURIComponent(String(item)).replace(/%7B%7B(\w+)%7D%7D/g, "{{$1}}")}`),
  );
  return { method: verb, path: query.length > 0 ? `${path}?${query.join("&")}` : path };
}
