import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Tenant } from "../e2e/deployment.ts";
import type { Rig } from "./support/rig.ts";
import { settled } from "./support/settled.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function describeAccessibility(rig: () => Rig): void {
  describe("every page", () => {
    let tenant: Tenant;
    let paths: Record<PageName, string>;

    beforeAll(async () => {
      tenant = await rig().newTenant();
      paths = await fill(rig(), tenant);
    });

    test.each(pageNames)("%s: axe finds nothing, in light and dark, and it fits a phone", async (name) => {
      const as = name === "signing in" ? {} : { as: tenant };
      await rig().visit({ ...as, path: paths[name] }, async ({ page }) => {
        await settled(page);
        expect(await axeFinds(page)).toEqual([]);
        await page.emulateMedia({ colorScheme: "dark" });
        expect(await axeFinds(page, "color-contrast")).toEqual([]);
        await page.setViewportSize({ width: 390, height: 844 });
        await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
        expect(await page.evaluate(tooWide)).toEqual([]);
      });
    });

    test("works by keyboard alone: from signing in to a channel that was tested", async () => {
      const { newTenant, sink } = rig();
      const fresh = await newTenant();
      await rig().visit({}, async ({ page }) => {
        const { keyboard } = page;
        const type = async (label: string, text: string) => {
          await tabTo(page, label);
          await keyboard.type(text);
        };
        await type("Tenant", fresh.id);
        await type("API key", fresh.apiKey);
        await keyboard.press("Enter");
        await page.getByRole("heading", { name: "Overview" }).waitFor();
        await tabTo(page, "Channels");
        await keyboard.press("Enter");
        await page.getByText("No channels yet").waitFor();
        await tabTo(page, "New channel");
        await keyboard.press("Enter");
        await page.getByRole("link", { name: /^Webhook/ }).waitFor();
        await tabTo(page, "Webhook");
        await keyboard.press("Enter");
        await page.getByLabel("Name", { exact: true }).waitFor();
        await type("Name", "By keyboard");
        await type("URL", `${sink.url}/keyboard`);
        await keyboard.press("Enter");
        await page.getByRole("heading", { name: "By keyboard" }).waitFor();
        await tabTo(page, "Send a test");
        await keyboard.press("Enter");
        await page.locator(".outcome").getByText("Delivered").waitFor();
      });
    });
  });
}

const pageNames = [
  "signing in",
  "overview",
  "overview of minutes",
  "channels",
  "choice of a kind",
  "new e-mail channel",
  "new webhook",
  "webhook that signs",
  "webhook that fails",
  "e-mail channel",
  "Slack channel",
  "SNS channel",
  "deliveries",
  "no deliveries",
  "delivery",
  "replays",
  "new replay",
  "replay",
  "no such page",
  "no such channel",
] as const;

type PageName = (typeof pageNames)[number];

/** What sticks out of a screen that is 390 pixels wide. */
const tooWide = `[...document.querySelectorAll("main *")]
  .filter((one) => one.getBoundingClientRect().right > 391 && !one.closest(".sr-only, svg"))
  .map((one) => one.outerHTML.slice(0, 80))`;

/** Gives a tenant something to see on every page. */
async function fill({ sink }: Rig, { api }: Tenant): Promise<Record<PageName, string>> {
  sink.respond("/fails", { status: 410, body: "gone" });
  const good = await api.createWebhook(`${sink.url}/fine`, {
    name: "Fine",
    generate_signing_secret: "ed25519",
  });
  const bad = await api.createWebhook(`${sink.url}/fails`, {
    name: "A channel with quite a long name, as people give them when nobody stops them",
    event_filters: ["request.break_glass"],
    headers: { Authorization: "x" },
  });
  const mail = await api.createChannel("email", {
    name: "Mailbox",
    smtp_host: "127.0.0.1",
    smtp_port: 25,
    from_address: "a@example.com",
    to_addresses: ["security-and-compliance@a-rather-long-domain.example.com"],
    enabled: false,
  });
  const slack = await api.createChannel("slack-webhook", {
    name: "Slack",
    webhook_url: "https://hooks.slack.com/services/T/B/x",
    break_glass_mention: "here",
    enabled: false,
  });
  const sns = await api.createChannel("aws-sns", {
    name: "Topic",
    topic_arn: "arn:aws:sns:eu-central-1:123456789012:a-topic-with-a-long-name-that-does-not-break",
    enabled: false,
  });
  const { id } = await api.ingest({
    type: "request.break_glass",
    request_id: "req-1",
    justification: "x".repeat(300),
  });
  const deliveries = await api.settled(id);
  const failed = deliveries.find(({ channel_id }) => channel_id === bad.id);
  const { body: replay } = await api.send<{ id: string }>("POST", "/v1/replays", { delivery_id: failed?.id });
  return {
    "signing in": "/",
    overview: "/",
    "overview of minutes": "/?range=hour",
    channels: "/channels",
    "choice of a kind": "/channels/new",
    "new e-mail channel": "/channels/new/email",
    "new webhook": "/channels/new/generic_webhook",
    "webhook that signs": `/channels/${good.id}`,
    "webhook that fails": `/channels/${bad.id}`,
    "e-mail channel": `/channels/${mail.id}`,
    "Slack channel": `/channels/${slack.id}`,
    "SNS channel": `/channels/${sns.id}`,
    deliveries: "/deliveries",
    "no deliveries": "/deliveries?request=none",
    delivery: `/deliveries/${failed?.id}`,
    replays: "/replays",
    "new replay": "/replays/new",
    replay: `/replays/${replay.id}`,
    "no such page": "/nowhere",
    "no such channel": "/channels/nope",
  };
}

/** `rule`: that one alone. */
async function axeFinds(page: Page, rule?: string): Promise<unknown[]> {
  // Through the debugger, which the page's policy does not bind.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  return page.evaluate(
    `axe.run(document, { iframes: false${rule ? `, runOnly: ["${rule}"]` : ""} }).then(({ violations }) =>
      violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary)]))`,
  );
}

/** Presses Tab until what has the focus is named so. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    const focused = await page.evaluate<string>(
      `(() => { const one = document.activeElement; return one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent; })()`,
    );
    if (focused.trim().startsWith(name)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${name}`);
}
