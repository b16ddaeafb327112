import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { isNoSuch } from "../api/failure.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { kindLabel } from "../channels/kinds.ts";
import { Badge } from "../ui/badge.tsx";
import { NoSuch } from "../ui/no-such.tsx";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { Time } from "../ui/time.tsx";
import { AttemptTimeline } from "./attempt-timeline.tsx";
import { EventCard } from "./event-card.tsx";
import { ReplayOne } from "./replay-one.tsx";

const pollMs = 1_500;
const open = ["pending", "delivering"];

/** One delivery: what was told, and every attempt to tell it. */
export function DeliveryPage({ id }: { id: string }) {
  const { clients, may } = useConsole();
  const delivery = useLoad(id, (signal) => clients.deliveries.getDelivery({ id }, { signal }), {
    everyMs: pollMs,
  });
  const { value } = delivery;
  if (delivery.failure && isNoSuch(delivery.failure)) {
    return <NoSuch what="delivery" list={{ path: "/deliveries", label: "All deliveries" }} />;
  }
  const isOpen = value !== undefined && open.includes(value.state);
  return (
    <>
      <PageTitle title={value?.eventType ?? "Delivery"}>
        {value && !isOpen && may("deliveries:write") && <ReplayOne deliveryId={value.id} />}
      </PageTitle>
      {delivery.failure && <FailureNote failure={delivery.failure} retry={delivery.reload} />}
      {!value && !delivery.failure && <Loading />}
      {value && (
        <>
          <Facts delivery={value} />
          <div className="split">
            <section className="card" aria-labelledby="attempts">
              <h2 id="attempts">Attempts</h2>
              <AttemptTimeline delivery={value} />
            </section>
            <EventCard eventId={value.eventId} />
          </div>
        </>
      )}
    </>
  );
}

function Facts({ delivery }: { delivery: Delivery }) {
  const { may } = useConsole();
  const { requestId, channelId, channelType, duplicateOf, replayOf, replayId } = delivery;
  const channel = useChannelName(channelId) ?? kindLabel(channelType);
  return (
    <dl className="facts">
      <Fact name="State">
        <Badge state={delivery.state} />
        {delivery.state !== "delivered" && delivery.lastError !== "" && (
          <span className="sub">{delivery.lastError}</span>
        )}
      </Fact>
      <Fact name="Channel">
        {may("channels:read") ? <Link href={`/channels/${channelId}`}>{channel}</Link> : channel}
      </Fact>
      {requestId !== "" && (
        <Fact name="Request">
          <Link href={`/deliveries?request=${encodeURIComponent(requestId)}`}>{requestId}</Link>
        </Fact>
      )}
      <Fact name="Created">
        <Time at={delivery.createdAt} />
      </Fact>
      {delivery.completedAt && (
        <Fact name="Ended">
          <Time at={delivery.completedAt} />
        </Fact>
      )}
      {duplicateOf !== "" && (
        <Fact name="The same was sent by">
          <Link href={`/deliveries/${duplicateOf}`}>another delivery</Link>
        </Fact>
      )}
      {replayId !== "" && (
        <Fact name="Made by">
          <Link href={`/replays/${replayId}`}>a replay</Link>
          {replayOf !== "" && (
            <>
              {" of "}
              <Link href={`/deliveries/${replayOf}`}>this delivery</Link>
            </>
          )}
        </Fact>
      )}
      <Fact name="Id">
        <code>{delivery.id}</code>
      </Fact>
    </dl>
  );
}

/** Undefined when the channel is deleted, or the key may not read channels. */
function useChannelName(id: string): string | undefined {
  const { clients, may } = useConsole();
  const channel = useLoad(id, async (signal) =>
    may("channels:read") ? clients.channels.getChannel({ id }, { signal }) : undefined,
  );
  return channel.value?.name;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
