import { getOption } from "@bufbuild/protobuf";
import { success_status } from "../../../gen/jitsudo/notifications/v1/options_pb.js";
import { restCall } from "../rest-call.ts";
import { type Recipe, recipes, settings } from "./recipes.ts";

/** The recipes as a Bruno collection: paths in its folder, with their text. */
export function brunoCollection(): Map<string, string> {
  return new Map([
    [
      "bruno.json",
      `${JSON.stringify({ version: "1", name: "jitsudo-notifications", type: "collection" }, undefined, 2)}\n`,
    ],
    ["collection.bru", block("headers", ["X-API-Key: {{api_key}}", "X-Tenant-ID: {{tenant_id}}"])],
    [
      "environments/local.bru",
      [
        block("vars", [
          ...Object.entries(settings).map(([name, value]) => `${name}: ${value}`),
          "tenant_id: ",
        ]),
        "vars:secret [\n  api_key\n]\n",
      ].join(""),
    ],
    ...recipes.map((recipe, index) => [fileName(recipe, index), request(recipe, index)] as const),
  ]);
}

function fileName({ title }: Recipe, index: number): string {
  const words = title.toLowerCase().match(/[a-z]+/g) ?? [];
  return `${String(index + 1).padStart(2, "0")}-${words.join("-")}.bru`;
}

function request({ title, method, message, keep }: Recipe, index: number): string {
  const { method: verb, path, body } = restCall(method, message);
  const status = getOption(method, success_status) || 200;
  return [
    block("meta", [`name: ${title}`, "type: http", `seq: ${index + 1}`]),
    block(verb.toLowerCase(), [
      `url: {{base_url}}${path}`,
      `body: ${body === undefined ? "none" : "json"}`,
      "auth: none",
    ]),
    ...(body === undefined ? [] : [block("body:json", JSON.stringify(body, undefined, 2).split("\n"))]),
    ...(keep ? [block("vars:post-response", [`${keep.name}: res.body.${keep.from}`])] : []),
    block("assert", [`res.status: eq ${status}`]),
  ].join("\n");
}

function block(name: string, lines: string[]): string {
  return `${name} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}
