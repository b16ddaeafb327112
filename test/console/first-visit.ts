import { describe, expect, test } from "vitest";
import type { Rig } from "./support/rig.ts";

export function describeFirstVisit(rig: () => Rig): void {
  describe("the first visit", () => {
    test("leads from signing in to the first delivered notice", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      await rig().visit({}, async ({ page }) => {
        await page.getByLabel("Tenant").fill(tenant.id);
        await page.getByLabel("API key").fill(tenant.apiKey);
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("heading", { name: "Overview" }).waitFor();
        await page.getByText("No channels yet").waitFor();

        await page.getByRole("link", { name: "Make the first channel" }).click();
        await page.getByRole("link", { name: /^Webhook/ }).click();
        await page.getByLabel("Name", { exact: true }).fill("On-call hook");
        await page.getByLabel("URL").fill(`${sink.url}/first`);
        await page.getByRole("button", { name: "Create disabled, to test it first" }).click();
        await page.getByRole("heading", { name: "On-call hook" }).waitFor();

        // Not enabled yet, and it can be tried.
        await page.getByRole("button", { name: "Send a test" }).click();
        await page.locator(".outcome").getByText("Delivered").waitFor();
        expect(sink.to("/first")).toHaveLength(1);
        await page.getByRole("button", { name: "Enable" }).click();
        await page.getByRole("button", { name: "Disable" }).waitFor();

        await page.getByRole("link", { name: "Deliveries", exact: true }).click();
        await page.getByText("No deliveries yet").waitFor();
        await page.getByText("Live", { exact: true }).waitFor();
        await tenant.api.ingest({ type: "request.break_glass", request_id: "req-1" });
        const row = page.getByRole("row", { name: /request\.break_glass/ });
        await row.getByText("Delivered").waitFor();
        expect(sink.to("/first")).toHaveLength(2);

        await row.getByRole("link").click();
        await page.getByRole("heading", { name: "request.break_glass" }).waitFor();
        await page.getByText("Attempt 1").waitFor();
        await page.getByText('"request_id": "req-1"').waitFor();
      });
    });
  });
}
