import type { Browser } from "playwright-core";
import { type Deployment, deploy, type Tenant } from "../../e2e/deployment.ts";
import { type HttpSink, startHttpSink } from "../../sinks/http-sink.ts";
import { startChromium } from "./browser.ts";
import { assertFreshBuild } from "./fresh-build.ts";
import { type Visit, type VisitOptions, visit } from "./visit.ts";

/** One service, one sink and one browser, for all tests of the console. */
export interface Rig {
  readonly deployment: Deployment;
  readonly sink: HttpSink;
  readonly browser: Browser;
  newTenant(scopes?: string[]): Promise<Tenant>;
  /** Opens the console for one test, and checks afterwards that nothing went wrong unseen. */
  visit<Result>(options: VisitOptions, test: (visit: Visit) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export async function openRig(): Promise<Rig> {
  assertFreshBuild();
  const sink = await startHttpSink();
  const deployment = await deploy("PostgreSQL and Redis");
  const browser = await startChromium();
  return {
    deployment,
    sink,
    browser,
    newTenant: deployment.newTenant,
    async visit(options, test) {
      const opened = await visit(browser, deployment.service.url, options);
      try {
        return await test(opened);
      } finally {
        await opened.close();
      }
    },
    async close() {
      await browser.close();
      await deployment.close();
      await sink.close();
    },
  };
}
