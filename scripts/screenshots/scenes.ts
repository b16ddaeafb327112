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
  return [
    { name: "overview", path: "/", act: untilDrawn, ...wide },
    { name: "overview-phone", path: "/", act: untilDrawn, ...phone },
    { name: "channels", path: "/channels", act: untilRows, ...wide },
    { name: "channel-slack", path: channel("#access-requests"), act: preview, ...wide },
    { name: "channel-email-dark", path: channel("Security mailbox"), act: preview, ...wide, ...dark },
    { name: "form-errors", path: "/channels/new/email", act: submitWrong, ...wide },
    { name: "deliveries", path: "/deliveries", act: untilLive, ...wide },
    { name: "deliveries-phone", path: "/deliveries", act: untilLive, ...phone },
    { name: "delivery-dark", path: "/deliveries?state=failed", act: openFirst, ...wide, ...dark },
  ];
}

async function untilDrawn(page: Page): Promise<void> {
  await page.locator(".bar.delivered").first().waitFor();
}

async function untilRows(page: Page): Promise<void> {
  await page.locator(".rows tbody tr").first().waitFor();
}

async function untilLive(page: Page): Promise<void> {
  await untilRows(page);
  await page.locator(".live-mark.live").waitFor();
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
