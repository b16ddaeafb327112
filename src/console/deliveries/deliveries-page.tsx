import { Link, useSearchParams } from "wouter";
import { allChannels } from "../api/all-channels.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { Empty, FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { DeliveryTable } from "./delivery-table.tsx";
import { filterNames, filterOf, watchRequest, withChanges } from "./filter.ts";
import { FilterForm } from "./filter-form.tsx";
import { LiveMark } from "./live-mark.tsx";
import { loadPage } from "./load-page.ts";
import { useWatch } from "./use-watch.ts";

/** The delivery log. Its first page is live; what it shows stands in the address. */
export function DeliveriesPage() {
  const { clients, may } = useConsole();
  const [query, setQuery] = useSearchParams();
  const filter = filterOf(query);
  const pageToken = query.get("page") ?? "";
  const page = useLoad(query.toString(), (signal) => loadPage(clients, filter, pageToken, signal));
  const channels = useLoad("channels", async (signal) =>
    may("channels:read") ? allChannels(clients, signal) : [],
  );
  // Older pages and times that have passed stay as they are.
  const isLive = pageToken === "" && filter.until === "";
  const { liveness, changed } = useWatch({
    request: isLive ? watchRequest(filter) : undefined,
    onBegin: page.reload,
  });
  const deliveries =
    page.value && withChanges(page.value.deliveries, changed, filter, page.value.next === "");
  const isFiltered = filterNames.some((name) => filter[name] !== "");
  const older = new URLSearchParams(query);
  older.set("page", page.value?.next ?? "");
  const newest = new URLSearchParams(query);
  newest.delete("page");

  return (
    <>
      <PageTitle title="Deliveries">{isLive && <LiveMark liveness={liveness} />}</PageTitle>
      <FilterForm
        key={query.toString()}
        filter={filter}
        channels={channels.value ?? []}
        apply={(next) => setQuery(next)}
      />
      {page.failure && <FailureNote failure={page.failure} retry={page.reload} />}
      {!page.value && !page.failure && <Loading rows={8} />}
      {deliveries?.length === 0 && (
        <Empty title={isFiltered ? "No delivery fits" : "No deliveries yet"}>
          <p>
            {isFiltered
              ? "Fewer filters find more."
              : "Each event makes one delivery for every channel that wants it. They appear here as it happens."}
          </p>
        </Empty>
      )}
      {deliveries && deliveries.length > 0 && (
        <DeliveryTable deliveries={deliveries} channels={channels.value ?? []} />
      )}
      <nav className="pager" aria-label="Pages">
        {pageToken !== "" && <Link href={`/deliveries?${newest}`}>Newest</Link>}
        {page.value && page.value.next !== "" && <Link href={`/deliveries?${older}`}>Older</Link>}
      </nav>
    </>
  );
}
