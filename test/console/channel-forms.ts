import { describe, expect, test } from "vitest";
import { fieldError } from "./support/field-error.ts";
import type { Rig } from "./support/rig.ts";

export function describeChannelForms(rig: () => Rig): void {
  describe("the form of a channel", () => {
    test("shows what the service refuses at the field that it is about", async () => {
      const tenant = await rig().newTenant();
      await rig().visit({ as: tenant, path: "/channels/new/email" }, async ({ page }) => {
        await page.getByLabel("SMTP host").fill("mail.example.com");
        await page.getByLabel("SMTP port").fill("70000");
        await page.getByLabel("From").fill("a@example.com");
        await page.getByLabel("To", { exact: true }).fill("b@example.com\nnobody");
        await page.getByRole("button", { name: "Create channel" }).click();
        await page.getByRole("alert").getByText("3 fields need other values.").waitFor();
        expect(await fieldError(page, "Name")).toContain("Must be 1 to 200 characters");
        expect(await fieldError(page, "SMTP port")).toContain("65535");
        expect(await fieldError(page, "To")).toContain("No. 2");
        expect(await page.evaluate("document.activeElement.labels[0].textContent.trim()")).toBe("Name");
      });
    });

    test("makes a webhook that signs and edits it, secrets staying secret", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      await rig().visit({ as: tenant, path: "/channels/new/generic_webhook" }, async ({ page }) => {
        await page.getByLabel("Name", { exact: true }).fill("Hook");
        await page.getByLabel("URL").fill(`${sink.url}/secret-path`);
        await page.getByRole("button", { name: "Add a header" }).click();
        await page.getByLabel("Name of header 1").fill("Authorization");
        await page.getByLabel("Value of header 1").fill("Bearer hush");
        await page.getByLabel("Only these").check();
        await page.getByRole("button", { name: "Create channel" }).click();
        await page.getByText("Choose at least one, or all events.").waitFor();
        await page.getByLabel(/^grant\.active/).check();
        await page.getByLabel("Signing").selectOption("symmetric");
        await page.getByRole("button", { name: "Create channel" }).click();

        const secret = page.getByRole("status").locator("code");
        expect(await secret.textContent()).toMatch(/^whsec_/);
        await page.getByRole("button", { name: "I have it" }).click();
        expect(await page.getByText("whsec_").count()).toBe(0);

        await page.getByText("Set: http").waitFor();
        expect(await page.content()).not.toContain("secret-path");
        expect(await page.getByLabel("Value of header 1").inputValue()).toBe("********");
        await page.getByLabel("Name", { exact: true }).fill("Hook, renamed");
        await page.getByRole("button", { name: "Save", exact: true }).click();
        await page.getByRole("heading", { name: "Hook, renamed" }).waitFor();

        // Nothing that was masked got lost.
        await page.getByRole("button", { name: "Send a test" }).click();
        await page.locator(".outcome").getByText("Delivered").waitFor();
        const [request] = sink.to("/secret-path");
        expect(request?.headers.authorization).toBe("Bearer hush");
        expect(request?.headers["webhook-signature"]).toMatch(/^v1,/);

        await page.getByRole("button", { name: "Rotate the secret" }).click();
        expect(await secret.textContent()).toMatch(/^whsec_/);
        await page.getByText("signs as well until").waitFor();
      });
      const { body } = await tenant.api.send<{ channels: { event_filters: string[] }[] }>(
        "GET",
        "/v1/notification-channels",
      );
      expect(body.channels[0]?.event_filters).toEqual(["grant.active"]);
    });

    test("is left with the channel deleted, after a question", async () => {
      const { newTenant, sink } = rig();
      const tenant = await newTenant();
      const { id } = await tenant.api.createWebhook(`${sink.url}/gone`, { name: "Old" });
      await rig().visit({ as: tenant, path: `/channels/${id}` }, async ({ page }) => {
        await page.getByRole("button", { name: "Delete the channel" }).click();
        await page
          .getByRole("dialog", { name: "Delete “Old”?" })
          .getByRole("button", { name: "Keep it" })
          .click();
        await page.getByRole("button", { name: "Delete the channel" }).click();
        await page.keyboard.press("Escape");
        expect((await tenant.api.channel(id)).name).toBe("Old");
        await page.getByRole("button", { name: "Delete the channel" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
        await page.getByText("No channels yet").waitFor();
      });
    });

    test.each([
      ["slack-webhook", { webhook_url: "https://hooks.slack.com/services/T/B/x" }, ".slack-header"],
      [
        "email",
        {
          smtp_host: "127.0.0.1",
          smtp_port: 25,
          from_address: "a@example.com",
          to_addresses: ["b@example.com"],
        },
        ".mail-frame",
      ],
      ["generic-webhook", { url: "https://example.com/hook" }, ".json"],
      ["aws-sns", { topic_arn: "arn:aws:sns:eu-central-1:123456789012:t" }, ".json"],
    ])("previews every event on %s", async (kind, config, drawn) => {
      const tenant = await rig().newTenant();
      const { id } = await tenant.api.createChannel(kind, { name: "Preview", enabled: false, ...config });
      await rig().visit({ as: tenant, path: `/channels/${id}` }, async ({ page }) => {
        const choice = page.getByLabel("Event of the preview");
        await choice.waitFor();
        const types = await choice.locator("option").allTextContents();
        expect(types).toHaveLength(10);
        const preview = page.getByRole("region", { name: "Preview" });
        for (const type of types) {
          await choice.selectOption(type);
          await preview.locator(drawn).first().waitFor();
          if (kind === "email") {
            const mail = page.frameLocator(".mail-frame");
            await mail.getByText(type, { exact: false }).first().waitFor();
          }
        }
      });
    });
  });
}
