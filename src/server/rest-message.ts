import { create, fromJsonString, type JsonValue, type Message, mergeFromJson } from "@bufbuild/protobuf";
import { invalidField, invalidFields, refuse } from "../services/errors.ts";
import { impossibleTimes, mayHoldImpossibleTime } from "../services/impossible-times.ts";
import { explainJsonError, parseJson } from "../services/json-violations.ts";
import { readQuery } from "./rest-query.ts";
import type { Route } from "./rest-routes.ts";

type Variables = Record<string, string>;

/** The message of a call without a body. Throws the error that names every bad parameter. */
export function messageFromQuery(route: Route, variables: Variables, query: URLSearchParams): Message {
  const { json, violations } = readQuery(route, query);
  refuse(violations);
  const message = merge(route, create(route.method.input), { ...json, ...variables });
  refuse([...impossibleTimes(route.method.input, json)]);
  return message;
}

/**
 * The message of a call whose body is the message. Throws the error that names
 * every unknown field and every wrong type. `body`: UTF-8; an empty one counts as `{}`.
 */
export function messageFromBody(
  route: Route,
  variables: Variables,
  query: URLSearchParams,
  body: Buffer,
): Message {
  const { violations } = readQuery(route, query);
  refuse(violations);
  const text = body.length > 0 ? decodeText(body) : "{}";
  const { input } = route.method;
  let message: Message;
  try {
    // From the text and not from parsed JSON: only so are keys that occur twice refused.
    message = fromJsonString(input, text);
  } catch (error) {
    throw invalidFields(explainJsonError(input, parseJson(text), error));
  }
  if (mayHoldImpossibleTime.test(text)) refuse([...impossibleTimes(input, JSON.parse(text))]);
  if (route.pathFields.length === 0 && !route.updateMask) return message;
  const json = JSON.parse(text) as { [key: string]: JsonValue };
  refuseContradictions(route, json, variables);
  return merge(route, message, { ...variables, ...maskOf(route, json) });
}

function merge({ method: { input } }: Route, message: Message, json: JsonValue): Message {
  try {
    return mergeFromJson(input, message, json);
  } catch (error) {
    throw invalidFields(explainJsonError(input, json, error));
  }
}

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (error) {
    if (error instanceof TypeError) throw invalidField("", "the body is not UTF-8");
    throw error;
  }
}

/** A body may repeat what the path says, as a client does that sends back what it got. */
function refuseContradictions(
  { pathFields }: Route,
  json: { [key: string]: JsonValue },
  variables: Variables,
) {
  const violations = pathFields.flatMap(({ name, jsonName }) => {
    const sent = json[name] ?? json[jsonName];
    return sent === undefined || sent === null || String(sent) === variables[name]
      ? []
      : [{ field: name, message: "must be absent or what the path says" }];
  });
  refuse(violations);
}

/**
 * update_mask as JSON, naming the fields that the body names. Otherwise an empty
 * list or a null could not be told from a field that was left out.
 */
function maskOf({ updateMask, pathFields, method }: Route, json: { [key: string]: JsonValue }) {
  if (!updateMask || updateMask.name in json || updateMask.jsonName in json) return {};
  const named = method.input.fields.filter(
    (field) => !pathFields.includes(field) && (field.name in json || field.jsonName in json),
  );
  return named.length > 0 ? { [updateMask.name]: named.map(({ jsonName }) => jsonName).join(",") } : {};
}
