import { describe, expect, test } from "vitest";
import type { Rig } from "./support/rig.ts";

export function describeLive(rig: () => Rig): void {
  describe("the list of deliveries", () => {
    test("says when it is not live, and shows afterwards what happened meanwhile", async () => {
      const { newTenant, sink, deployment } = rig();
      const tenant = await newTenant();
      await tenant.api.createWebhook(`${sink.url}/live`);
      await rig().visit({ as: tenant, path: "/deliveries" }, async ({ page }) => {
        await page.getByText("Live", { exact: true }).waitFor();
        await tenant.api.ingest({ type: "grant.active", grant_id: "before" });
        await page.getByRole("row", { name: /grant\.active/ }).waitFor();

        await deployment.service.stop();
        await page.getByText("Not live: reconnecting…").waitFor();
        await deployment.restart();
        await tenant.api.ingest({ type: "grant.expired", grant_id: "meanwhile" });
        await page.getByText("Live", { exact: true }).waitFor({ timeout: 40_000 });
        await page
          .getByRole("row", { name: /grant\.expired/ })
          .getByText("Delivered")
          .waitFor();
        expect(await page.getByRole("row", { name: /grant\./ }).count()).toBe(2);
      });
    });

    test("keeps its filters in the address, pages through the past and comes back", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      await tenant.api.createWebhook(`${sink.url}/many`, { name: "Many" });
      const events = Array.from({ length: 60 }, (_, n) => ({
        type: n % 2 === 0 ? "grant.active" : "request.denied",
        request_id: `req-${n}`,
      }));
      await tenant.api.send("POST", "/v1/events:batch", { events });
      await rig().visit({ as: tenant, path: "/deliveries" }, async ({ page }) => {
        const rows = page.locator("tbody tr");
        await page.getByRole("link", { name: "Older" }).click();
        await page.getByRole("link", { name: "Newest" }).waitFor();
        await expect.poll(() => rows.count()).toBe(10);

        await page.getByRole("link", { name: "Newest" }).click();
        await page.getByLabel("Event type").selectOption("request.denied");
        await expect.poll(() => rows.count()).toBe(30);
        expect(page.url()).toContain("type=request.denied");
        await page.getByLabel("Request id").fill("req-7");
        await page.getByRole("button", { name: "Apply" }).click();
        await expect.poll(() => rows.count()).toBe(1);
        await page.reload();
        await expect.poll(() => rows.count()).toBe(1);

        await page.getByLabel("Request id").fill("req-8");
        await page.getByLabel("Request id").press("Enter");
        await page.getByText("No delivery fits").waitFor();
        await page.goBack();
        await expect.poll(() => rows.count()).toBe(1);
        await page.getByRole("button", { name: "Clear" }).click();
        await expect.poll(() => rows.count()).toBe(50);
      });
    });

    test("takes in what is new, and what does not fit any more goes", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      const answer = Promise.withResolvers<{ status: number }>();
      sink.respond("/slow", () => answer.promise);
      await tenant.api.createWebhook(`${sink.url}/slow`);
      await rig().visit({ as: tenant, path: "/deliveries?state=delivering" }, async ({ page }) => {
        await page.getByText("Live", { exact: true }).waitFor();
        await tenant.api.ingest({ type: "grant.active" });
        await sink.waitFor(() => sink.to("/slow").length === 1);
        await page.reload();
        await page.getByRole("row", { name: /grant\.active/ }).waitFor();
        await page.getByText("Live", { exact: true }).waitFor();
        answer.resolve({ status: 204 });
        await page.getByText("No delivery fits").waitFor();
      });
    });
  });
}
