import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type HttpSink, startHttpSink } from "./sinks/http-sink.ts";
import { createDatabase } from "./support/postgres.ts";
import { type Service, startService } from "./support/service.ts";
import { until } from "./support/until.ts";

/** Of any of the answers, what the tests look at. */
interface Body {
  message: string;
  updated_at: string;
  details: { fields: { field: string }[] };
  audit_events: { action: string; fields: string[] }[];
}

/** The sinks of the tests are on this machine. */
const allowed = { JITSUDO_ALLOW_DESTINATIONS: "127.0.0.0/8" };

describe.each(["PGlite", "PostgreSQL"])("on %s", (kind) => {
  let service: Service;
  let sink: HttpSink;
  let headers: Record<string, string>;

  beforeAll(async () => {
    sink = await startHttpSink();
    const database =
      kind === "PostgreSQL" ? { DATABASE_URL: await createDatabase(inject("postgresUrl")) } : {};
    const env = { JITSUDO_SLACK_PER_SECOND: "100", ...allowed, ...database };
    service = await startService({ env, timeoutMs: 90_000 });
    const { tenant_id, api_key } = await service.credentials();
    headers = { "x-tenant-id": tenant_id, "x-api-key": api_key, "content-type": "application/json" };
  });

  afterAll(async () => {
    await service.close();
    await sink.close();
  });

  async function call(method: string, path: string, body?: object) {
    const request = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(service.url + path, request);
    return { status: response.status, body: (await response.json()) as Body };
  }

  describe("tenant settings", () => {
    test("are empty at first, replaced by name, and put back by an empty text", async () => {
      const empty = { time_zone: "", product_name: "", logo_url: "", link_base_url: "" };
      expect(await call("GET", "/v1/tenant-settings")).toEqual({ status: 200, body: empty });

      const settings = {
        time_zone: "Europe/Berlin",
        product_name: "Acme Access",
        logo_url: "https://a.example/l.png",
      };
      const updated = await call("PUT", "/v1/tenant-settings", settings);
      expect(updated).toMatchObject({ status: 200, body: { ...empty, ...settings } });
      const base = { link_base_url: "https://a.example/app/" };
      expect((await call("PUT", "/v1/tenant-settings", base)).body).toMatchObject({ ...settings, ...base });
      expect((await call("PUT", "/v1/tenant-settings", { product_name: "" })).body).toMatchObject({
        ...settings,
        ...base,
        product_name: "",
      });
      const { body } = await call("GET", "/v1/tenant-settings");
      expect(body).toMatchObject({ ...settings, ...base, product_name: "" });
      expect(Date.parse(body.updated_at)).toBeGreaterThan(Date.parse(updated.body.updated_at));
    });

    test("leave a trail that names the changed fields", async () => {
      const { body } = await call("GET", "/v1/audit-events?resource_type=tenant_settings");
      const changes = body.audit_events.map(({ action, fields }) => ({
        action,
        fields,
      }));
      expect(changes).toEqual([
        { action: "updated", fields: ["product_name"] },
        { action: "updated", fields: ["link_base_url"] },
        { action: "updated", fields: ["time_zone", "product_name", "logo_url"] },
      ]);
    });

    test("are refused field by field", async () => {
      const { status, body } = await call("PUT", "/v1/tenant-settings", {
        product_name: "x".repeat(41),
        logo_url: "http://a.example/l.png",
        link_base_url: "https://a.example/?q=1",
      });
      expect(status).toBe(400);
      expect(body.details.fields.map(({ field }) => field)).toEqual([
        "product_name",
        "logo_url",
        "link_base_url",
      ]);
      for (const time_zone of ["Mars/Base", "+01:00", "Berlin"]) {
        expect(await call("PUT", "/v1/tenant-settings", { time_zone })).toMatchObject({
          status: 400,
          body: {
            details: { fields: [{ field: "time_zone", message: expect.stringContaining("Europe/Berlin") }] },
          },
        });
      }
      expect((await call("PUT", "/v1/tenant-settings", { theme: "dark" })).body.message).toContain("theme");
    });

    test("take effect on the next notice of every channel, without a restart", async () => {
      const slack = { name: "slack", webhook_url: `${sink.url}/slack`, break_glass_mention: "S012ABC" };
      expect(await call("POST", "/v1/notification-channels/slack-webhook", slack)).toMatchObject({
        status: 201,
      });
      const hook = { name: "hook", url: `${sink.url}/hook`, format: "cloudevents_structured" };
      expect(await call("POST", "/v1/notification-channels/generic-webhook", hook)).toMatchObject({
        status: 201,
      });

      const bases = ["https://one.example", "https://two.example", ""];
      for (const [index, link_base_url] of bases.entries()) {
        await call("PUT", "/v1/tenant-settings", { link_base_url });
        const request_id = `req-${index}`;
        await call("POST", "/v1/events", { type: "request.break_glass", request_id, requester: "ada" });
        const posts = () => sink.requests.filter(({ body }) => body.includes(request_id));
        await until(() => posts().length === 2);
        for (const { body } of posts()) {
          const [link] = /https:[^"]*requests[^"]*/.exec(body) ?? [];
          expect(link).toBe(link_base_url ? `${link_base_url}/requests/${request_id}` : undefined);
        }
      }
      expect(sink.requests.find(({ path }) => path === "/slack")?.body).toContain(
        "<!subteam^S012ABC> *ada* used",
      );
    });

    test.each([
      [
        "slack-webhook",
        { webhook_url: "https://hooks.example/x", break_glass_mention: "<!everyone>" },
        "break_glass_mention",
      ],
      [
        "slack-webhook",
        { webhook_url: "https://hooks.example/x", break_glass_mention: "U012ABC" },
        "break_glass_mention",
      ],
      ["generic-webhook", { url: "https://hooks.example/x", format: "xml" }, "format"],
      ["generic-webhook", { url: "https://hooks.example/x", headers: { "CE-Id": "1" } }, 'headers["CE-Id"]'],
    ])("a %s channel with %j is refused", async (kind, config, field) => {
      const answer = await call("POST", `/v1/notification-channels/${kind}`, { name: "c", ...config });
      expect(answer).toMatchObject({ status: 400, body: { details: { fields: [{ field }] } } });
    });
  });

  test("a mail channel may tell times in a zone of its own", async () => {
    const email = (time_zone: string) =>
      call("POST", "/v1/notification-channels/email", {
        name: "mail",
        smtp_host: "127.0.0.1",
        smtp_port: 25,
        from_address: "jit@example.com",
        to_addresses: ["ops@example.com"],
        time_zone,
      });
    const wrong = await email("Berlin");
    expect(wrong.status).toBe(400);
    expect(wrong.body.details.fields).toMatchObject([{ field: "time_zone" }]);
    const { status, body } = await email("Europe/Berlin");
    expect(status).toBe(201);
    const { id } = body as unknown as { id: string };
    const preview = await call("POST", `/v1/notification-channels/${id}/preview`, {});
    expect(JSON.stringify(preview.body)).toMatch(/ CES?T \(\d\d:\d\d UTC\)/);
  });
});
