import { promises as dns, type LookupAddress } from "node:dns";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import PQueue from "p-queue";

export interface HostResolverOptions {
  /** Where `hosts` and `resolv.conf` are. Default: /etc. */
  etc?: string;
  /** Name servers, each with its port. Default: those of /etc/resolv.conf. */
  servers?: string[];
}

/** Answers all addresses of a name; rejects when there is none. */
export type ResolveHost = (host: string) => Promise<LookupAddress[]>;

/** What says that a name, or its addresses of one kind, are not in DNS, or that there is no DNS. */
const notThere = new Set(["ENOTFOUND", "ENODATA", "EBADNAME", "ECONNREFUSED"]);

/**
 * Resolves names in the order of the system's resolver on Linux: the hosts file, then DNS
 * with the search domains of resolv.conf. The system's own has but a few threads for the
 * whole process, which names hold for half a minute when their DNS does not answer; this
 * one waits without any. It asks the system's for what neither knows, such as a machine of
 * the local network, one name at a time, so that one thread is all that those can hold.
 */
export function createHostResolver({ etc = "/etc", servers }: HostResolverOptions = {}): ResolveHost {
  const hosts = readWhenChanged(join(etc, "hosts"), parseHosts);
  const dnsConfig = readWhenChanged(join(etc, "resolv.conf"), (text) => {
    // A new one has read the name servers anew. Its tries take about 2 and 4 seconds.
    const resolver = new dns.Resolver({ timeout: 2_000, tries: 2 });
    if (servers) resolver.setServers(servers);
    return { ...parseResolvConf(text), resolver };
  });
  const bySystem = new PQueue({ concurrency: 1 });

  return async (host) => {
    const listed = hosts().get(host.toLowerCase());
    if (listed) return listed;
    const { resolver, ...search } = dnsConfig();
    for (const name of fullNames(host, search)) {
      const found = await query(resolver, name);
      if (found.length > 0) return found;
    }
    return bySystem.add(() => dns.lookup(host, { all: true }));
  };
}

/** Answers nothing when the name has no address. Rejects when its DNS does not say so. */
async function query(resolver: dns.Resolver, name: string): Promise<LookupAddress[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = answers.flatMap((answer, index) =>
    answer.status === "fulfilled"
      ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 }))
      : [],
  );
  const unanswered = answers.some(
    (answer) => answer.status === "rejected" && !notThere.has(answer.reason.code),
  );
  // The code that the system's resolver has for it.
  if (found.length === 0 && unanswered) throw Object.assign(new Error("No answer"), { code: "EAI_AGAIN" });
  return found;
}

interface Search {
  domains: string[];
  /** A name with fewer dots is looked for in the domains first. */
  ndots: number;
}

/** What a name may stand for, as resolv.conf(5) has it. */
function fullNames(host: string, { domains, ndots }: Search): string[] {
  if (host.endsWith(".")) return [host];
  const inDomains = domains.map((domain) => `${host}.${domain}`);
  const dots = host.split(".").length - 1;
  return dots >= ndots ? [host, ...inDomains] : [...inDomains, host];
}

function parseResolvConf(text: string): Search {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const own = hostname().split(".").slice(1).join(".");
  const domains = lines.findLast(([key]) => key === "search" || key === "domain")?.slice(1) ?? [own];
  const options = lines.filter(([key]) => key === "options").flat();
  const ndots = options.findLast((option) => /^ndots:\d+$/.test(option))?.slice("ndots:".length);
  return {
    domains: domains.map((domain) => domain.replace(/\.$/, "")).filter((domain) => domain !== ""),
    ndots: Number(ndots ?? 1),
  };
}

function parseHosts(text: string): Map<string, LookupAddress[]> {
  const hosts = new Map<string, LookupAddress[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const name of new Set(names.map((each) => each.toLowerCase()))) {
      hosts.set(name, [...(hosts.get(name) ?? []), { address, family }]);
    }
  }
  return hosts;
}

/** What a file says now; a file that is not there is empty. */
function readWhenChanged<Content>(path: string, parse: (text: string) => Content): () => Content {
  let kept: { changedAt: number | undefined; content: Content } | undefined;
  return () => {
    const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (!kept || kept.changedAt !== changedAt) {
      kept = { changedAt, content: parse(changedAt === undefined ? "" : readFileSync(path, "utf8")) };
    }
    return kept.content;
  };
}
