import { randomBytes } from "node:crypto";
import {
  create,
  createRegistry,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonObject,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CreateGenericWebhookChannelRequestSchema,
  CreateSlackWebhookChannelRequestSchema,
} from "../../gen/jitsudo/notifications/v1/channel_pb.js";
import { IngestEventRequestSchema } from "../../gen/jitsudo/notifications/v1/event_pb.js";
import { file_jitsudo_notifications_v1_rules } from "../../gen/jitsudo/notifications/v1/rules_pb.js";
import { eventTypes } from "../../src/events.ts";
import { canonicalPayload } from "../../src/services/canonical-payload.ts";
import { createFieldValidator } from "../../src/services/field-validator.ts";
import { cutPage, makeToken, pageRequest } from "../../src/services/page.ts";
import { changedFields } from "../../src/store/changed-fields.ts";
import {
  maskConfig,
  openConfig,
  resealConfig,
  sealConfig,
  unmaskConfig,
} from "../../src/store/channel-secrets.ts";
import { createSecretBox } from "../../src/store/secret-box.ts";

const key = () => randomBytes(32);
const box = createSecretBox([key()]);
const channelId = "0190a0b0-3333-7000-8000-000000000003";

const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.toWellFormed());
const token = fc.string({ unit: fc.constantFrom(..."abcXYZ0189_-"), minLength: 10, maxLength: 40 });
const headerName = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "authorization", "X-A"),
  fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/),
);
const headers = fc
  .uniqueArray(fc.tuple(headerName, fc.stringMatching(/^[\x20-\x7e]{0,40}$/)), { selector: ([name]) => name })
  .map((entries) => Object.fromEntries(entries));
const config = fc.record(
  {
    url: token.map((path) => `https://example.com/${path}`),
    headers,
    signing_secret: token,
  },
  { requiredKeys: ["url"] },
);

describe("secrets of a config", () => {
  it("come back as they were, and are nowhere while they are sealed or masked", () => {
    fc.assert(
      fc.property(config, (plain) => {
        const sealed = sealConfig(box, channelId, "generic_webhook", plain);
        expect(openConfig(box, channelId, "generic_webhook", sealed)).toEqual(plain);
        const masked = maskConfig("generic_webhook", plain);
        for (const shown of [sealed, masked].map((value) => JSON.stringify(Object.values(value)))) {
          expect(shown).not.toContain(plain.url.slice("https://example.com/".length));
          if (plain.signing_secret) expect(shown).not.toContain(plain.signing_secret);
        }
        expect(Object.keys(masked)).toEqual(Object.keys(plain));
      }),
    );
  });

  it("are kept by an update that sends the masks back, and replaced by one that does not", () => {
    fc.assert(
      fc.property(config, config, (current, next) => {
        const masked = maskConfig("generic_webhook", current);
        expect(unmaskConfig("generic_webhook", masked, current)).toEqual(current);
        expect(unmaskConfig("generic_webhook", next, current)).toEqual(next);
        const renamed = { ...masked, headers: { ...current.headers, "x-new": "********" } };
        // A mask without a secret behind it is a value like any other.
        expect(unmaskConfig("generic_webhook", renamed, current)).toMatchObject({
          headers: { "x-new": "********" },
        });
      }),
    );
  });

  it("survive the rotation of keys, and do not open in another place", () => {
    fc.assert(
      fc.property(config, (plain) => {
        const [older, newer] = [key(), key()];
        const sealed = sealConfig(createSecretBox([older]), channelId, "generic_webhook", plain);
        const both = createSecretBox([newer, older]);
        const rotated = resealConfig(both, channelId, "generic_webhook", sealed);
        expect(rotated).toBeDefined();
        const only = createSecretBox([newer]);
        expect(openConfig(only, channelId, "generic_webhook", rotated ?? {})).toEqual(plain);
        expect(resealConfig(both, channelId, "generic_webhook", rotated ?? {})).toBeUndefined();
        expect(() => openConfig(only, channelId, "generic_webhook", sealed)).toThrow(
          "JITSUDO_ENCRYPTION_KEYS",
        );
        expect(() => openConfig(only, "another", "generic_webhook", rotated ?? {})).toThrow();
      }),
    );
  });

  it("are never among the names of changed fields", () => {
    fc.assert(
      fc.property(config, config, (before, after) => {
        const settings = { name: "x", enabled: true, ordered: true, eventFilters: [] };
        const names = changedFields({ ...settings, config: before }, { ...settings, config: after });
        const allowed = ["config.headers", "config.signing_secret", "config.url"];
        expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
        expect(changedFields({ ...settings, config: after }, { ...settings, config: after })).toEqual([]);
      }),
    );
  });
});

