import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { generatedDocuments } from "../../scripts/docs/generated.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

test.each([...generatedDocuments()])("%s is what `npm run docs` makes", (path, text) => {
  expect(read(path)).toBe(text);
});

test("the Bruno collection holds nothing else", () => {
  const files = globSync("docs/recipes/bruno/**/*.*", { cwd: root });
  expect(files.sort()).toEqual(
    [...generatedDocuments().keys()].filter((path) => path.includes("bruno")).sort(),
  );
});

describe("links", () => {
  const pages = globSync(["*.md", "{docs,examples,bench,console}/**/*.md"], {
    cwd: root,
    exclude: ["**/node_modules/**"],
  });

  test.each(pages)("of %s lead somewhere", (path) => {
    const text = withoutCode(read(path));
    const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(
      ([, a, b]) => a ?? b ?? "",
    );
    for (const link of links.filter((link) => !/^(https?|mailto):/.test(link))) {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), decodeURIComponent(file));
      expect({ link, exists: existsSync(join(root, target)) }).toEqual({ link, exists: true });
      if (anchor && target.endsWith(".md")) expect(anchorsOf(read(target)), link).toContain(anchor);
    }
  });

  test("from the index reach every page of docs", () => {
    const reached = new Set<string>();
    const visit = (path: string) => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const [, link = ""] of withoutCode(read(path)).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        const target = join(dirname(path), link);
        if (!link.includes(":") && target.endsWith(".md") && existsSync(join(root, target))) visit(target);
      }
    };
    visit("docs/README.md");
    expect(pages.filter((path) => path.startsWith("docs/") && !reached.has(path))).toEqual([]);
  });
});

describe("docs/schema/channels.schema.json", () => {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  formats.default(ajv);
  const validate = ajv.compile(JSON.parse(read("docs/schema/channels.schema.json")));
  const page = read("docs/how-to/channels-in-git.md");
  const files = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => parse(yaml ?? ""));

  test("accepts the files that the documentation shows", () => {
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect([validate(file), validate.errors]).toEqual([true, null]);
  });

  test.each([
    ["a misspelt field", { name: "a", channel_type: "generic_webhook", urll: "https://example.com" }],
    ["a missing field", { name: "a", channel_type: "email" }],
    ["a value that is not allowed", { name: "a", channel_type: "generic_webhook", url: "ftp://example.com" }],
    ["a type that does not exist", { name: "a", channel_type: "pager" }],
    [
      "a secret that the server makes",
      {
        name: "a",
        channel_type: "generic_webhook",
        url: "https://example.com",
        generate_signing_secret: "ed25519",
      },
    ],
    [
      "a reference of another kind",
      { name: "a", channel_type: "slack_webhook", webhook_url: { from_vault: "x" } },
    ],
  ])("refuses %s", (_what, channel) => {
    expect(validate({ channels: [channel] })).toBe(false);
  });
});

function withoutCode(page: string): string {
  return page.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...page.replace(/^```.*?^```$/gms, "").matchAll(/^#{1,6} (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
