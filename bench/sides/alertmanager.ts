import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { report, startChild } from "../../test/support/child.ts";
import { freePort } from "../../test/support/ports.ts";
import { makeTempDir, removeDir } from "../../test/support/temp-dir.ts";
import { until } from "../../test/support/until.ts";
import { fannedOutType } from "../event.ts";
import { alertmanagerProgram, missingPackages } from "./installed.ts";
import { type Side, startTogether } from "./side.ts";

/** Prometheus Alertmanager, told to send every alert by itself and at once. */
export const alertmanager: Side = {
  name: "alertmanager",
  kind: "alternative",
  durable: false,
  missing: () => missingPackages("prometheus-alertmanager"),
  start: ({ sink }) =>
    startTogether(async (parts) => {
      const dir = await makeTempDir();
      parts.push({ close: async () => removeDir(dir) });
      const config = join(dir, "alertmanager.yml");
      await writeFile(config, configOf(sink));
      const url = `http://127.0.0.1:${await freePort()}`;
      const child = await startChild(alertmanagerProgram, [
        `--config.file=${config}`,
        `--storage.path=${join(dir, "data")}`,
        `--web.listen-address=${new URL(url).host}`,
        // Without peers: no cluster port.
        "--cluster.listen-address=",
        "--log.level=error",
      ]);
      parts.push({ close: child.kill });
      await until(async () => !child.running() || (await fetch(`${url}/-/ready`)).ok);
      if (!child.running()) throw new Error(`Alertmanager did not start\n${report(child)}`);
      return { entries: [{ name: "alerts", module: "alertmanager", options: { url } }] };
    }),
};

function configOf(sink: string): string {
  const webhook = (path: number) => `
      - url: ${sink}/${path}
        send_resolved: false`;
  return `
route:
  receiver: one
  group_by: ['...']
  group_wait: 0s
  routes:
    - matchers: ['type="${fannedOutType}"']
      receiver: three
receivers:
  - name: one
    webhook_configs:${webhook(0)}
  - name: three
    webhook_configs:${[0, 1, 2].map(webhook).join("")}
`;
}
