import { Pool } from "undici";
import { type Driver, option } from "./driver.ts";

/** JSON over HTTP/1.1, as a client without gRPC sends it; several events go to `/v1/events:batch`. */
export async function open(options: Record<string, string>, calls: number): Promise<Driver> {
  const pool = new Pool(option(options, "url"), { connections: calls, pipelining: 1 });
  const headers = {
    "content-type": "application/json",
    "x-api-key": option(options, "apiKey"),
    "x-tenant-id": option(options, "tenantId"),
  };

  async function post(path: string, body: object): Promise<string> {
    const response = await pool.request({ path, method: "POST", headers, body: JSON.stringify(body) });
    const text = await response.body.text();
    if (response.statusCode !== 202) throw new Error(`${path} answered ${response.statusCode}: ${text}`);
    return text;
  }

  return {
    async send(events) {
      const [first] = events;
      if (events.length === 1 && first) {
        await post("/v1/events", first);
        return;
      }
      const { results } = JSON.parse(await post("/v1/events:batch", { events })) as { results: object[] };
      const refused = results.find((result) => !("accepted" in result));
      if (refused) throw new Error(`refused: ${JSON.stringify(refused)}`);
    },
    close: () => pool.close(),
  };
}
