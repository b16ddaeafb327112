import { Link } from "wouter";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useConsole } from "../app/console-context.ts";
import { Badge } from "../ui/badge.tsx";
import { Time } from "../ui/time.tsx";
import { HealthText } from "./channel-table.tsx";
import { destination, healthState } from "./health.ts";
import { kindLabel } from "./kinds.ts";

/** What a channel is, how it fares, and the way to its deliveries. */
export function ChannelSummary({ channel }: { channel: NotificationChannel }) {
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
