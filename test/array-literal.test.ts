import fc from "fast-check";
import { Client } from "pg";
import { expect, inject, test } from "vitest";
import { arrayLiteral } from "../src/store/array-literal.ts";

// PostgreSQL reads what it is given as an array, element by element.

test("PostgreSQL reads back the elements, whatever is in them", async () => {
  const client = new Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  const anyText = fc.string({ unit: "binary" }).map((text) => text.toWellFormed().replaceAll("\0", ""));
  const tricky = fc.constantFrom(
    "",
    "null",
    "NULL",
    "{}",
    ",",
    '"',
    "\\",
    ' "a" ',
    "\n",
    "{a,b}",
    "é",
    "a b",
  );
  const elements = fc.array(fc.oneof(anyText, tricky, fc.constant(null)));
  try {
    await fc.assert(
      fc.asyncProperty(elements, async (values) => {
        const { rows } = await client.query("select to_json($1::text[]) as elements", [arrayLiteral(values)]);
        expect(rows).toEqual([{ elements: values }]);
      }),
      { numRuns: 300 },
    );
    const numbers = [1, -2, 2.5, 1e21, null];
    const { rows } = await client.query("select to_json($1::float8[]) as elements", [arrayLiteral(numbers)]);
    expect(rows).toEqual([{ elements: numbers }]);
  } finally {
    await client.end();
  }
});
