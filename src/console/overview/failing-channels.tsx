import { Link } from "wouter";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { ChannelTable } from "../channels/channel-table.tsx";
import { failingFirst, isFailing } from "../channels/health.ts";
import { Empty } from "../ui/notes.tsx";

/** The channels that need somebody; the way to a first one where there is none. */
export function FailingChannels({ channels }: { channels: NotificationChannel[] }) {
  const failing = failingFirst(channels).filter(isFailing);
  if (channels.length === 0) {
    return (
      <Empty title="No channels yet">
        <p>
          Nobody is told anything until there is one. <Link href="/channels/new">Make the first channel</Link>
        </p>
      </Empty>
    );
  }
  if (failing.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="failing">
      <h2 id="failing">{failing.length === 1 ? "One channel fails" : `${failing.length} channels fail`}</h2>
      <ChannelTable channels={failing} />
    </section>
  );
}
