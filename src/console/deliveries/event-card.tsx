import { Link } from "wouter";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { Time } from "../ui/time.tsx";

/** The event that a delivery tells of, as it was sent. */
export function EventCard({ eventId }: { eventId: string }) {
  const { clients } = useConsole();
  const event = useLoad(eventId, (signal) => clients.deliveries.getEvent({ id: eventId }, { signal }));
  return (
    <section className="card stack" aria-labelledby="event">
      <h2 id="event">Event</h2>
      {event.failure && <FailureNote failure={event.failure} retry={event.reload} />}
      {!event.value && !event.failure && <Loading />}
      {event.value && (
        <>
          <p className="muted">
            Received <Time at={event.value.receivedAt} />.{" "}
            <Link href={`/deliveries?event=${eventId}`}>Its deliveries</Link>
          </p>
          <pre className="json">{JSON.stringify(event.value.payload, undefined, 2)}</pre>
        </>
      )}
    </section>
  );
}
