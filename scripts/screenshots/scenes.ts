import type { BrowserContextOptions, Page } from "playwright-core";

/** One picture. */
export interface Scene extends BrowserContextOptions {
  name: string;
  /** Below /console. */
  path: string;
  /** What to do before the picture is taken. */
  act?(page: Page): Promise<void>;
}

const wide = { viewport: { width: 1280, height: 860 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const dark = { colorScheme: "dark" } as const;

/** What is worth a picture; `channels`: ids by name. */
export function scenes(channels: ReadonlyMap<string, string>): Scene[] {
  const channel = (name: string) => `/channels/${channels.get(name)}`;
  const overview = { path: "/", act: untilDrawn };
  return [
    { name: "overview", ...overview, ...wide },
    { name: "overview-dark", ...overview, ...wide, ...dark },
    { name: "overview-phone", ...overview, ...phone },
    { name: "channels", path: "/channels", act: untilRows, ...wide },
    { name: "channels-phone", path: "/channels", act: untilRows, ...phone },
    { name: "channel-slack", path: channel("#access-requests"), act: preview, ...wide },
    { name: "channel-email", path: channel("Security mailbox"), act: preview, ...wide, ...dark },
    { name: "form-errors", path: "/channels/new/email", act: submitWrong, ...wide },
    { name: "form-phone", path: "/channels/new/slack_webhook", ...phone },
    { name: "deliveries", path: "/deliveries", act: untilRows, ...wide },
    { name: "deliveries-dark", path: "/deliveries", act: untilRows, ...wide, ...dark },
    { name: "deliveries-phone", path: "/deliveries", act: untilRows, ...phone },
    { name: "delivery", path: "/deliveries?state=failed", act: openFirst, ...wide },
    { name: "delivery-dark", path: "/deliveries?state=failed", act: openFirst, ...wide, ...dark },
    { name: "replays-empty", path: "/replays", ...wide },
  ];
}

async function untilDrawn(page: Page): Promise<void> {
  await page.locator(".bar.delivered").first().waitFor();
}

async function untilRows(page: Page): Promise<void> {
  await page.locator(".rows tbody tr").first().waitFor();
}

async function preview(page: Page): Promise<void> {
  await page.getByLabel("Event of the preview").selectOption("request.break_glass");
  await page.locator(".slack-header, .mail-frame").first().waitFor();
}

async function submitWrong(page: Page): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill("Auditors");
  await page.getByLabel("SMTP host").fill("smtp example.com");
  await page.getByLabel("SMTP port").fill("70000");
  await page.getByLabel("From").fill("access@example.com");
  await page.getByLabel("To", { exact: true }).fill("auditors@example.com\nnobody");
  await page.getByRole("button", { name: "Create channel" }).click();
  await page.locator(".error").first().waitFor();
}

async function openFirst(page: Page): Promise<void> {
  await page.locator(".row-link").first().click();
  await page.locator(".timeline li").first().waitFor();
}
