import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { galleryPage } from "../scripts/gallery/page.ts";

const docs = join(import.meta.dirname, "../docs");

test("docs/messages.md shows what the renderers make today, and its links lead somewhere", () => {
  const page = readFileSync(join(docs, "messages.md"), "utf8");
  expect(page === galleryPage(), "run npm run gallery").toBe(true);
  const targets = [...page.matchAll(/(?:src="|\]\()((?:images|schema)\/[^")]+)/g)].map(
    ([, target]) => target ?? "",
  );
  expect(targets.length).toBe(9 * 2 + 2 * 2 + 1);
  for (const target of targets) expect(existsSync(join(docs, target)), target).toBe(true);
});
