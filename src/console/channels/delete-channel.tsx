import { useState } from "react";
import { useLocation } from "wouter";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useAction } from "../api/use-action.ts";
import { useConsole } from "../app/console-context.ts";
import { Confirm } from "../ui/confirm.tsx";
import { FailureNote } from "../ui/notes.tsx";

/** Deletes a channel, after a question. */
export function DeleteChannel({ channel }: { channel: NotificationChannel }) {
  const { clients } = useConsole();
  const [, navigate] = useLocation();
  const [asking, setAsking] = useState(false);
  const deleting = useAction(async () => {
    await clients.channels.deleteChannel({ id: channel.id });
    navigate("/channels");
  });
  return (
    <section className="card stack" aria-labelledby="delete">
      <h2 id="delete">Delete</h2>
      <p className="muted">Deliveries that wait are cancelled. The delivery log stays.</p>
      {deleting.failure && <FailureNote failure={deleting.failure} />}
      <div className="actions">
        <button type="button" className="button danger" onClick={() => setAsking(true)}>
          Delete the channel
        </button>
      </div>
      {asking && (
        <Confirm
          title={`Delete “${channel.name}”?`}
          action="Delete"
          busy={deleting.busy}
          confirm={() => void deleting.run(undefined)}
          cancel={() => setAsking(false)}
        >
          <p>Nobody is told on this channel any more. This cannot be undone.</p>
        </Confirm>
      )}
    </section>
  );
}
