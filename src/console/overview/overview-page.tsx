import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useSearchParams } from "wouter";
import { allChannels } from "../api/all-channels.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { bucketsOf } from "./buckets.ts";
import { FailingChannels } from "./failing-channels.tsx";
import { Figures } from "./figures.tsx";
import { Plots } from "./plots.tsx";
import { rangeOf, ranges } from "./range.ts";
import { RecentFailures } from "./recent-failures.tsx";

const pollMs = 10_000;

/** How deliveries fare: what fails first, then the queue, then the past. */
export function OverviewPage() {
  const { clients, may } = useConsole();
  const [query, setQuery] = useSearchParams();
  const range = rangeOf(query.get("range"));
  const every = { everyMs: pollMs };
  const queue = useLoad("queue", (signal) => clients.statistics.getQueueStatus({}, { signal }), every);
  const statistics = useLoad(
    range.name,
    (signal) => {
      const since = timestampFromDate(new Date(Date.now() - range.ms));
      return clients.statistics.getDeliveryStatistics({ bucket: range.bucket, since }, { signal });
    },
    every,
  );
  const channels = useLoad(
    "channels",
    async (signal) => (may("channels:read") ? allChannels(clients, signal) : undefined),
    every,
  );
  const buckets = statistics.value && bucketsOf(statistics.value);
  return (
    <>
      <PageTitle title="Overview">
        <fieldset className="tabs">
          <legend className="sr-only">Time</legend>
          {ranges.map(({ name, label }) => (
            <label key={name}>
              <input
                type="radio"
                name="range"
                checked={name === range.name}
                onChange={() => setQuery({ range: name })}
              />
              {label}
            </label>
          ))}
        </fieldset>
      </PageTitle>
      {channels.value && <FailingChannels channels={channels.value} />}
      {queue.failure && <FailureNote failure={queue.failure} retry={queue.reload} />}
      {statistics.failure && <FailureNote failure={statistics.failure} retry={statistics.reload} />}
      <Figures queue={queue.value} buckets={buckets} range={range} />
      {!buckets && !statistics.failure && <Loading rows={6} />}
      {buckets && <Plots buckets={buckets} />}
      <RecentFailures channels={channels.value ?? []} />
    </>
  );
}
