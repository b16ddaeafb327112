import { restCall } from "../rest-call.ts";
import { keptVariables, recipes, settings } from "./recipes.ts";

/** The recipes as a .http file, in what REST Client (VS Code) and HTTP Client (JetBrains) have in common. */
export function httpFile(): string {
  const calls = recipes.map(({ title, method, message, keep }) => {
    const { method: verb, path, body } = restCall(method, message);
    return [
      `### ${title}`,
      ...(keep ? [`# Copy "${keep.from}" of the answer to @${keep.name} above.`] : []),
      `${verb} {{base_url}}${path}`,
      "X-API-Key: {{api_key}}",
      "X-Tenant-ID: {{tenant_id}}",
      ...(body === undefined
        ? []
        : ["Content-Type: application/json", "", JSON.stringify(body, undefined, 2)]),
    ].join("\n");
  });
  return `# Made by \`npm run docs\` of scripts/docs/recipes/recipes.ts: change it there.
# For the REST Client of VS Code and the HTTP Client of JetBrains. Start the service
# (npm start) and something that receives (npm run sink), fill in key and tenant from
# data/credentials.json, and send the requests from top to bottom.

${Object.entries(settings)
  .map(([name, value]) => `@${name} = ${value}`)
  .join("\n")}
@api_key =
@tenant_id =
${keptVariables.map((name) => `@${name} =`).join("\n")}

${calls.join("\n\n")}
`;
}
