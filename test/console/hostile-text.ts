import { describe, expect, test } from "vitest";
import type { Rig } from "./support/rig.ts";
import { settled } from "./support/settled.ts";

// The rig fails a visit on any dialog, error, violation of the policy or foreign request.

const markup = `"><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>`;
const link = "javascript:alert(4)";

export function describeHostileText(rig: () => Rig): void {
  describe("text from outside", () => {
    test("is shown as text on every page that it reaches", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      sink.respond("/evil", {
        status: 410,
        body: `<b>${markup}</b>`,
        headers: { "content-type": "text/html" },
      });
      const name = `<h1>${markup}`;
      const channel = await tenant.api.createWebhook(`${sink.url}/evil`, { name });
      const event = {
        type: "request.break_glass",
        request_id: markup,
        grant_id: markup,
        requester: markup,
        reviewer: markup,
        resource_type: markup,
        resource_id: markup,
        permission_set_arn: markup,
        justification: `${markup}\n</pre>${link}`,
        reason: markup,
        attributes: { [markup]: markup, __proto__: { link } },
      };
      const [delivery] = await tenant.api.settled((await tenant.api.ingest(event)).id);
      const paths = [
        "/",
        "/channels",
        `/channels/${channel.id}`,
        "/deliveries",
        `/deliveries?request=${encodeURIComponent(markup)}`,
        `/deliveries/${delivery?.id}`,
        `/channels/new/${encodeURIComponent(markup)}`,
        `/${encodeURIComponent(markup)}`,
      ];
      for (const path of paths) {
        await rig().visit({ as: tenant, path }, async ({ page }) => {
          await settled(page);
          expect(
            await page.locator("main img, main script, main svg[onload], main h1 h1, main b").count(),
          ).toBe(0);
          expect(await page.locator('a[href^="javascript:"]').count()).toBe(0);
        });
      }
      await rig().visit({ as: tenant, path: `/deliveries/${delivery?.id}` }, async ({ page }) => {
        await page.getByText("<script>alert(2)</script>").first().waitFor();
        await page.locator(".excerpt").getByText("onerror=alert(1)").waitFor();
      });
    });

    test("does nothing in previews, in which the mail's own frame lets nothing run or load", async () => {
      const { newTenant } = rig();
      const tenant = await newTenant();
      const settings = { product_name: "<img src=x onerror=a(1)>" };
      expect((await tenant.api.send("PUT", "/v1/tenant-settings", settings)).status).toBe(200);
      const mail = await tenant.api.createChannel("email", {
        name: markup,
        smtp_host: "127.0.0.1",
        smtp_port: 25,
        from_address: "a@example.com",
        to_addresses: ["b@example.com"],
        enabled: false,
      });
      const slack = await tenant.api.createChannel("slack-webhook", {
        name: markup,
        webhook_url: "https://hooks.slack.com/services/T/B/x",
        enabled: false,
      });
      await rig().visit({ as: tenant, path: `/channels/${slack.id}` }, async ({ page }) => {
        await page.locator(".slack-context").getByText("<img src=x onerror=a(1)>").waitFor();
      });
      await rig().visit({ as: tenant, path: `/channels/${mail.id}` }, async ({ page }) => {
        const frame = page.frameLocator(".mail-frame");
        await frame.getByText("<img src=x onerror=a(1)>").first().waitFor();
        // It looks as it does in a mail reader.
        expect(
          await frame.locator("td.band").evaluate("(cell) => getComputedStyle(cell).backgroundColor"),
        ).not.toBe("rgba(0, 0, 0, 0)");
      });
    });

    test("the frame of a mail refuses script and network, even if a mail could hold them", async () => {
      const { browser, deployment, sink } = rig();
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${deployment.service.url}/console/`);
      const ran = await page.evaluate(`new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.setAttribute("sandbox", "allow-same-origin");
        frame.src = "/console/mail-frame.html";
        frame.onload = () => {
          frame.contentDocument.documentElement.innerHTML =
            '<body><img src="${sink.url}/mail.png" onerror="parent.ran=1"><svg onload="parent.ran=2"></svg>' +
            '<link rel="stylesheet" href="${sink.url}/mail.css"><p style="color: red">styled</p></body>';
          const script = frame.contentDocument.createElement("script");
          script.textContent = "parent.ran = 3";
          frame.contentDocument.body.append(script);
          const color = frame.contentWindow.getComputedStyle(frame.contentDocument.querySelector("p")).color;
          setTimeout(() => resolve([window.ran, color]), 300);
        };
        document.body.append(frame);
      })`);
      expect(ran).toEqual([undefined, "rgb(255, 0, 0)"]);
      await context.close();
      expect(sink.requests.filter(({ path }) => path.startsWith("/mail."))).toEqual([]);
    });
  });
}
