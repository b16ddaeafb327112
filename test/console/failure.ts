import { describe, expect, test } from "vitest";
import type { Rig } from "./support/rig.ts";

export function describeFailure(rig: () => Rig): void {
  describe("a notice that failed", () => {
    test("tells why, and is replayed once the endpoint works", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      sink.respond("/broken", { status: 410, body: "the hook has moved" });
      const channel = await tenant.api.createWebhook(`${sink.url}/broken`, { name: "Broken hook" });
      const { id } = await tenant.api.ingest({ type: "grant.revoked", request_id: "req-41" });
      await tenant.api.settled(id);
      await rig().visit({ as: tenant }, async ({ page }) => {
        // The overview puts it first.
        await page.getByRole("heading", { name: "One channel fails" }).waitFor();
        await page
          .getByRole("region", { name: "Failed last" })
          .getByRole("link", { name: "grant.revoked" })
          .click();
        await page.getByText("Status 410").waitFor();
        await page.getByText("the hook has moved").waitFor();
        // What else was told of the same request.
        await page.getByRole("link", { name: "req-41" }).click();
        await page.getByRole("row", { name: /grant\.revoked\s*req-41/ }).waitFor();
        expect(page.url()).toContain("request=req-41");
        await page.goBack();

        sink.respond("/broken", { status: 204 });
        await page.getByRole("button", { name: "Replay" }).click();
        await page.getByRole("heading", { name: "Replay: one delivery" }).waitFor();
        await page.getByText("1 of 1 ended").waitFor();
        await page.locator(".state-counts").getByText("Delivered").waitFor();
        expect(sink.to("/broken").length).toBeGreaterThan(1);

        await page.getByRole("link", { name: "Channels", exact: true }).click();
        await page
          .getByRole("row", { name: /Broken hook/ })
          .getByText("Healthy")
          .waitFor();
      });
      expect((await tenant.api.channel(channel.id)).name).toBe("Broken hook");
    });

    test("is replayed with all others of its channel, counted first", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      sink.respond("/down", { status: 410 });
      await tenant.api.createWebhook(`${sink.url}/down`, { name: "Down" });
      for (let n = 0; n < 3; n++) {
        await tenant.api.settled((await tenant.api.ingest({ type: "grant.active", grant_id: `g${n}` })).id);
      }
      sink.respond("/down", { status: 204 });
      await rig().visit({ as: tenant, path: "/replays" }, async ({ page }) => {
        await page.getByText("No replays yet").waitFor();
        await page.getByRole("link", { name: "New replay" }).click();
        await page.getByLabel("Channel").selectOption("Down");
        await page.getByRole("button", { name: "Count them" }).click();
        await page.getByText("3 notices would be sent.").waitFor();
        expect(sink.to("/down")).toHaveLength(3);
        await page.getByRole("button", { name: "Send 3 now" }).click();
        await page.getByText("3 of 3 ended").waitFor();
        expect(sink.to("/down")).toHaveLength(6);
        await page.getByRole("link", { name: "Replays" }).click();
        await page
          .getByRole("row", { name: /Failed deliveries/ })
          .getByText("3 of 3")
          .waitFor();
      });
    });

    test("a replay under way is cancelled", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      sink.respond("/stuck", { status: 410 });
      await tenant.api.createWebhook(`${sink.url}/stuck`, { name: "Stuck" });
      // About one request, so that they wait for each other.
      for (let n = 0; n < 2; n++) {
        const event = { type: "grant.active", request_id: "one", grant_id: `g${n}` };
        await tenant.api.settled((await tenant.api.ingest(event)).id);
      }
      const answer = Promise.withResolvers<{ status: number }>();
      sink.respond("/stuck", () => answer.promise);
      await rig().visit({ as: tenant, path: "/replays/new" }, async ({ page }) => {
        await page.getByLabel("Channel").selectOption("Stuck");
        await page.getByRole("button", { name: "Count them" }).click();
        await page.getByRole("button", { name: "Send 2 now" }).click();
        await page.getByRole("button", { name: "Cancel the replay" }).click();
        await page.locator(".state-counts").getByText("Cancelled").waitFor();
        answer.resolve({ status: 204 });
        await page.getByText("2 of 2 ended").waitFor();
      });
    });
  });
}
