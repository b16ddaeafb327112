import { Pool } from "undici";
import { type BenchEvent, fanoutOf } from "../event.ts";
import { type Driver, option } from "./driver.ts";

/** A loop over undici's `request`, as anybody would write it. */
export async function open(options: Record<string, string>, calls: number): Promise<Driver> {
  const pool = new Pool(option(options, "sink"), { connections: calls, pipelining: 1 });
  const headers = { "content-type": "application/json" };

  async function post(path: string, body: string): Promise<void> {
    const { statusCode, body: answer } = await pool.request({ path, method: "POST", headers, body });
    await answer.dump();
    if (statusCode !== 200) throw new Error(`the sink answered ${statusCode}`);
  }

  return {
    async send(events: BenchEvent[]) {
      await Promise.all(
        events.flatMap((event) => {
          const body = JSON.stringify(event);
          return Array.from({ length: fanoutOf(event) }, (_, path) => post(`/${path}`, body));
        }),
      );
    },
    close: () => pool.close(),
  };
}
