import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  type FromTemporaryCredentialsOptions,
  fromNodeProviderChain,
  fromTemporaryCredentials,
} from "@aws-sdk/credential-providers";
import type { Channel, Sender, SendOutcome } from "./channel.ts";
import { withDeadline } from "./deadline.ts";
import { createLeaseCache } from "./lease-cache.ts";
import { describePublish } from "./sent-request.ts";
import type { SnsCredentials } from "./sns-credentials.ts";
import { snsFailure } from "./sns-failure.ts";
import { renderPublish } from "./sns-message.ts";

type Credentials = NonNullable<FromTemporaryCredentialsOptions["masterCredentials"]>;

export interface SnsSenderOptions {
  /** Longest time in ms for one attempt, assuming a role included. */
  timeoutMs: number;
  /** The service's own AWS credentials. Default: the SDK's chain (environment, files, container, instance). */
  credentials?: Credentials;
  /** What channels may publish with. Default "own". */
  allowed?: SnsCredentials;
  /** URL of an SNS endpoint to use instead of AWS's own. */
  endpoint?: string;
  /** URL of an STS endpoint to use instead of AWS's own. */
  stsEndpoint?: string;
  /** How long in ms a client and its role's credentials are kept unused. Default 300,000. */
  idleMs?: number;
  /** How many clients are kept while unused. Default 200. */
  maxIdleClients?: number;
}

/**
 * Publishes to SNS topics, with the service's own credentials or those of a role that the
 * channel names. What SNS documents as the topic's, the message's or a permission's fault
 * is permanent. What may pass, or lies with the service's own credentials, is retried;
 * the SDK itself never retries.
 */
export function createSnsSender(options: SnsSenderOptions): Sender<"aws_sns"> {
  const { allowed = "own" } = options;
  // One chain for all clients, so that they share what it has found.
  const credentials = options.credentials ?? fromNodeProviderChain();
  const clients = createLeaseCache({
    open: (access: Access) => openClient(access, credentials, options),
    close: (client) => client.close(),
    idleMs: options.idleMs ?? 300_000,
    max: options.maxIdleClients ?? 200,
  });

  return {
    async send(channel, notice, signal, onRequest) {
      if (allowed === "tenant_role" && !channel.config.role_arn) return roleMissing;
      const access = accessOf(channel, allowed);
      const input = renderPublish(channel, notice, new Date());
      onRequest?.(describePublish(input));
      const command = new PublishCommand(input);
      try {
        return await withDeadline(options.timeoutMs, signal, (ended) =>
          clients.use(JSON.stringify(access), access, async ({ sns }) => {
            const { MessageId, $metadata } = await sns.send(command, { abortSignal: ended });
            return {
              kind: "delivered",
              statusCode: $metadata.httpStatusCode ?? 200,
              response: MessageId ?? "",
            };
          }),
        );
      } catch (error) {
        return snsFailure(error);
      }
    },
    // No `forget`: clients belong to a region and a role. Unused ones close by themselves.
    close: clients.close,
  };
}

/** Of a channel that was made before the operator decided so. */
const roleMissing: SendOutcome = {
  kind: "failed",
  error: "the channel names no role_arn, and the operator lets none publish without",
};

/** What a client is made for. */
interface Access {
  region: string;
  roleArn?: string;
  externalId?: string;
}

function accessOf(
  { config, tenantId }: Extract<Channel, { type: "aws_sns" }>,
  allowed: SnsCredentials,
): Access {
  const { topic_arn, region, role_arn } = config;
  const externalId = allowed === "tenant_role" ? tenantId : config.external_id;
  // arn:aws:sns:<region>:<account>:<topic>
  const regionOfTopic = topic_arn.split(":")[3] ?? "";
  return {
    region: region || regionOfTopic,
    ...(role_arn && { roleArn: role_arn }),
    ...(role_arn && externalId && { externalId }),
  };
}

function openClient({ region, roleArn, externalId }: Access, own: Credentials, options: SnsSenderOptions) {
  // Without a limit on sockets: channels of one client must not wait for each other.
  const agents = {
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true }),
  };
  const { timeoutMs, endpoint, stsEndpoint } = options;
  // Later than the attempt's own deadline, for whatever that leaves behind.
  const leftBehindMs = timeoutMs + 1_000;
  const bounds = {
    connectionTimeout: leftBehindMs,
    requestTimeout: leftBehindMs,
    throwOnRequestTimeout: true,
  };
  const common = { region, maxAttempts: 1, requestHandler: { ...agents, ...bounds } };

  const roleCredentials = (RoleArn: string) =>
    fromTemporaryCredentials({
      masterCredentials: own,
      params: {
        RoleArn,
        RoleSessionName: "jitsudo-notifications",
        ...(externalId && { ExternalId: externalId }),
      },
      clientConfig: { ...common, ...(stsEndpoint && { endpoint: stsEndpoint }) },
    });
  const sns = new SNSClient({
    ...common,
    credentials: roleArn ? roleCredentials(roleArn) : own,
    ...(endpoint && { endpoint }),
  });

  return {
    sns,
    close() {
      sns.destroy();
      // The STS client that the SDK makes for itself uses them too and has no other end.
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}
