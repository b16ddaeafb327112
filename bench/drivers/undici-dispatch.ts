import { type BenchEvent, fanoutOf } from "../event.ts";
import { createPoster } from "../post.ts";
import { type Driver, option } from "./driver.ts";

/** The limit: whoever sends the event posts the notices, and nothing is between. */
export async function open(options: Record<string, string>, calls: number): Promise<Driver> {
  const poster = createPoster(option(options, "sink"), calls);

  async function post(event: BenchEvent): Promise<void> {
    const body = JSON.stringify(event);
    await Promise.all(Array.from({ length: fanoutOf(event) }, (_, path) => poster.post(`/${path}`, body)));
  }

  return {
    async send(events) {
      await Promise.all(events.map(post));
    },
    close: poster.close,
  };
}
