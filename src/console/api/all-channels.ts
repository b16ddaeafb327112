import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import type { Clients } from "./clients.ts";

/** All channels of the tenant, over all pages, oldest first. */
export async function allChannels(
  { channels }: Clients,
  signal: AbortSignal,
): Promise<NotificationChannel[]> {
  const found: NotificationChannel[] = [];
  let pageToken = "";
  do {
    const page = await channels.listChannels({ pageSize: 200, pageToken }, { signal });
    found.push(...page.channels);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}
