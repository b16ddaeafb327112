import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { DeliveryTable } from "../deliveries/delivery-table.tsx";

const pollMs = 10_000;

/** The deliveries that failed last; nothing where none has. */
export function RecentFailures({ channels }: { channels: NotificationChannel[] }) {
  const { clients } = useConsole();
  const failed = useLoad(
    "failed",
    (signal) => clients.deliveries.listDeliveries({ state: "failed", pageSize: 5 }, { signal }),
    { everyMs: pollMs },
  );
  if (!failed.value || failed.value.deliveries.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="recent">
      <h2 id="recent">Failed last</h2>
      <DeliveryTable deliveries={failed.value.deliveries} channels={channels} />
    </section>
  );
}
