import {
  type DescMessage,
  type DescMethod,
  fromJson,
  getOption,
  hasOption,
  toBinary,
} from "@bufbuild/protobuf";
import { http } from "../../gen/google/api/annotations_pb.js";
import type { Random } from "../support/random.ts";
import { createValues, mutate } from "./values.ts";

export type Kind = "rest" | "connect" | "grpc" | "grpc-web" | "raw";

/** A request that may be wrong in any way. */
export interface FuzzRequest {
  kind: Kind;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
  /** Whether a good answer has no end, as that of a stream of changes. */
  endless: boolean;
}

/** Who may call a method, for a valid request. */
export interface Credentials {
  apiKey: string;
  tenantId: string;
}

export interface RequestsOptions {
  methods: readonly DescMethod[];
  /** Ids that exist. */
  ids: readonly string[];
  credentialsFor(method: DescMethod): Credentials;
}

/** Makes one request after the other, the same ones for the same chance. */
export function createRequests(
  random: Random,
  { methods, ids, credentialsFor }: RequestsOptions,
): () => FuzzRequest {
  const values = createValues(random, ids);
  const restMethods = methods.filter((method) => hasOption(method, http));

  return () => {
    // Few, since each takes a connection of its own.
    if (random.chance(0.01)) return raw();
    switch (random.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return grpc("grpc");
      case 5:
      case 6:
        return grpc("grpc-web");
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
        return connect("proto");
      case 12:
      case 13:
      case 14:
      case 15:
        return connect("json");
      default:
        return rest();
    }
  };

  function rest(): FuzzRequest {
    const method = random.pick(restMethods);
    const { pattern, body } = getOption(method, http);
    const template = typeof pattern.value === "string" ? pattern.value : "/";
    const path =
      template.replace(/\{\w+\}/g, () => segment()) + (random.chance(0.3) ? `?${query(method)}` : "");
    return finish({
      kind: "rest",
      method: random.chance(0.95) ? (pattern.case ?? "get").toUpperCase() : random.pick(verbs),
      path: random.chance(0.03) ? mutate(random, Buffer.from(path)).toString("latin1") : path,
      headers: { ...identity(method), ...(body && { "content-type": "application/json" }) },
      endless: false,
      body: body || random.chance(0.02) ? json(method) : Buffer.alloc(0),
    });
  }

  function connect(codec: "json" | "proto"): FuzzRequest {
    const method = random.pick(methods);
    const isStream = method.methodKind !== "unary";
    const message = codec === "json" ? json(method) : binary(method.input);
    return finish({
      kind: "connect",
      method: "POST",
      path: `/${method.parent.typeName}/${method.name}`,
      headers: { ...identity(method), "content-type": `application/${isStream ? "connect+" : ""}${codec}` },
      endless: method.methodKind === "server_streaming",
      body: isStream ? envelope(message) : message,
    });
  }

  function grpc(kind: "grpc" | "grpc-web"): FuzzRequest {
    const method = random.pick(methods);
    const codec = random.pick(["", "+proto", "+proto", "+json"]);
    const message = codec === "+json" ? json(method) : binary(method.input);
    return finish({
      kind,
      method: "POST",
      path: `/${method.parent.typeName}/${method.name}`,
      headers: { ...identity(method), "content-type": `application/${kind}${codec}`, te: "trailers" },
      endless: method.methodKind === "server_streaming",
      body: envelope(message),
    });
  }

  /** What is hardly HTTP any more. */
  function raw(): FuzzRequest {
    const { method, path, headers, body } = rest();
    const lines = Object.entries({ host: "x", ...headers, "content-length": String(body.length) });
    const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
    const bytes = mutate(random, Buffer.concat([Buffer.from(head, "latin1"), body]));
    return { kind: "raw", method, path, headers: {}, body: bytes, endless: false };
  }

  function finish(request: FuzzRequest): FuzzRequest {
    if (random.chance(0.05)) {
      const [name, value] = random.pick(oddHeaders);
      request.headers[name] = value;
    }
    if (random.chance(0.02)) delete request.headers[random.pick(Object.keys(request.headers))];
    if (random.chance(0.01))
      request.headers["x-api-key"] = `jsn_${random.bytes(6).toString("hex")}_${"A".repeat(43)}`;
    return request;
  }

  function identity(method: DescMethod): Record<string, string> {
    const { apiKey, tenantId } = credentialsFor(method);
    return { "x-api-key": apiKey, "x-tenant-id": tenantId };
  }

  function json(method: DescMethod): Buffer {
    const text = Buffer.from(JSON.stringify(values.message(method.input)));
    return random.chance(0.15) ? mutate(random, text) : text;
  }

  function binary(desc: DescMessage): Buffer {
    if (random.chance(0.1)) return random.bytes(random.below(200));
    const message = encode(desc, values.message(desc)) ?? encode(desc, {}) ?? Buffer.alloc(0);
    return random.chance(0.4) ? mutate(random, message) : message;
  }

  /** Five bytes before the message: flags and length (gRPC over HTTP/2, length-prefixed message). */
  function envelope(message: Buffer): Buffer {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    const framed = Buffer.concat([head, message]);
    if (random.chance(0.05)) return mutate(random, framed);
    if (random.chance(0.02)) framed[0] = random.below(256);
    return random.chance(0.05) ? Buffer.concat([framed, framed]) : framed;
  }

  function segment(): string {
    if (random.chance(0.8)) return values.id();
    return random.pick([
      "",
      "x",
      "%00",
      "%zz",
      "%2e%2e",
      "a%2Fb",
      "..",
      "🙂",
      ":rotate",
      encodeURIComponent("\ud83d\ude00"),
    ]);
  }

  function query(method: DescMethod): string {
    const fields = method.input.fields.map(({ name }) => name);
    return Array.from({ length: 1 + random.below(3) }, () => {
      const name = random.chance(0.9) ? random.pick([...fields, "page_size"]) : "nope";
      const value = random.chance(0.5) ? "3" : String(values.nasty());
      return `${name}=${random.chance(0.9) ? encodeURIComponent(value.toWellFormed()) : value}`;
    }).join("&");
  }
}

function encode(
  desc: DescMessage,
  json: ReturnType<ReturnType<typeof createValues>["message"]>,
): Buffer | undefined {
  try {
    return Buffer.from(toBinary(desc, fromJson(desc, json)));
  } catch {
    return undefined; // What is wrong already as JSON has no binary form.
  }
}

const verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

const oddHeaders: readonly (readonly [string, string])[] = [
  ["content-type", "text/plain"],
  ["content-type", "application/json; charset=utf-16"],
  ["content-type", "application/grpc+thrift"],
  ["content-encoding", "gzip"],
  ["content-encoding", "zstd"],
  ["connect-content-encoding", "br"],
  ["grpc-encoding", "gzip"],
  ["grpc-encoding", "snappy"],
  ["grpc-timeout", "1n"],
  ["grpc-timeout", "99999999H"],
  ["grpc-timeout", "soon"],
  ["connect-timeout-ms", "1"],
  ["connect-timeout-ms", "-5"],
  ["connect-timeout-ms", "99999999999"],
  ["connect-protocol-version", "2"],
  ["accept-encoding", "gzip, br"],
  ["connect-accept-encoding", "gzip"],
  ["x-tenant-id", "0190a0b0-2222-7000-8000-000000000002"],
  ["x-tenant-id", "nobody"],
  ["x-request-id", "a".repeat(500)],
  ["x-request-id", "ok-1"],
  ["expect", "100-continue"],
  ["x-http-method-override", "DELETE"],
];
