import type { SentRequest } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";

/** What was sent, as far as it is recorded. */
export function SentRequestFacts({ request }: { request: SentRequest }) {
  const { method, target, names, sizeBytes, sha256 } = request;
  return (
    <details>
      <summary>
        {method} <span className="muted">{target}</span>
      </summary>
      <dl className="facts small">
        <div>
          <dt>Size</dt>
          <dd>{sizeBytes.toLocaleString("en")} bytes</dd>
        </div>
        <div>
          <dt>SHA-256</dt>
          <dd>
            <code>{sha256}</code>
          </dd>
        </div>
        {names.length > 0 && (
          <div>
            <dt>{method === "Publish" ? "Attributes" : "Headers"}</dt>
            <dd>
              <code>{names.join(", ")}</code>
            </dd>
          </div>
        )}
      </dl>
    </details>
  );
}
