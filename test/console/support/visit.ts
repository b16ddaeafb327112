import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import type { Tenant } from "../../e2e/deployment.ts";

/** One browser's tab with a profile of its own. */
export interface Visit {
  page: Page;
  context: BrowserContext;
  /** Throws when anything went wrong that a user would not see: errors, violations, foreign requests. */
  close(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Signs in at once; by default nobody is signed in. */
  as?: Pick<Tenant, "id" | "apiKey">;
  /** Below /console; default "/". */
  path?: string;
}

/** How long a page may take on a busy machine. */
const timeoutMs = 20_000;

/** Opens the console. */
export async function visit(
  browser: Browser,
  url: string,
  { as, path = "/", ...options }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  context.setDefaultTimeout(timeoutMs);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // Chromium notes every answer that is no success; what the page makes of it is what tests see.
    const isAnswer =
      message.text().startsWith("Failed to load resource") && message.location().url.startsWith(url);
    if (message.type() === "error" && !isAnswer) problems.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("data:")) {
      problems.push(`request to ${request.url()}`);
    }
  });
  await page.addInitScript({ content: reportViolations });
  if (as) await page.addInitScript({ content: signIn(as) });
  await page.goto(`${url}/console${path}`);
  return {
    page,
    context,
    async close() {
      await context.close();
      expect(problems).toEqual([]);
    },
  };
}

const reportViolations = `document.addEventListener("securitypolicyviolation", (event) => {
  console.error("policy: " + event.violatedDirective + " " + event.blockedURI);
});`;

/** The frame of a mail has no storage of its own to look into. */
function signIn({ apiKey, id }: Pick<Tenant, "id" | "apiKey">): string {
  const session = JSON.stringify(JSON.stringify({ apiKey, tenantId: id }));
  return `if (window.top === window) sessionStorage.setItem("jitsudo-notifications-session", ${session});`;
}
