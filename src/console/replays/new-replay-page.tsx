import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { allChannels } from "../api/all-channels.ts";
import { useAction } from "../api/use-action.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { Field } from "../ui/field.tsx";
import { FailureNote } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";

const periods = [
  { hours: 1, label: "the last hour" },
  { hours: 24, label: "the last 24 hours" },
  { hours: 72, label: "the last 3 days" },
  { hours: 168, label: "the last 7 days" },
  { hours: 720, label: "the last 30 days" },
];

/** Counts what a replay would send, then has it sent. */
export function NewReplayPage() {
  const { clients, may } = useConsole();
  const [, navigate] = useLocation();
  const [query] = useSearchParams();
  const [channelId, setChannelId] = useState(query.get("channel") ?? "");
  const [select, setSelect] = useState("failed");
  const [hours, setHours] = useState(24);
  /** What was counted, and from when on: the replay is of the same. */
  const [counted, setCounted] = useState<{ total: number; since: Date }>();
  const channels = useLoad("channels", async (signal) =>
    may("channels:read") ? allChannels(clients, signal) : [],
  );
  const request = (since: Date) => ({ channelId, select, since: timestampFromDate(since) });
  const counting = useAction(async () => {
    const since = new Date(Date.now() - hours * 3_600_000);
    const { total } = await clients.replays.createReplay({ ...request(since), dryRun: true });
    return { total, since };
  });
  const starting = useAction(async (since: Date) => {
    const { id } = await clients.replays.createReplay(request(since));
    navigate(`/replays/${id}`);
  });

  function change(set: () => void) {
    setCounted(undefined);
    starting.clear();
    set();
  }
  async function count() {
    setCounted(await counting.run(undefined));
  }

  return (
    <>
      <PageTitle title="New replay" />
      <form
        className="card narrow stack"
        onSubmit={(event) => {
          event.preventDefault();
          void count();
        }}
      >
        {counting.failure && <FailureNote failure={counting.failure} />}
        {starting.failure && <FailureNote failure={starting.failure} />}
        <Field label="Channel">
          {(control) => (
            <select
              {...control}
              required
              value={channelId}
              onChange={({ target }) => change(() => setChannelId(target.value))}
            >
              <option value="">Choose one</option>
              {channels.value
                ?.filter(({ enabled }) => enabled)
                .map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
            </select>
          )}
        </Field>
        <Field label="What">
          {(control) => (
            <select
              {...control}
              value={select}
              onChange={({ target }) => change(() => setSelect(target.value))}
            >
              <option value="failed">Deliveries that failed and have no replay yet</option>
              <option value="missed">
                Events that came or waited while the channel was disabled, or was not there yet
              </option>
            </select>
          )}
        </Field>
        <Field label="Of">
          {(control) => (
            <select
              {...control}
              value={hours}
              onChange={({ target }) => change(() => setHours(Number(target.value)))}
            >
              {periods.map((period) => (
                <option key={period.hours} value={period.hours}>
                  {period.label}
                </option>
              ))}
            </select>
          )}
        </Field>
        <p role="status">{counted && countText(counted.total)}</p>
        <div className="actions">
          <button type="submit" className={counted ? "button" : "button primary"} disabled={counting.busy}>
            {counted ? "Count again" : "Count them"}
          </button>
          {counted && counted.total > 0 && (
            <button
              type="button"
              className="button primary"
              disabled={starting.busy}
              onClick={() => void starting.run(counted.since)}
            >
              Send {counted.total.toLocaleString("en")} now
            </button>
          )}
          <Link href="/replays" className="button quiet">
            Cancel
          </Link>
        </div>
      </form>
    </>
  );
}

/** The service counts no further than a million. */
function countText(total: number): string {
  if (total === 0) return "There is nothing to send.";
  if (total >= 1_000_000) return "A million notices or more would be sent.";
  return total === 1 ? "One notice would be sent." : `${total.toLocaleString("en")} notices would be sent.`;
}