describe("the secret box", () => {
  it("opens what it sealed, and nothing that was changed by a byte", () => {
    fc.assert(
      fc.property(text, text, fc.nat(), fc.integer({ min: 1, max: 255 }), (plain, context, at, flip) => {
        const sealed = box.seal(plain, context);
        expect(box.open(sealed, context)).toBe(plain);
        expect(box.seal(plain, context)).not.toBe(sealed);
        expect(() => box.open(sealed, `${context}x`)).toThrow();
        const head = sealed.lastIndexOf(":") + 1;
        const bytes = Buffer.from(sealed.slice(head), "base64url");
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ flip;
        expect(() => box.open(sealed.slice(0, head) + bytes.toString("base64url"), context)).toThrow();
      }),
    );
  });

  it("throws for whatever it did not seal", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((rest) => `sealed:v1:${rest}`),
        ),
        (garbage) => {
          expect(() => box.open(garbage, "context")).toThrow();
        },
      ),
    );
    expect(() => box.open(box.seal("secret", "c").slice(0, -12), "c")).toThrow();
    expect(() => createSecretBox([])).toThrow();
    expect(() => createSecretBox([Buffer.alloc(31)])).toThrow();
  });
});

describe("page tokens", () => {
  it("bring the next page of any list, each item once", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.uuid(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        (ids, size) => {
          const sorted = ids.sort();
          const seen: string[] = [];
          let pageToken = "";
          do {
            const { after } = pageRequest({ pageSize: size, pageToken });
            const rest = sorted.filter((id) => after === undefined || id > after).map((id) => ({ id }));
            const { items, next } = cutPage(rest.slice(0, size + 1), size);
            seen.push(...items.map(({ id }) => id));
            pageToken = next;
          } while (pageToken !== "");
          expect(seen).toEqual(sorted);
        },
      ),
    );
  });

  it("that no list has given are refused", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ minLength: 1 }), fc.base64String({ minLength: 4 })), (pageToken) => {
        expect(() => pageRequest({ pageSize: 1, pageToken })).toThrow("page_token");
      }),
    );
  });

  it("that differ in one character from what a list has given are refused", () => {
    const character = fc.constantFrom(..."ABCabc012-_=. ");
    fc.assert(
      fc.property(fc.uuid(), fc.nat({ max: 26 }), character, (id, at, other) => {
        const token = makeToken(id);
        fc.pre(token[at] !== other);
        for (const pageToken of [token.slice(0, at), token.slice(0, at) + other + token.slice(at + 1)]) {
          fc.pre(pageToken !== "");
          expect(() => pageRequest({ pageSize: 1, pageToken })).toThrow("page_token");
        }
      }),
    );
  });
});

