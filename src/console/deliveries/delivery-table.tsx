import { Link } from "wouter";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { kindLabel } from "../channels/kinds.ts";
import { Badge } from "../ui/badge.tsx";
import { Time } from "../ui/time.tsx";

interface DeliveryTableProps {
  deliveries: Delivery[];
  channels: NotificationChannel[];
}

/** Deliveries, one a row, newest first. */
export function DeliveryTable({ deliveries, channels }: DeliveryTableProps) {
  const names = new Map(channels.map(({ id, name }) => [id, name]));
  return (
    <table className="rows deliveries">
      <caption className="sr-only">Deliveries, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">State</th>
          <th scope="col">Channel</th>
          <th scope="col" className="wide">
            Attempts
          </th>
          <th scope="col">Created</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <tr key={delivery.id}>
            <td>
              <Link href={`/deliveries/${delivery.id}`} className="row-link mono">
                {delivery.eventType}
              </Link>
              {delivery.replayId !== "" && <span className="sub">a replay</span>}
            </td>
            <td>
              <Badge state={delivery.state} />
              {delivery.state !== "delivered" && delivery.lastError !== "" && (
                <span className="sub clip" title={delivery.lastError}>
                  {delivery.lastError}
                </span>
              )}
            </td>
            <td className="wrap">{names.get(delivery.channelId) ?? kindLabel(delivery.channelType)}</td>
            <td className="number wide">{delivery.attemptCount}</td>
            <td>
              <Time at={delivery.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
