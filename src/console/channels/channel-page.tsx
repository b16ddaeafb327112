import { useState } from "react";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { isNoSuch } from "../api/failure.ts";
import { useAction } from "../api/use-action.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { PreviewPanel } from "../preview/preview-panel.tsx";
import { NoSuch } from "../ui/no-such.tsx";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { ChannelSummary } from "./channel-summary.tsx";
import { DeleteChannel } from "./delete-channel.tsx";
import { EditChannel } from "./edit-channel.tsx";
import { enableChannel } from "./save-channel.ts";
import { SigningPanel } from "./signing-panel.tsx";
import { TestPanel } from "./test-panel.tsx";

/** One channel: how it fares, what it sends, and its settings. */
export function ChannelPage({ id }: { id: string }) {
  const { clients } = useConsole();
  const channel = useLoad(id, (signal) => clients.channels.getChannel({ id }, { signal }));
  if (channel.value) return <Channel channel={channel.value} changed={channel.replace} />;
  if (!channel.failure) return <Loading />;
  if (isNoSuch(channel.failure)) {
    return <NoSuch what="channel" list={{ path: "/channels", label: "All channels" }} />;
  }
  return (
    <>
      <PageTitle title="Channel" />
      <FailureNote failure={channel.failure} retry={channel.reload} />
    </>
  );
}

interface ChannelProps {
  channel: NotificationChannel;
  changed(channel: NotificationChannel): void;
}

function Channel({ channel, changed }: ChannelProps) {
  const { may } = useConsole();
  // A form that somebody fills in is not replaced by a newer state of what it began with.
  const [version, setVersion] = useState(0);
  const saved = (next: NotificationChannel) => {
    changed(next);
    setVersion(version + 1);
  };
  return (
    <>
      <PageTitle title={channel.name}>
        {may("channels:write") && <Switch channel={channel} changed={changed} />}
      </PageTitle>
      <ChannelSummary channel={channel} />
      <div className="split">
        <section className="card" aria-labelledby="settings">
          <h2 id="settings">Settings</h2>
          {may("channels:write") ? (
            <EditChannel key={version} channel={channel} saved={saved} />
          ) : (
            <p className="muted">
              To change this channel, a key needs the scope <code>channels:write</code>.
            </p>
          )}
        </section>
        <div className="stack">
          {may("channels:write") && <TestPanel channel={channel} />}
          <PreviewPanel
            channelId={channel.id}
            channelType={channel.channelType}
            updatedAt={channel.updatedAt}
          />
          {channel.channelType === "generic_webhook" && <SigningPanel channel={channel} changed={changed} />}
          {may("channels:write") && <DeleteChannel channel={channel} />}
        </div>
      </div>
    </>
  );
}

function Switch({ channel, changed }: ChannelProps) {
  const { clients } = useConsole();
  const switching = useAction((enabled: boolean) => enableChannel(clients, channel.id, enabled));
  async function toggle() {
    const next = await switching.run(!channel.enabled);
    if (next) changed(next);
  }
  return (
    <>
      {switching.failure && <FailureNote failure={switching.failure} />}
      <button
        type="button"
        className={channel.enabled ? "button" : "button primary"}
        disabled={switching.busy}
        onClick={() => void toggle()}
      >
        {channel.enabled ? "Disable" : "Enable"}
      </button>
    </>
  );
}
