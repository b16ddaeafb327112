import { Link, useSearchParams } from "wouter";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { Badge } from "../ui/badge.tsx";
import { Empty, FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { Time } from "../ui/time.tsx";
import { kindText } from "./kind-text.ts";

const pollMs = 5_000;

/** What was sent again on purpose, newest first. */
export function ReplaysPage() {
  const { clients, may } = useConsole();
  const [query] = useSearchParams();
  const pageToken = query.get("page") ?? "";
  const page = useLoad(
    pageToken,
    (signal) => clients.replays.listReplays({ pageSize: 50, pageToken }, { signal }),
    { everyMs: pollMs },
  );
  const { replays = [], nextPageToken = "" } = page.value ?? {};
  return (
    <>
      <PageTitle title="Replays">
        {may("deliveries:write") && (
          <Link href="/replays/new" className="button primary">
            New replay
          </Link>
        )}
      </PageTitle>
      {page.failure && <FailureNote failure={page.failure} retry={page.reload} />}
      {!page.value && !page.failure && <Loading />}
      {page.value && replays.length === 0 && (
        <Empty title="No replays yet">
          <p>A replay sends failed deliveries again, once their endpoint works.</p>
        </Empty>
      )}
      {replays.length > 0 && (
        <table className="rows">
          <caption className="sr-only">Replays, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Replay</th>
              <th scope="col">State</th>
              <th scope="col">Deliveries made</th>
              <th scope="col" className="wide">
                Begun
              </th>
            </tr>
          </thead>
          <tbody>
            {replays.map((replay) => (
              <tr key={replay.id}>
                <td>
                  <Link href={`/replays/${replay.id}`} className="row-link">
                    {kindText(replay.kind)}
                  </Link>
                  <span className="sub slim">
                    <Time at={replay.createdAt} />
                  </span>
                </td>
                <td>
                  <Badge state={replay.state} />
                </td>
                <td className="number">
                  {replay.created.toLocaleString("en")} of {replay.total.toLocaleString("en")}
                </td>
                <td className="wide">
                  <Time at={replay.createdAt} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <nav className="pager" aria-label="Pages">
        {pageToken !== "" && <Link href="/replays">Newest</Link>}
        {nextPageToken !== "" && <Link href={`/replays?page=${nextPageToken}`}>Older</Link>}
      </nav>
    </>
  );
}
