import { Link } from "wouter";
import type { Replay } from "../../../gen/jitsudo/notifications/v1/replay_pb.js";
import { isNoSuch } from "../api/failure.ts";
import { useAction } from "../api/use-action.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { Badge } from "../ui/badge.tsx";
import { NoSuch } from "../ui/no-such.tsx";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { Time } from "../ui/time.tsx";
import { kindText } from "./kind-text.ts";

const pollMs = 1_000;

/** How far a replay has come. */
export function ReplayPage({ id }: { id: string }) {
  const { clients, may } = useConsole();
  const replay = useLoad(id, (signal) => clients.replays.getReplay({ id }, { signal }), { everyMs: pollMs });
  const cancelling = useAction(async () => replay.replace(await clients.replays.cancelReplay({ id })));
  const { value } = replay;
  if (replay.failure && isNoSuch(replay.failure)) {
    return <NoSuch what="replay" list={{ path: "/replays", label: "All replays" }} />;
  }
  return (
    <>
      <PageTitle title={value ? `Replay: ${kindText(value.kind).toLowerCase()}` : "Replay"}>
        {value && !isOver(value) && may("deliveries:write") && (
          <button
            type="button"
            className="button"
            disabled={cancelling.busy}
            onClick={() => void cancelling.run(undefined)}
          >
            Cancel the replay
          </button>
        )}
      </PageTitle>
      {cancelling.failure && <FailureNote failure={cancelling.failure} />}
      {replay.failure && <FailureNote failure={replay.failure} retry={replay.reload} />}
      {!value && !replay.failure && <Loading />}
      {value && <Progress replay={value} />}
    </>
  );
}

const open = ["pending", "delivering"];

function isOver({ state, states }: Replay): boolean {
  return state !== "running" && open.every((name) => (states[name] ?? 0) === 0);
}

function Progress({ replay }: { replay: Replay }) {
  const { state, total, created, states, channelId, deliveryId } = replay;
  const ended = Object.entries(states)
    .filter(([name]) => !open.includes(name))
    .reduce((sum, [, count]) => sum + count, 0);
  return (
    <section className="card stack" aria-label="Progress">
      <p role="status">
        <Badge state={state} /> {ended.toLocaleString("en")} of {total.toLocaleString("en")} ended
        {created < total && state === "running" && `, ${created.toLocaleString("en")} made so far`}
      </p>
      <progress aria-label="Deliveries that ended" max={Math.max(total, 1)} value={ended} />
      <ul className="plain state-counts">
        {Object.entries(states)
          .filter(([, count]) => count > 0)
          .map(([name, count]) => (
            <li key={name}>
              <Badge state={name} /> <strong>{count.toLocaleString("en")}</strong>
            </li>
          ))}
      </ul>
      <p className="muted">
        Begun <Time at={replay.createdAt} />
        {replay.since && deliveryId === "" && (
          <>
            , of what came since <Time at={replay.since} />
          </>
        )}
        . <Link href={`/deliveries?channel=${channelId}`}>Deliveries of the channel</Link>
        {deliveryId !== "" && (
          <>
            {" · "}
            <Link href={`/deliveries/${deliveryId}`}>The delivery that is repeated</Link>
          </>
        )}
      </p>
    </section>
  );
}
