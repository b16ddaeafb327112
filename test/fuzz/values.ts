import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Random } from "../support/random.ts";

/** Values that the rules allow, by the name of the field. */
const good: Record<string, JsonValue> = {
  name: "fuzz",
  type: "grant.active",
  event_type: "grant.active",
  webhook_url: "http://127.0.0.1:9/hook",
  url: "http://127.0.0.1:9/hook",
  smtp_host: "127.0.0.1",
  smtp_port: 25,
  from_address: "a@example.com",
  to_addresses: ["b@example.com"],
  topic_arn: "arn:aws:sns:eu-central-1:123456789012:topic",
  event_filters: ["grant.active"],
  enabled: false,
  ordered: true,
  page_size: 3,
  state: "pending",
  channel_type: "email",
  resource_type: "channel",
  duration_seconds: 60,
  attributes: { a: { b: [1, "x", null, true] } },
  config: { url: "http://127.0.0.1:9/other" },
  headers: { "x-fuzz": "1" },
  occurred_at: "2026-01-31T12:00:00Z",
  expires_at: "2026-01-31T12:00:00.123Z",
  deliver_before: "2099-01-31T12:00:00Z",
  update_mask: "name,enabled",
  signing_secret: "secret",
  time_zone: "Europe/Berlin",
};

/** Fields without which a request is not valid. */
const required = [
  "id",
  "name",
  "type",
  "webhook_url",
  "url",
  "smtp_host",
  "smtp_port",
  "from_address",
  "to_addresses",
  "topic_arn",
  "events",
];

const nasty: readonly JsonValue[] = [
  null,
  true,
  0,
  -1,
  1e308,
  -0,
  2_147_483_648,
  9_007_199_254_740_992,
  0.1,
  "",
  "x".repeat(300),
  "\ud800",
  "\u0000",
  "\u202e\u200b",
  "NaN",
  "-Infinity",
  "1e5",
  "../../etc/passwd",
  "' or '1'='1",
  "{{7*7}}",
  "javascript:alert(1)",
  "http://[::1]:99999/",
  "http://user:pass@h/#f",
  "https://[v1.x]/",
  "\r\nX-Injected: 1",
  "sealed:v1:00000000:AAAA",
  "********",
  "9999-12-31T23:59:60Z",
  [],
  {},
  [[[[]]]],
  { "": "" },
  { __proto__x: 1, constructor: { prototype: 1 } },
  ["a", 1, null],
];

/** Makes JSON for messages: mostly of the right shape, often with something wrong in it. */
export function createValues(random: Random, ids: readonly string[]) {
  function id(): string {
    return random.chance(0.8) ? random.pick(ids) : "0190a0b0-3333-7000-8000-000000000003";
  }

  function goodValue(field: DescField, depth: number): JsonValue {
    if (/(^|_)id$/.test(field.name) && field.scalar !== undefined) return id();
    const known = good[field.name];
    if (known !== undefined) return known;
    if (field.fieldKind === "list" && field.listKind === "message") {
      return Array.from({ length: random.below(4) }, () => message(field.message, depth + 1));
    }
    if (field.fieldKind === "message") return message(field.message, depth + 1);
    return "fuzz";
  }

  function message(desc: DescMessage, depth = 0): JsonObject {
    if (depth > 4) return {};
    const json: JsonObject = {};
    for (const field of desc.fields) {
      if (!required.includes(field.name) && random.chance(0.7)) continue;
      if (random.chance(0.02)) continue;
      const name = random.chance(0.9) ? field.name : field.jsonName;
      json[name] = random.chance(0.06) ? random.pick(nasty) : goodValue(field, depth);
    }
    if (random.chance(0.02))
      json[random.pick(["nope", "__proto__", "$typeName", "", "constructor"])] = random.pick(nasty);
    return json;
  }

  return { message, id, nasty: () => random.pick(nasty) };
}

/** Changes some bytes: flips, drops, doubles, inserts, cuts. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let result = bytes;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(result.length + 1);
    const length = 1 + random.below(8);
    switch (random.below(5)) {
      case 0:
        result = Buffer.from(result);
        if (result.length > 0) result[at % result.length] = random.below(256);
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(Math.max(0, at - length))]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, at), random.bytes(length), result.subarray(at)]);
        break;
      default:
        result = result.subarray(0, at);
    }
  }
  return result;
}
