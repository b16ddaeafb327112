import { describe, expect, test } from "vitest";
import { fieldError } from "./support/field-error.ts";
import type { Rig } from "./support/rig.ts";

export function describeKeys(rig: () => Rig): void {
  describe("a key", () => {
    test("that is wrong, or of another tenant, is refused at the field and kept nowhere", async () => {
      const { newTenant, deployment } = rig();
      const [ours, theirs] = [await newTenant(), await newTenant()];
      await rig().visit({}, async ({ page }) => {
        await page.getByLabel("Tenant").fill(ours.id);
        await page.getByLabel("API key").fill("jsn_nothing");
        await page.getByRole("button", { name: "Sign in" }).click();
        expect(await fieldError(page, "API key")).toBe("Is no valid key.");
        expect(await page.getByLabel("Tenant").getAttribute("aria-invalid")).toBeNull();
        await page.getByRole("alert").getByText("Is no valid key.").waitFor();
        expect(await page.evaluate("document.activeElement.name")).toBe("key");

        await page.getByLabel("API key").fill("jsn_\u043d\u0435\u0442");
        await page.getByRole("button", { name: "Sign in" }).click();
        expect(await fieldError(page, "API key")).toBe("Is no valid key.");

        await page.getByLabel("API key").fill(theirs.apiKey);
        await page.getByRole("button", { name: "Sign in" }).click();
        expect(await fieldError(page, "Tenant")).toBe("Is not the tenant of this key.");
        expect(await page.getByLabel("API key").getAttribute("aria-invalid")).toBeNull();
        expect(await page.evaluate("document.activeElement.name")).toBe("tenant");

        await page.getByLabel("API key").fill(await deployment.newOperatorKey());
        await page.getByLabel("Tenant").fill("0190a0b0-1111-7000-8000-000000000001");
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("alert").getByText("There is no such tenant.").waitFor();
        expect(await fieldError(page, "Tenant")).toBe("There is no such tenant.");

        await page.getByLabel("Tenant").fill("acme");
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("alert").getByText("Must be the tenant’s UUID.").waitFor();
        expect(await fieldError(page, "Tenant")).toBe("Must be the tenant’s UUID.");
        expect(await page.locator("main").textContent()).not.toContain("X-");
        expect(
          await page.evaluate("Object.keys(sessionStorage).length + Object.keys(localStorage).length"),
        ).toBe(0);
      });
    });

    test("lives in the tab alone, and is forgotten on leaving", async () => {
      const tenant = await rig().newTenant();
      await rig().visit({ as: tenant }, async ({ page, context }) => {
        await page.getByRole("heading", { name: "Overview" }).waitFor();
        expect(await page.evaluate("JSON.stringify(localStorage) + document.cookie")).not.toContain(
          tenant.apiKey,
        );
        const other = await context.newPage();
        await other.goto(page.url());
        await other.getByRole("button", { name: "Sign in" }).waitFor();
        await page.getByRole("button", { name: "Sign out" }).click();
        await page.getByRole("button", { name: "Sign in" }).waitFor();
        expect(await page.evaluate("sessionStorage.length")).toBe(0);
      });
    });

    test("that is revoked meanwhile leads back to signing in", async () => {
      const { newTenant, deployment } = rig();
      const tenant = await newTenant();
      const reader = await deployment.newKey(tenant.id, ["channels:read"]);
      await rig().visit({ as: reader, path: "/channels" }, async ({ page }) => {
        await page.getByText("No channels yet").waitFor();
        const { body } = await reader.api.send<{ id: string }>("GET", "/v1/api-key");
        await deployment.revokeKey(body.id);
        await page.getByText("it was revoked or has expired").waitFor({ timeout: 30_000 });
        await page.getByRole("button", { name: "Sign in" }).waitFor();
      });
    });

    test("that is revoked meanwhile ends the live list of deliveries, too", async () => {
      const { newTenant, deployment } = rig();
      const tenant = await newTenant();
      const reader = await deployment.newKey(tenant.id, ["deliveries:read"]);
      await rig().visit({ as: reader, path: "/deliveries" }, async ({ page }) => {
        await page.getByText("Live", { exact: true }).waitFor();
        const { body } = await reader.api.send<{ id: string }>("GET", "/v1/api-key");
        await deployment.revokeKey(body.id);
        await page.getByText("it was revoked or has expired").waitFor({ timeout: 30_000 });
        await page.getByRole("button", { name: "Sign in" }).waitFor();
      });
    });

    test("with few scopes shows what it may do, and says what it lacks", async () => {
      const { newTenant, deployment, sink } = rig();
      const tenant = await newTenant();
      const channel = await tenant.api.createWebhook(`${sink.url}/scopes`);
      const reader = await deployment.newKey(tenant.id, ["channels:read"]);
      await rig().visit({ as: reader, path: `/channels/${channel.id}` }, async ({ page }) => {
        await page.getByRole("heading", { name: "Preview" }).waitFor();
        await page.getByText("a key needs the scope channels:write").waitFor();
        for (const name of ["Send a test", "Delete the channel", "Disable", "Save"]) {
          expect(await page.getByRole("button", { name }).count(), name).toBe(0);
        }
        const areas = page.getByRole("navigation", { name: "Areas" }).getByRole("link");
        expect(await areas.allTextContents()).toEqual(["Channels"]);
      });
      await rig().visit({ as: reader }, async ({ page }) => {
        await page.getByRole("heading", { name: "Not with this key" }).waitFor();
        await page.getByText("deliveries:read").waitFor();
      });
    });
  });
}
