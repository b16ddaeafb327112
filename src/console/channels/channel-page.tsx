import { useState } from "react";
import { Link } from "wouter";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useAction } from "../api/use-action.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { PreviewPanel } from "../preview/preview-panel.tsx";
import { Badge } from "../ui/badge.tsx";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { Time } from "../ui/time.tsx";
import { HealthText } from "./channel-table.tsx";
import { DeleteChannel } from "./delete-channel.tsx";
import { EditChannel } from "./edit-channel.tsx";
import { destination, healthState } from "./health.ts";
import { kindLabel } from "./kinds.ts";
import { enableChannel } from "./save-channel.ts";
import { SigningPanel } from "./signing-panel.tsx";
import { TestPanel } from "./test-panel.tsx";

/** One channel: how it fares, what it sends, and its settings. */
export function ChannelPage({ id }: { id: string }) {
  const { clients } = useConsole();
  const channel = useLoad(id, (signal) => clients.channels.getChannel({ id }, { signal }));
  if (channel.value) return <Channel channel={channel.value} changed={channel.replace} />;
  if (!channel.failure) return <Loading />;
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
      <Summary channel={channel} />
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

function Summary({ channel }: { channel: NotificationChannel }) {
  const { may } = useConsole();
  const { health } = channel;
  return (
    <dl className="facts">
      <div>
        <dt>Kind</dt>
        <dd>{kindLabel(channel.channelType)}</dd>
      </div>
      <div>
        <dt>Sends to</dt>
        <dd>{destination(channel)}</dd>
      </div>
      <div>
        <dt>Health</dt>
        <dd>
          <Badge state={healthState(channel)} />
          <HealthText channel={channel} />
        </dd>
      </div>
      <div>
        <dt>Last delivered</dt>
        <dd>
          <Time at={health?.lastSuccessAt} otherwise="Not yet" />
        </dd>
      </div>
      <div>
        <dt>Last failure</dt>
        <dd>
          <Time at={health?.lastFailureAt} otherwise="None" />
        </dd>
      </div>
      {health?.retryAt && (
        <div>
          <dt>Tried again</dt>
          <dd>
            <Time at={health.retryAt} />
          </dd>
        </div>
      )}
      {may("deliveries:read") && (
        <div>
          <dt>Deliveries</dt>
          <dd>
            <Link href={`/deliveries?channel=${channel.id}`}>All</Link>
            {" · "}
            <Link href={`/deliveries?channel=${channel.id}&state=failed`}>Failed</Link>
            {may("deliveries:write") && channel.enabled && (
              <>
                {" · "}
                <Link href={`/replays/new?channel=${channel.id}`}>Replay failed ones</Link>
              </>
            )}
          </dd>
        </div>
      )}
    </dl>
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
