/** How a request's method and path match the table. */
export type PathMatch<T> =
  | { kind: "found"; value: T; variables: Record<string, string> }
  /** `near`: paths below or beside this one that take the method. */
  | { kind: "method_not_allowed"; allow: string[]; near: string[] }
  /** A percent-encoding in the path is broken. */
  | { kind: "malformed" }
  | { kind: "not_found" };

export interface PathTable<T> {
  /**
   * `template` as in google.api.http: literal segments and `{field}`, the last one
   * with a `:verb` if need be. Throws on other forms and when it is taken.
   */
  add(method: string, template: string, value: T): void;
  /** `path`: as sent, without the query. */
  find(method: string, path: string): PathMatch<T>;
}

/** A trie of path segments. */
interface Node<T> {
  literals: Map<string, Node<T>>;
  /** Longest suffix first, the empty one last. */
  variables: { suffix: string; next: Node<T> }[];
  /** By HTTP method. `names`: of the variables on the way here. */
  ends: Map<string, { names: string[]; value: T }>;
}

export function createPathTable<T>(): PathTable<T> {
  const root = createNode<T>();

  function nearOf(method: string, path: string): string[] {
    const found = below(method, path);
    return found.length > 0 ? found : below(method, path.slice(0, path.lastIndexOf("/")));
  }

  /** The literal paths right below a literal one that take the method. */
  function below(method: string, folder: string): string[] {
    return [...candidates(root, folder.split("/").slice(1), 0, [])]
      .filter(({ values }) => values.length === 0)
      .flatMap(({ node }) => [...node.literals])
      .filter(([, next]) => next.ends.has(method))
      .map(([segment]) => `${folder}/${segment}`);
  }

  return {
    add(method, template, value) {
      if (!template.startsWith("/")) throw unsupported(template);
      const names: string[] = [];
      let node = root;
      for (const segment of template.split("/").slice(1)) {
        const part = parseSegment(segment, template);
        if (part.kind === "variable") names.push(part.name);
        node = part.kind === "literal" ? literalNode(node, segment) : variableNode(node, part.suffix);
      }
      if (node.ends.has(method)) throw new Error(`${method} ${template} is there twice`);
      node.ends.set(method, { names, value });
    },

    find(method, path) {
      const segments = decodeSegments(path);
      if (!segments) return { kind: "malformed" };
      const allow = new Set<string>();
      for (const { node, values } of candidates(root, segments, 0, [])) {
        const end = node.ends.get(method);
        if (!end) {
          for (const other of node.ends.keys()) allow.add(other);
          continue;
        }
        const variables = Object.fromEntries(end.names.map((name, index) => [name, values[index] ?? ""]));
        return { kind: "found", value: end.value, variables };
      }
      if (allow.size === 0) return { kind: "not_found" };
      return { kind: "method_not_allowed", allow: [...allow], near: nearOf(method, path) };
    },
  };
}

/** The nodes that a path leads to, the most literal one first. */
function* candidates<T>(
  node: Node<T>,
  segments: string[],
  index: number,
  values: string[],
): Generator<{ node: Node<T>; values: string[] }> {
  const segment = segments[index];
  if (segment === undefined) {
    if (node.ends.size > 0) yield { node, values };
    return;
  }
  const literal = node.literals.get(segment);
  if (literal) yield* candidates(literal, segments, index + 1, values);
  for (const { suffix, next } of node.variables) {
    // A variable is never empty.
    if (segment.length <= suffix.length || !segment.endsWith(suffix)) continue;
    const value = segment.slice(0, segment.length - suffix.length);
    yield* candidates(next, segments, index + 1, [...values, value]);
  }
}

function decodeSegments(path: string): string[] | undefined {
  const segments = path.split("/").slice(1);
  if (!path.includes("%")) return segments;
  try {
    return segments.map(decodeURIComponent);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

type Segment = { kind: "literal" } | { kind: "variable"; name: string; suffix: string };

function parseSegment(segment: string, template: string): Segment {
  const variable = /^\{([a-z][a-z0-9_]*)(?:=\*)?\}(:[A-Za-z0-9_]+)?$/.exec(segment);
  if (variable?.[1]) return { kind: "variable", name: variable[1], suffix: variable[2] ?? "" };
  if (!/^[^{}*]+$/.test(segment)) throw unsupported(template);
  return { kind: "literal" };
}

function unsupported(template: string): Error {
  return new Error(`The path template ${template} is not supported`);
}

function literalNode<T>(node: Node<T>, segment: string): Node<T> {
  const next = node.literals.get(segment) ?? createNode<T>();
  node.literals.set(segment, next);
  return next;
}

function variableNode<T>(node: Node<T>, suffix: string): Node<T> {
  const known = node.variables.find((variable) => variable.suffix === suffix);
  if (known) return known.next;
  const next = createNode<T>();
  node.variables.push({ suffix, next });
  node.variables.sort((a, b) => b.suffix.length - a.suffix.length);
  return next;
}

function createNode<T>(): Node<T> {
  return { literals: new Map(), variables: [], ends: new Map() };
}
