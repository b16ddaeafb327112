import { channelsSchema } from "./channels-schema.ts";
import { configurationReference } from "./configuration.ts";
import { brunoCollection } from "./recipes/bruno.ts";
import { bufCurlPage } from "./recipes/buf-curl.ts";
import { httpFile } from "./recipes/http-file.ts";

/** Every document that is made of code: its path, and its text. */
export function generatedDocuments(): Map<string, string> {
  return new Map([
    ["docs/configuration.md", configurationReference()],
    ["docs/schema/channels.schema.json", channelsSchema()],
    ["docs/recipes/buf-curl.md", bufCurlPage()],
    ["docs/recipes/jitsudo-notifications.http", httpFile()],
    ...[...brunoCollection()].map(([path, text]) => [`docs/recipes/bruno/${path}`, text] as const),
  ]);
}
