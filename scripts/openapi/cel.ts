import type { Schema } from "./schemas.ts";

/**
 * What a CEL expression demands of a text, as far as JSON Schema can say it, with the
 * rule's message as description. Nothing here demands more than the expression does.
 */
export function schemaOfCel(expression: string, message: string): Schema {
  const described = message ? { description: `${message[0]?.toUpperCase()}${message.slice(1)}.` } : {};
  return Object.assign(described, ...conjuncts(expression).map(keywordsOf));
}

/** The parts that all have to hold. Of an expression with alternatives that is only known where one is "". */
function conjuncts(expression: string): string[] {
  const optional = /^this == '' \|\| (?:\((.*)\)|([^()|&]+\(.*\)))$/s.exec(expression);
  const inner = optional?.[1] ?? optional?.[2];
  // A length at the most holds of "" as well; other demands do not.
  if (inner !== undefined) return conjuncts(inner).filter((part) => /^this\.size\(\) <= \d+$/.test(part));
  if (expression.includes("||")) return [];
  return expression.split("&&").map((part) => part.trim());
}

function keywordsOf(part: string): Schema {
  const least = /^this\.size\(\) >= (\d+)$/.exec(part);
  if (least) return { minLength: Number(least[1]) };
  const most = /^this\.size\(\) <= (\d+)$/.exec(part);
  if (most) return { maxLength: Number(most[1]) };
  const choices = /^this in \[(.*)\]$/s.exec(part);
  if (choices?.[1]) return { enum: [...choices[1].matchAll(/'([^']*)'/g)].map(([, value]) => value) };
  const pattern = /^this\.matches\('(.*)'\)$/s.exec(part);
  // Groups with flags are RE2's alone (JSON Schema has the patterns of ECMA-262).
  if (pattern?.[1] && !pattern[1].includes("(?")) return { pattern: pattern[1].replace(/\\(.)/g, "$1") };
  return {};
}
