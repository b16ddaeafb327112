import { Pool } from "undici";
import type { BenchEvent } from "../event.ts";
import { type Driver, option } from "./driver.ts";

/** Posts alerts. The acknowledgement promises nothing: Alertmanager keeps alerts in memory. */
export async function open(options: Record<string, string>, calls: number): Promise<Driver> {
  const pool = new Pool(option(options, "url"), { connections: calls, pipelining: 1 });
  return {
    async send(events) {
      const response = await pool.request({
        path: "/api/v2/alerts",
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(events.map(alertOf)),
      });
      const text = await response.body.text();
      if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}: ${text}`);
    },
    close: () => pool.close(),
  };
}

/** The labels tell alerts apart and choose the receivers; what people read goes to the annotations. */
function alertOf({ type, request_id, duration_seconds, ...rest }: BenchEvent) {
  return {
    labels: { alertname: "access", type, request_id },
    annotations: { ...rest, duration_seconds: String(duration_seconds) },
  };
}
