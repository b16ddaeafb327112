import type { HttpPreview as Http } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { prettyJson } from "./pretty-json.ts";

/** A request of a webhook, its secrets masked. */
export function HttpPreview({ preview }: { preview: Http }) {
  const { method, url, headers, body } = preview;
  return (
    <div className="stack">
      <pre className="json">
        {`${method} ${url}\n`}
        {Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}\n`)
          .join("")}
        {`\n${prettyJson(body)}`}
      </pre>
    </div>
  );
}
