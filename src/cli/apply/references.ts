import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Problem } from "./yaml-source.ts";

/** A value with every reference replaced by what it refers to. */
export interface Resolved {
  value: unknown;
  /** The source of each value that did not stand in the file: top-level field → "environment variable X". */
  sources: Map<string, string>;
  problems: Problem[];
}

/**
 * Replaces `{from_env: NAME}` and `{from_file: path}`, wherever they stand in an entry,
 * by the text that they refer to. Paths are relative to `folder`; the line break at a
 * file's end is not part of the text. What is empty counts as missing.
 */
export function resolveReferences(entry: unknown, folder: string, env: NodeJS.ProcessEnv): Resolved {
  const sources = new Map<string, string>();
  const problems: Problem[] = [];

  function walk(value: unknown, path: (string | number)[]): unknown {
    const reference = referenceIn(value);
    if (reference) {
      const { text, source, problem } = lookUp(reference, folder, env);
      sources.set(String(path[0]), source);
      if (problem !== undefined) problems.push({ path, message: problem });
      return text;
    }
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  }

  return { value: walk(entry, []), sources, problems };
}

interface Reference {
  kind: "from_env" | "from_file";
  name: string;
}

function referenceIn(value: unknown): Reference | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const [[kind, name] = [], ...more] = Object.entries(value);
  if (more.length > 0 || typeof name !== "string") return undefined;
  return kind === "from_env" || kind === "from_file" ? { kind, name } : undefined;
}

function lookUp({ kind, name }: Reference, folder: string, env: NodeJS.ProcessEnv) {
  if (kind === "from_env") {
    const text = env[name] ?? "";
    const source = `environment variable ${name}`;
    return { text, source, ...(text === "" && { problem: `${source} is not set, or empty` }) };
  }
  const source = `file ${name}`;
  try {
    const text = readFileSync(resolve(folder, name), "utf8").replace(/\r?\n$/, "");
    return { text, source, ...(text === "" && { problem: `${source} is empty` }) };
  } catch (error) {
    return { text: "", source, problem: `${source} cannot be read: ${(error as Error).message}` };
  }
}
