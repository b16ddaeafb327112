import { Link } from "wouter";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { Badge } from "../ui/badge.tsx";
import { Time } from "../ui/time.tsx";
import { noticeTypes } from "./events.ts";
import { destination, healthState } from "./health.ts";
import { kindLabel } from "./kinds.ts";

/** Channels, one a row, with how their endpoints fare. */
export function ChannelTable({ channels }: { channels: NotificationChannel[] }) {
  return (
    <table className="rows">
      <caption className="sr-only">Channels</caption>
      <thead>
        <tr>
          <th scope="col">Channel</th>
          <th scope="col" className="wide">
            Sends to
          </th>
          <th scope="col" className="wide">
            Events
          </th>
          <th scope="col">Health</th>
          <th scope="col" className="wide">
            Last delivered
          </th>
        </tr>
      </thead>
      <tbody>
        {channels.map((channel) => (
          <tr key={channel.id}>
            <td>
              <Link href={`/channels/${channel.id}`} className="row-link">
                {channel.name}
              </Link>
              <span className="sub">{kindLabel(channel.channelType)}</span>
            </td>
            <td className="wrap muted wide">{destination(channel)}</td>
            <td className="wide" title={channel.eventFilters.join(", ") || undefined}>
              {eventsText(channel.eventFilters)}
            </td>
            <td>
              <Badge state={healthState(channel)} />
              <HealthText channel={channel} />
              {channel.health?.lastSuccessAt && (
                <span className="sub slim">
                  Delivered <Time at={channel.health.lastSuccessAt} />
                </span>
              )}
            </td>
            <td className="wide">
              <Time at={channel.health?.lastSuccessAt} otherwise="Not yet" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function eventsText(filters: string[]): string {
  const [first] = filters;
  if (first === undefined) return "All";
  return filters.length === 1 ? first : `${filters.length} of ${noticeTypes.length}`;
}

/** Why it is as it is; nothing while all is well. */
export function HealthText({ channel }: { channel: NotificationChannel }) {
  const { health, disabledReason } = channel;
  if (disabledReason !== "") return <span className="sub">{disabledReason}</span>;
  if (!channel.enabled || !health || health.state === "healthy") return null;
  return (
    <span className="sub">
      {health.consecutiveFailures} {health.consecutiveFailures === 1 ? "failure" : "failures"} in a row:{" "}
      {health.lastError}
    </span>
  );
}
