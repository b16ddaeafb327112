import { useLocation } from "wouter";
import { useAction } from "../api/use-action.ts";
import { useConsole } from "../app/console-context.ts";
import { FailureNote } from "../ui/notes.tsx";

/** Sends one delivery again, and goes where its progress is shown. */
export function ReplayOne({ deliveryId }: { deliveryId: string }) {
  const { clients } = useConsole();
  const [, navigate] = useLocation();
  const replaying = useAction(async () => {
    const { id } = await clients.replays.createReplay({ deliveryId });
    navigate(`/replays/${id}`);
  });
  return (
    <>
      {replaying.failure && <FailureNote failure={replaying.failure} />}
      <button
        type="button"
        className="button primary"
        disabled={replaying.busy}
        onClick={() => void replaying.run(undefined)}
      >
        Replay
      </button>
    </>
  );
}
