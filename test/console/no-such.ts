import { describe, expect, test } from "vitest";
import type { Rig } from "./support/rig.ts";
import { settled } from "./support/settled.ts";

export function describeNoSuch(rig: () => Rig): void {
  describe("an address that names nothing", () => {
    test.each([
      ["channel", "/channels", "Channels"],
      ["delivery", "/deliveries", "Deliveries"],
      ["replay", "/replays", "Replays"],
    ])("says that there is no such %s, and leads to the list", async (what, list, heading) => {
      const tenant = await rig().newTenant();
      for (const id of ["nope", "01890a5d-ac96-774b-bcce-b302099a8057"]) {
        await rig().visit({ as: tenant, path: `${list}/${id}` }, async ({ page }) => {
          await page.getByRole("heading", { name: `There is no such ${what}` }).waitFor();
          await settled(page);
          expect(await page.getByRole("alert").count()).toBe(0);
          expect(await page.getByRole("button", { name: "Try again" }).count()).toBe(0);
          await page.getByRole("link", { name: `All ${heading.toLowerCase()}` }).click();
          await page.getByRole("heading", { name: heading, exact: true }).waitFor();
        });
      }
    });

    test("can be tried again where it is the service that fails", async () => {
      const tenant = await rig().newTenant();
      await rig().visit({ as: tenant, path: "/channels" }, async ({ page }) => {
        await page.getByText("No channels yet").waitFor();
        await page.route("**/GetChannel", (route) => route.abort());
        await page.evaluate("history.pushState(null, '', '/console/channels/nope')");
        await page.getByRole("alert").getByText("The service cannot be reached.").waitFor();
        await page.unroute("**/GetChannel");
        await page.getByRole("button", { name: "Try again" }).click();
        await page.getByRole("heading", { name: "There is no such channel" }).waitFor();
      });
    });
  });
}
