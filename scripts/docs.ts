/** Writes the documents that are made of code: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { configurationReference } from "./docs/configuration.ts";

writeFileSync("docs/configuration.md", configurationReference());
