import type { Http2Session } from "node:http2";

/** How long an HTTP/2 connection may have no stream, in milliseconds. */
const idleSessionMs = 300_000;

/** The HTTP/2 sessions that are open. */
export interface Http2Sessions {
  /** Takes a new one in, and ends it when it has been idle for long. */
  keep(session: Http2Session): void;
  /** Lets each finish its streams and takes no new ones. */
  closeAll(): void;
}

export function createHttp2Sessions(): Http2Sessions {
  const sessions = new Set<Http2Session>();

  return {
    keep(session) {
      let streams = 0;
      // The default of 64 KiB for all streams together would throttle batches on long lines.
      session.setLocalWindowSize(1024 * 1024);
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
      session.on("stream", (stream) => {
        streams++;
        stream.once("close", () => streams--);
      });
      session.setTimeout(idleSessionMs, () => {
        if (streams === 0) session.close();
      });
    },
    closeAll() {
      for (const session of sessions) session.close();
    },
  };
}
