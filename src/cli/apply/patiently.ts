import { setTimeout } from "node:timers/promises";
import { Code, ConnectError } from "../../clients/connect.ts";
import { retryAfterMs } from "../../clients/publish-retry.ts";

/** Makes a call, and makes it again after the time that the service asks for when it takes no more calls for now. */
export async function patiently<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.ResourceExhausted) throw error;
      const waitMs = retryAfterMs(error);
      if (waitMs === undefined) throw error;
      process.stderr.write(`${error.rawMessage}: waiting ${waitMs / 1000} s\n`);
      await setTimeout(waitMs);
    }
  }
}
