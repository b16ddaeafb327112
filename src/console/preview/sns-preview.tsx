import type { SnsPreview as Sns } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { prettyJson } from "./pretty-json.ts";

const receivers: Record<string, string> = {
  default: "Queues, functions and endpoints",
  email: "E-mail subscriptions",
  sms: "Text messages",
};

/** What each kind of subscription of a topic gets. */
export function SnsPreview({ preview }: { preview: Sns }) {
  const forms = Object.entries(JSON.parse(preview.message) as Record<string, string>);
  return (
    <div className="stack">
      <dl className="facts small">
        <div>
          <dt>Topic</dt>
          <dd>
            <code>{preview.topicArn}</code>
          </dd>
        </div>
        <div>
          <dt>Subject</dt>
          <dd>{preview.subject}</dd>
        </div>
        <div>
          <dt>Attributes</dt>
          <dd>
            <code>
              {Object.entries(preview.attributes)
                .map(([name, value]) => `${name} = ${value}`)
                .join(", ")}
            </code>
          </dd>
        </div>
      </dl>
      {forms.map(([name, text]) => (
        <div key={name}>
          <p className="label">{receivers[name] ?? name}</p>
          <pre className="json">{prettyJson(text)}</pre>
        </div>
      ))}
    </div>
  );
}
