import { useState } from "react";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useAction } from "../api/use-action.ts";
import { useConsole } from "../app/console-context.ts";
import { ChannelForm } from "./channel-form.tsx";
import { draftOf } from "./draft.ts";
import { isKind, type KindName } from "./kinds.ts";
import { saveChannel } from "./save-channel.ts";

interface EditChannelProps {
  channel: NotificationChannel;
  saved(channel: NotificationChannel): void;
}

/** Changes a channel's settings. */
export function EditChannel({ channel, saved }: EditChannelProps) {
  const { channelType } = channel;
  if (isKind(channelType)) return <EditKnown kind={channelType} channel={channel} saved={saved} />;
  return <p className="muted">This console does not know the kind {channelType}. The REST API does.</p>;
}

function EditKnown({ kind, channel, saved }: EditChannelProps & { kind: KindName }) {
  const { clients } = useConsole();
  const stored = draftOf(kind, channel);
  const [draft, setDraft] = useState(stored);
  const saving = useAction(() => saveChannel(clients, channel.id, kind, draft));
  const isChanged = JSON.stringify(draft) !== JSON.stringify(stored);
  async function save() {
    const next = await saving.run(undefined);
    if (next) saved(next);
  }
  return (
    <ChannelForm
      kind={kind}
      draft={draft}
      change={setDraft}
      stored={stored}
      failure={saving.failure}
      submit={() => void save()}
    >
      <div className="actions">
        <button type="submit" className="button primary" disabled={saving.busy || !isChanged}>
          {isChanged ? "Save" : "Saved"}
        </button>
        {isChanged && (
          <button
            type="button"
            className="button quiet"
            onClick={() => {
              setDraft(stored);
              saving.clear();
            }}
          >
            Undo the changes
          </button>
        )}
      </div>
    </ChannelForm>
  );
}
