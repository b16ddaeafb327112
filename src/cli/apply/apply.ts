import { createInterface } from "node:readline/promises";
import { AdminError } from "../../admin.ts";
import {
  ConnectError,
  createNotificationsClient,
  type NotificationChannel,
  type NotificationsClient,
} from "../../clients/connect.ts";
import { type Desired, type DesiredChannel, readChannelsFile } from "./channels-file.ts";
import { patiently } from "./patiently.ts";
import { type Change, makePlan, type Plan, problemsOf, updateOf } from "./plan.ts";
import { planText } from "./plan-text.ts";
import { FileError } from "./yaml-source.ts";

export interface ApplyOptions {
  /** Path of the channels file. */
  filename: string;
  /** Where the service is. */
  url: string;
  /** Delete the channels that the file does not name. */
  prune?: boolean;
  /** Show the plan and end. */
  dryRun?: boolean;
  /** Do not ask. */
  yes?: boolean;
}

/**
 * Makes the tenant's channels what the file says. The key and the tenant come from
 * JITSUDO_API_KEY and JITSUDO_TENANT_ID. Throws a FileError for what is wrong with the
 * file, an AdminError for all else that a user can mend.
 */
export async function apply(options: ApplyOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const desired = readChannelsFile(options.filename, env);
  if (options.prune && !desired.listsChannels) {
    const message = "--prune deletes what is not in this list, so the file must have it: [] for no channels";
    throw desired.source.error([{ path: ["channels"], message }]);
  }
  const client = connect(options.url, env);
  try {
    const plan = await makePlan(client, desired, options.prune ?? false);
    print(planText(plan));
    if (plan.changes.length === 0 || options.dryRun) return;
    if (!options.yes) await confirm();
    await carryOut(client, desired, plan);
  } catch (error) {
    throw error instanceof ConnectError ? new AdminError(`${options.url}: ${error.message}`) : error;
  } finally {
    client.close();
  }
}

function connect(
  baseUrl: string,
  { JITSUDO_API_KEY: apiKey, JITSUDO_TENANT_ID: tenantId }: NodeJS.ProcessEnv,
) {
  if (!apiKey || !tenantId) throw new AdminError("Set JITSUDO_API_KEY and JITSUDO_TENANT_ID");
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new AdminError("--url must be an http or https URL, for example https://notifications.example.com");
  }
  try {
    return createNotificationsClient({ baseUrl, apiKey, tenantId });
  } catch (error) {
    throw new AdminError(`JITSUDO_API_KEY and JITSUDO_TENANT_ID: ${(error as Error).message}`);
  }
}

async function confirm(): Promise<void> {
  if (!process.stdin.isTTY) throw new AdminError("Nobody is there to be asked: give --yes, or --dry-run");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("Carry this out? [y/N] ");
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new AdminError("Nothing was changed");
}

/** One call a change; what was done before a failure stays, and the next run goes on from there. */
async function carryOut(client: NotificationsClient, desired: Desired, { changes }: Plan): Promise<void> {
  for (const [index, change] of changes.entries()) {
    try {
      print(await patiently(() => carryOutOne(client, change)));
    } catch (error) {
      const left = `${changes.length - index} of ${changes.length} changes were not made`;
      const problems =
        "wanted" in change && "path" in change.wanted ? problemsOf(error, change.wanted.path) : [];
      if (problems.length > 0) throw new FileError(`${desired.source.error(problems).message}\n${left}`);
      const { message } = error as Error;
      throw new AdminError(`${message}\n${left}`);
    }
  }
}

async function carryOutOne(client: NotificationsClient, change: Change): Promise<string> {
  switch (change.kind) {
    case "create": {
      const { id } = await create(client, change.wanted);
      return `created ${change.wanted.name} (${id})`;
    }
    case "update": {
      const paths = [...new Set(change.fields.map((field) => field.replace(/^config\..*/, "config")))];
      await client.channels.updateChannel({
        ...updateOf(change.wanted, change.channel.id),
        updateMask: { paths },
      });
      return `updated ${change.wanted.name} (${change.channel.id})`;
    }
    case "delete":
      await client.channels.deleteChannel({ id: change.channel.id });
      return `deleted ${change.channel.name} (${change.channel.id})`;
    case "settings":
      await client.tenantSettings.updateTenantSettings(change.wanted);
      return "updated the tenant settings";
  }
}

/** A name that another run has made meanwhile is refused, so that two at once make no twins. */
function create({ channels }: NotificationsClient, wanted: DesiredChannel): Promise<NotificationChannel> {
  const request = { ...wanted.request, uniqueName: true };
  switch (request.$typeName) {
    case "jitsudo.notifications.v1.CreateSlackWebhookChannelRequest":
      return channels.createSlackWebhookChannel(request);
    case "jitsudo.notifications.v1.CreateEmailChannelRequest":
      return channels.createEmailChannel(request);
    case "jitsudo.notifications.v1.CreateGenericWebhookChannelRequest":
      return channels.createGenericWebhookChannel(request);
    case "jitsudo.notifications.v1.CreateAwsSnsChannelRequest":
      return channels.createAwsSnsChannel(request);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
