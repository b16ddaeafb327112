import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { useState } from "react";
import type { PreviewChannelResponse } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { SlackMessage } from "../../channels/slack-message.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { EventSelect } from "../ui/event-select.tsx";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { EmailPreview } from "./email-preview.tsx";
import { HttpPreview } from "./http-preview.tsx";
import { SlackPreview } from "./slack-preview.tsx";
import { SnsPreview } from "./sns-preview.tsx";

interface PreviewPanelProps {
  channelId: string;
  channelType: string;
  /** Another one brings another preview. */
  updatedAt: Timestamp | undefined;
}

/** What a notice looks like on the channel, of any type of event. */
export function PreviewPanel({ channelId, channelType, updatedAt }: PreviewPanelProps) {
  const { clients } = useConsole();
  const [eventType, setEventType] = useState("request.pending");
  const version = updatedAt ? timestampMs(updatedAt) : 0;
  const preview = useLoad(`${channelId} ${eventType} ${version}`, (signal) =>
    clients.channels.previewChannel({ id: channelId, eventType }, { signal }),
  );
  return (
    <section className="card stack" aria-labelledby="preview">
      <div className="card-title">
        <h2 id="preview">Preview</h2>
        <EventSelect label="Event of the preview" value={eventType} change={setEventType} />
      </div>
      {preview.failure && <FailureNote failure={preview.failure} retry={preview.reload} />}
      {!preview.value && !preview.failure && <Loading />}
      {preview.value && <Drawn preview={preview.value.preview} isSlack={channelType === "slack_webhook"} />}
    </section>
  );
}

function Drawn({ preview, isSlack }: { preview: PreviewChannelResponse["preview"]; isSlack: boolean }) {
  switch (preview.case) {
    case "http":
      return isSlack ? (
        <SlackPreview message={JSON.parse(preview.value.body) as SlackMessage} />
      ) : (
        <HttpPreview preview={preview.value} />
      );
    case "email":
      return <EmailPreview preview={preview.value} />;
    case "sns":
      return <SnsPreview preview={preview.value} />;
    default:
      return <p className="muted">This console cannot draw this kind of notice.</p>;
  }
}
