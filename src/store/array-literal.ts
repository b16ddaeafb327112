/**
 * A PostgreSQL array with these elements, as text (PostgreSQL documentation, "Array Input and
 * Output Syntax"). The driver's own way escapes every element, uuids and numbers too.
 */
export function arrayLiteral(elements: readonly unknown[]): string {
  return `{${elements.map(elementLiteral).join(",")}}`;
}

/** Needs no quotes, whatever the type of the element. */
const plain = /^(?!null$)[\w:.+-]+$/i;

function elementLiteral(element: unknown): string {
  if (element === null || element === undefined) return "NULL";
  const text = String(element);
  return plain.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
