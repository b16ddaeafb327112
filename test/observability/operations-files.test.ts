import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { deploy } from "../e2e/deployment.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { promtool } from "./promtool.ts";
import { scrape } from "./scrape.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFile(join(root, path), "utf8");

interface Rule {
  alert: string;
  expr: string;
}

async function alertRules(): Promise<Rule[]> {
  const { groups } = parse(await read("docs/prometheus/alerts.yaml")) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The queries of the dashboard, with Grafana's variable as a time that Prometheus knows. */
async function dashboardQueries(): Promise<string[]> {
  const { panels } = JSON.parse(await read("docs/grafana/dashboard.json")) as {
    panels: { targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m")),
  );
}

test("every metric that the alerts and the dashboard use is exported", async () => {
  const deployment = await deploy("PostgreSQL and Redis");
  try {
    const text = await scrape(deployment.service);
    const exported = new Set(
      [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].flatMap(([, name = "", type]) =>
        type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const queries = [...(await alertRules()).map(({ expr }) => expr), ...(await dashboardQueries())];
    const used = queries.flatMap((query) => query.match(/\b(?:jitsudo|nodejs|process)_\w+/g) ?? []);
    expect(used.length).toBeGreaterThan(40);
    expect(used.filter((name) => !exported.has(name))).toEqual([]);
    // And the other way round: nothing is counted that nobody sees.
    const ours = [...text.matchAll(/^# TYPE (jitsudo_\w+)/gm)].map(([, name = ""]) => name);
    expect(ours.filter((name) => !used.some((seen) => seen.startsWith(name)))).toEqual([]);
  } finally {
    await deployment.close();
  }
});

test("Prometheus accepts the alert rules, and they fire when they should", async () => {
  expect(await promtool(["check", "rules", join(root, "docs/prometheus/alerts.yaml")])).toMatchObject({
    ok: true,
  });
  const tested = await promtool(["test", "rules", join(root, "test/observability/alerts.test.yaml")]);
  expect(tested.output).toContain("SUCCESS");
  expect(tested.ok).toBe(true);
});

test("Prometheus accepts the queries of the dashboard", async () => {
  await withTempDir(async (dir) => {
    const file = join(dir, "dashboard.json");
    const rules = (await dashboardQueries()).map((expr, index) => ({ record: `panel:query${index}`, expr }));
    await writeFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const { ok, output } = await promtool(["check", "rules", file]);
    expect(output).toContain(`${rules.length} rules found`);
    expect(ok).toBe(true);
  });
});

test("the runbook has a section on every alert, and on no other", async () => {
  const sections = [...(await read("docs/operations.md")).matchAll(/^### (Jitsudo\w+)$/gm)].map(
    ([, name]) => name,
  );
  expect(sections.sort()).toEqual((await alertRules()).map(({ alert }) => alert).sort());
});

test("the containers are pinned, checked, and stop by SIGTERM", async () => {
  const dockerfile = await read("Dockerfile");
  const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(images).toEqual(Array(2).fill(expect.stringMatching(/^node:24\.\d+\.\d+-/)));
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile).toMatch(/^CMD \["node", "dist\/src\/main\.js"\]$/m);

  const compose = parse(await read("compose.yaml"), { merge: true }) as {
    services: Record<string, { image: string; build?: string; healthcheck?: object; environment?: object }>;
  };
  for (const [name, { image, healthcheck }] of Object.entries(compose.services)) {
    const isOurs = name === "api" || name === "worker";
    expect([name, image]).toEqual([
      name,
      expect.stringMatching(isOurs ? /^jitsudo-notifications:/ : /:v?\d+\.\d+/),
    ]);
    // The image of the service brings its own.
    expect([name, healthcheck !== undefined]).toEqual([name, !isOurs]);
  }
});

test("the settings in compose.yaml and docs/kubernetes.yaml exist", async () => {
  const known = await read("docs/configuration.md");
  const files = [await read("compose.yaml"), await read("docs/kubernetes.yaml"), await read("Dockerfile")];
  const used = files.flatMap((text) => text.match(/\b(?:JITSUDO_[A-Z_]+|DATABASE_URL|REDIS_URL)\b/g) ?? []);
  expect(used.filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
});

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec?: {
    replicas?: number;
    selector?: { matchLabels: Record<string, string> };
    template?: { metadata: { labels: Record<string, string> }; spec: PodSpec };
  };
}

interface PodSpec {
  terminationGracePeriodSeconds: number;
  securityContext: object;
  containers: Record<string, unknown>[];
}

test("the Kubernetes manifest has probes, bounds, no privileges and a budget for each deployment", async () => {
  const documents = parseAllDocuments(await read("docs/kubernetes.yaml"), { uniqueKeys: true });
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const manifests = documents.map((document) => document.toJS() as Manifest);
  const deployments = manifests.filter(({ kind }) => kind === "Deployment");
  expect(deployments).toHaveLength(2);
  for (const { spec } of deployments) {
    const pod = spec?.template?.spec;
    expect(spec?.selector?.matchLabels).toEqual(spec?.template?.metadata.labels);
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    for (const container of pod?.containers ?? []) {
      expect(container).toMatchObject({
        startupProbe: { httpGet: { path: "/healthz" } },
        livenessProbe: { httpGet: { path: "/healthz" } },
        readinessProbe: { httpGet: { path: "/readyz" } },
        resources: { requests: { cpu: expect.any(String) }, limits: { memory: expect.any(String) } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
      });
    }
    const budget = manifests.find(
      ({ kind, spec: other }) =>
        kind === "PodDisruptionBudget" && JSON.stringify(other?.selector) === JSON.stringify(spec?.selector),
    );
    expect(budget).toBeDefined();
  }
});
