import { Link } from "wouter";
import { allChannels } from "../api/all-channels.ts";
import { useLoad } from "../api/use-load.ts";
import { useConsole } from "../app/console-context.ts";
import { Empty, FailureNote, Loading } from "../ui/notes.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { ChannelTable } from "./channel-table.tsx";
import { failingFirst } from "./health.ts";

const pollMs = 10_000;

/** All channels of the tenant, failing ones first. */
export function ChannelsPage() {
  const { clients, may } = useConsole();
  const channels = useLoad("channels", (signal) => allChannels(clients, signal), { everyMs: pollMs });
  const create = may("channels:write") && (
    <Link href="/channels/new" className="button primary">
      New channel
    </Link>
  );
  return (
    <>
      <PageTitle title="Channels">{create}</PageTitle>
      {channels.failure && <FailureNote failure={channels.failure} retry={channels.reload} />}
      {!channels.value && !channels.failure && <Loading />}
      {channels.value?.length === 0 && (
        <Empty title="No channels yet">
          <p>
            A channel says where notices go: to Slack, a mailbox, a webhook or an SNS topic. Until there is
            one, events are kept, and nobody is told.
          </p>
          {create}
        </Empty>
      )}
      {channels.value && channels.value.length > 0 && (
        <ChannelTable channels={failingFirst(channels.value)} />
      )}
    </>
  );
}
