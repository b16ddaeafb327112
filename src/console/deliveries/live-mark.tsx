import type { Liveness } from "./use-watch.ts";

const texts: Record<Liveness, string> = {
  connecting: "Connecting…",
  live: "Live",
  lost: "Not live: reconnecting…",
  off: "Not live",
};

/** Says whether the page keeps up by itself. */
export function LiveMark({ liveness }: { liveness: Liveness }) {
  return (
    <span className={`live-mark ${liveness}`} role="status">
      {texts[liveness]}
    </span>
  );
}
