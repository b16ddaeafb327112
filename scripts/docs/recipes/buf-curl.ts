import { type Recipe, recipes, settings } from "./recipes.ts";

/** The recipes as a page of shell commands. */
export function bufCurlPage(): string {
  return `<!-- Made by \`npm run docs\` of scripts/docs/recipes/recipes.ts: change it there. -->
# Recipes for buf curl

Each block is a call that works as it is once the ones above it were made, in bash, from the
root of the repository. \`buf curl\` learns the schema from the server; \`buf\` comes with
\`npm install\`. Start the service (\`npm start\`) and something that receives
(\`npm run sink\`), then:

\`\`\`sh
export PATH=$PWD/node_modules/.bin:$PATH   # buf and the right node
URL=\${URL:-${settings.base_url}}
SINK_URL=\${SINK_URL:-${settings.sink_url}}
KEY=\${KEY:-$(node -p 'require("./data/credentials.json").api_key')}
TENANT=\${TENANT:-$(node -p 'require("./data/credentials.json").tenant_id')}
ANSWER=$(mktemp)

# Calls a method with the JSON on standard input and shows the answer.
call() {
  buf curl -H "X-API-Key: $KEY" -H "X-Tenant-ID: $TENANT" -d @- \\
    "$URL/jitsudo.notifications.v1.$1" > "$ANSWER" && cat "$ANSWER"
}

# A value of the last answer.
last() { node -p "JSON.parse(fs.readFileSync('$ANSWER', 'utf8')).$1"; }
\`\`\`

By gRPC instead of Connect: add \`--http2-prior-knowledge --protocol grpc\`.

${recipes.map(section).join("\n")}`;
}

function section({ title, method, message, keep }: Recipe): string {
  const json = JSON.stringify(message, undefined, 2).replace(/\{\{(\w+)\}\}/g, (_all, name: string) =>
    shell(name),
  );
  const lines = [
    `call ${method.parent.name}/${method.name} <<JSON`,
    json,
    "JSON",
    ...(keep ? [`${keep.name.toUpperCase()}=$(last ${keep.from})`] : []),
  ];
  return `## ${title}\n\n\`\`\`sh\n${lines.join("\n")}\n\`\`\`\n`;
}

function shell(name: string): string {
  return `$${name.toUpperCase()}`;
}
