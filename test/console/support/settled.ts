import type { Page } from "playwright-core";

/** Waits until all has arrived that was asked for; what is live goes on. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.locator(".loading").first().waitFor({ state: "detached" });
}
