// Takes the pictures of the console in docs/images/console from a real service, which
// has lived through a day. Needs Chromium: `npm run screenshots`.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { startChromium } from "../test/console/support/browser.ts";
import { visit } from "../test/console/support/visit.ts";
import { openOperator } from "../test/e2e/operator.ts";
import { startHttpSink } from "../test/sinks/http-sink.ts";
import { startSmtpSink } from "../test/sinks/smtp-sink.ts";
import { startService } from "../test/support/service.ts";
import { scenes } from "./screenshots/scenes.ts";
import { liveThroughADay, makeChannels } from "./screenshots/seed.ts";
import { createTenantApi } from "./screenshots/tenant-api.ts";

const images = join(import.meta.dirname, "../docs/images/console");

const closers: (() => unknown)[] = [];
try {
  const http = await startHttpSink();
  closers.unshift(http.close);
  const smtp = await startSmtpSink();
  closers.unshift(smtp.close);
  const clock = join(import.meta.dirname, "screenshots/clock.ts");
  const service = await startService({
    env: {
      NODE_OPTIONS: `--import ${clock}`,
      JITSUDO_BACKOFF_BASE_MS: "20",
      JITSUDO_SLACK_PER_SECOND: "1000",
      JITSUDO_RATE_LIMIT_PER_SECOND: "0",
    },
    timeoutMs: 90_000,
  });
  closers.unshift(service.close);

  const operator = await openOperator({ dataDir: service.dataDir, env: {} });
  const { id } = await operator.run("tenants create", { name: "Acme" });
  const { api_key: apiKey } = await operator.run("keys create", { name: "console", tenant: id });
  const api = createTenantApi(service.url, apiKey, id);
  const channels = await makeChannels(api, { http, smtp });
  await liveThroughADay(api, { http, smtp }, () => service.signal("SIGUSR2"));

  const browser = await startChromium();
  closers.unshift(() => browser.close());
  await rm(images, { recursive: true, force: true });
  await mkdir(images, { recursive: true });
  for (const { name, path, act, ...look } of scenes(channels)) {
    const opened = await visit(browser, service.url, { as: { id, apiKey }, path, ...look });
    await act?.(opened.page);
    await opened.page.screenshot({ path: join(images, `${name}.png`) });
    await opened.close();
  }
} finally {
  for (const close of closers) await close();
}
