import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";

/** What is wrong at one place of a file. */
export interface Problem {
  /** Where, from the top of the file: `["channels", 1, "to_addresses", 2]`. */
  path: (string | number)[];
  message: string;
}

/** A file that cannot be used; the message has one line a problem, with file, line and field. */
export class FileError extends Error {}

/** A YAML file that knows on which line everything stands. */
export interface YamlSource {
  value: unknown;
  /** Makes the error that tells of the problems, in the order of the file. */
  error(problems: Problem[]): FileError;
  lineOf(path: (string | number)[]): number;
}

/** Throws a FileError for text that is not YAML. `name` is what messages call the file. */
export function parseYaml(name: string, text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  // A warning is of a tag or a directive that means nothing here: its value would not be what the author thinks.
  const told = [...document.errors, ...document.warnings].map(({ code, pos: [start], message }) => ({
    start,
    // The library's own message goes on with the place and a drawing of it.
    message:
      code === "MULTIPLE_DOCS"
        ? "another document begins here; there can be one"
        : message.split(" at line ")[0],
  }));
  told.push(...aliasProblems(document));
  if (told.length > 0) {
    const sorted = told.sort((a, b) => a.start - b.start);
    throw new FileError(
      sorted.map(({ start, message }) => `${name}:${lines.linePos(start).line}: ${message}`).join("\n"),
    );
  }

  /** The line of the deepest part of the path that exists. */
  function lineOf(path: (string | number)[]): number {
    let node = document.contents as Node | null | undefined;
    let offset = node?.range?.[0] ?? 0;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
        if (!isScalar(pair?.key)) break;
        offset = pair.key.range?.[0] ?? offset;
        node = pair.value as Node | null;
      } else if (isSeq(node)) {
        const item = node.items[Number(step)] as Node | undefined;
        if (!item) break;
        offset = item.range?.[0] ?? offset;
        node = item;
      } else break;
    }
    return lines.linePos(offset).line;
  }

  return {
    value: plainValueOf(name, document),
    lineOf,
    error: (problems) => {
      const placed = problems.map((problem) => ({ ...problem, line: lineOf(problem.path) }));
      const told = placed
        .sort((a, b) => a.line - b.line)
        .map(({ path, line, message }) => `${name}:${line}: ${[...textOf(path), message].join(": ")}`);
      return new FileError(told.join("\n"));
    },
  };
}

/** Aliases that stand for nothing. What is meant as text may be a secret, so no message repeats it. */
function aliasProblems(document: Document): { start: number; message: string }[] {
  const found: { start: number; message: string }[] = [];
  visit(document, {
    Alias(_key, node, ancestors) {
      const target = node.resolve(document);
      if (target && !ancestors.includes(target)) return;
      const message = target
        ? "this alias stands within what it refers to"
        : "what begins with * is an alias, and there is no such anchor: quote it if it is text";
      found.push({ start: node.range?.[0] ?? 0, message });
    },
  });
  return found;
}

function plainValueOf(name: string, document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that multiply beyond reason.
    throw new FileError(`${name}: ${(error as Error).message}`);
  }
}

/** The steps of a field's path as the service names it: `headers["X-A"]`, `to_addresses[2]`. */
export function stepsOf(field: string): (string | number)[] {
  const steps = field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g);
  return [...steps].map(([, key, index, name]) =>
    index === undefined ? (key ?? name ?? "") : Number(index),
  );
}

function textOf(path: (string | number)[]): string[] {
  const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return text === "" ? [] : [text.replace(/^\./, "")];
}