describe("the rules of URLs", () => {
  const validate = createFieldValidator();
  const url = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string({ unit: "binary" }).map((rest) => `http://${rest}`),
    fc.string({ unit: fc.constantFrom(..."/:@?#[]%. \\\n\tv1ahttps") }).map((rest) => `https://h${rest}`),
  );

  it("let nothing pass that cannot be shown masked, and no user, password or fragment", () => {
    fc.assert(
      fc.property(url, (value) => {
        const slack = create(CreateSlackWebhookChannelRequestSchema, { name: "x", webhookUrl: value });
        const webhook = create(CreateGenericWebhookChannelRequestSchema, { name: "x", url: value });
        const accepted = validate(CreateSlackWebhookChannelRequestSchema, slack).length === 0;
        expect(validate(CreateGenericWebhookChannelRequestSchema, webhook).length === 0).toBe(accepted);
        if (!accepted) return;
        const { url: masked } = maskConfig("generic_webhook", { url: value });
        const parsed = URL.parse(value);
        if (parsed) {
          expect([parsed.username, parsed.password, parsed.hash]).toEqual(["", "", ""]);
          if (parsed.pathname + parsed.search !== "/") expect(masked).toBe(`${parsed.origin}/********`);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the rules of an event", () => {
  const rules = createValidator({ registry: createRegistry(file_jitsudo_notifications_v1_rules) });
  const validate = createFieldValidator();
  const char = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(..."ab1-._~:/?#@!$&'()*+,;=% <>") },
    fc.constantFrom(
      '"',
      "\\",
      "^",
      "`",
      "{",
      "\u00e9",
      "\u{1f6a8}",
      "\u0000",
      "\n",
      "\u001f",
      "\u007f",
      "\u00a0",
      "\u2028",
      "\ud800",
    ),
  );
  const ofLength = (edge: number) =>
    fc
      .tuple(fc.string({ unit: char, maxLength: 8 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
      .map(([text, more, long]) => (long ? text.padEnd(edge + more, "a") : text));
  const url = fc
    .tuple(
      fc.constantFrom("", "http://", "https://", "HTTPS://", "ftp://", " http://", "http:/"),
      ofLength(2_040),
    )
    .map((parts) => parts.join(""));
  const event = fc.record(
    {
      type: fc.constantFrom(
        ...eventTypes,
        "",
        "channel.disabled",
        "Grant.active",
        "grant.active ",
        "toString",
      ),
      idempotencyKey: ofLength(255),
      requestId: ofLength(255),
      grantId: ofLength(255),
      requester: ofLength(1_024),
      reviewer: ofLength(1_024),
      resourceType: ofLength(255),
      resourceId: ofLength(2_048),
      permissionSetArn: ofLength(2_048),
      durationSeconds: fc.constantFrom(0, 1, -1, 2_147_483_647, -2_147_483_648),
      justification: ofLength(16_384),
      reason: ofLength(16_384),
      url,
    },
    { requiredKeys: [] },
  );

  it("are kept as the proto states them, also where the service has a faster way to check", () => {
    fc.assert(
      // One field at a time beside a good type, so that one bad field does not hide what becomes of another.
      fc.property(event, fc.nat(), (fields, choice) => {
        const names = Object.keys(fields) as (keyof typeof fields)[];
        const name = names[choice % names.length];
        const alone = { type: "grant.active", ...(name && { [name]: fields[name] }) };
        for (const init of [fields, alone]) {
          const message = create(IngestEventRequestSchema, init);
          const allowed = rules.validate(IngestEventRequestSchema, message).kind === "valid";
          expect(validate(IngestEventRequestSchema, message).length === 0).toBe(allowed);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("the canonical form of an event", () => {
  const number = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 0.1 + 0.2),
  );
  const { value: jsonValue } = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      text,
      number,
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      tie("object"),
    ),
    object: fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  }));
  const event = fc.record(
    {
      type: fc.constant("grant.active"),
      reason: text,
      requester: text,
      duration_seconds: fc.integer({ min: 0, max: 2_147_483_647 }),
      expires_at: fc
        .date({
          min: new Date("0001-01-01T00:00:00Z"),
          max: new Date("9999-12-31T23:59:59Z"),
          noInvalidDate: true,
        })
        .map((date) => date.toISOString()),
      attributes: fc.dictionary(text, jsonValue, { maxKeys: 5, noNullPrototype: true }),
    },
    { requiredKeys: ["type"] },
  );

  it("is the same for equal JSON, whatever the order of keys, the escapes, the spaces and the protocol", () => {
    fc.assert(
      fc.property(event, fc.nat(), (json, seed) => {
        const message = fromJson(IngestEventRequestSchema, json as JsonObject);
        const canonical = canonicalPayload(message);
        const otherwise = fromJsonString(IngestEventRequestSchema, writtenDifferently(json, seed));
        expect(canonicalPayload(otherwise)).toBe(canonical);
        const binary = fromBinary(IngestEventRequestSchema, toBinary(IngestEventRequestSchema, message));
        expect(canonicalPayload(binary)).toBe(canonical);
        // What the canonical text says is the event again.
        expect(canonicalPayload(fromJsonString(IngestEventRequestSchema, canonical))).toBe(canonical);
      }),
      { numRuns: 500 },
    );
  });

  it("differs when anything differs, and leaves out what only tells how to handle the event", () => {
    fc.assert(
      fc.property(event, event, (one, other) => {
        const [first, second] = [one, other].map((json) =>
          fromJson(IngestEventRequestSchema, json as JsonObject),
        );
        if (!first || !second) throw new Error("Both are there");
        const equal =
          JSON.stringify(sorted(toJson(IngestEventRequestSchema, first))) ===
          JSON.stringify(sorted(toJson(IngestEventRequestSchema, second)));
        expect(canonicalPayload(first) === canonicalPayload(second)).toBe(equal);
        const handled = fromJson(IngestEventRequestSchema, {
          ...(one as JsonObject),
          idempotency_key: "k",
          deliver_before: "2030-01-01T00:00:00Z",
        });
        expect(canonicalPayload(handled)).toBe(canonicalPayload(first));
      }),
    );
  });
});

/** The same JSON with its keys in another order, other spaces, and escapes where none are needed. */
function writtenDifferently(value: unknown, seed: number): string {
  if (typeof value === "string") {
    return `"${[...Array(value.length).keys()].map((at) => escaped(value, at, seed)).join("")}"`;
  }
  if (Array.isArray(value)) return `[ ${value.map((item) => writtenDifferently(item, seed)).join(" ,\n")} ]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(
      ([name, item]) => `${writtenDifferently(name, seed)} :\t${writtenDifferently(item, seed)}`,
    );
    return `{${(seed % 2 ? entries.reverse() : entries).join(" , ")}}`;
  }
  if (typeof value === "number" && seed % 3 === 0) return value.toExponential();
  return JSON.stringify(value);
}

function escaped(value: string, at: number, seed: number): string {
  const unit = value.charCodeAt(at);
  const mustEscape = unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0xd800 && unit <= 0xdfff);
  if (mustEscape || (at + seed) % 3 === 0) return `\\u${unit.toString(16).padStart(4, "0")}`;
  return value.charAt(at);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, item]) => [name, sorted(item)]);
}
