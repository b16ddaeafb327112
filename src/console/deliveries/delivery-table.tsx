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
  const channelName = ({ channelId, channelType }: Delivery) =>
    names.get(channelId) ?? kindLabel(channelType);
  return (
    <table className="rows deliveries">
      <caption className="sr-only">Deliveries, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">State</th>
          <th scope="col" className="wide">
            Channel
          </th>
          <th scope="col" className="wide">
            Attempts
          </th>
          <th scope="col" className="wide">
            Created
          </th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <tr key={delivery.id}>
            <td>
              <Link href={`/deliveries/${delivery.id}`} className="row-link mono">
                {delivery.eventType}
              </Link>
              {delivery.requestId !== "" && (
                <span className="sub clip" title={delivery.requestId}>
                  {delivery.requestId}
                </span>
              )}
              {delivery.replayId !== "" && <span className="sub">a replay</span>}
              <span className="sub slim">{channelName(delivery)}</span>
            </td>
            <td>
              <Badge state={delivery.state} />
              {delivery.state !== "delivered" && delivery.lastError !== "" && (
                <span className="sub clip" title={delivery.lastError}>
                  {delivery.lastError}
                </span>
              )}
              <span className="sub slim">
                <Time at={delivery.createdAt} />
              </span>
            </td>
            <td className="wrap wide">{channelName(delivery)}</td>
            <td className="number wide">{delivery.attemptCount}</td>
            <td className="wide">
              <Time at={delivery.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
