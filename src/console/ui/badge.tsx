/** How bad a state is, which decides its colour. */
export type Tone = "good" | "bad" | "warn" | "busy" | "calm";

interface Look {
  tone: Tone;
  /** What is drawn before the word, so that colour is not all that tells. */
  path: string;
  label: string;
}

const check = "M3 8.5 6.5 12 13 4.5";
const cross = "M4 4l8 8M12 4l-8 8";
const ring = "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 5v3.2l2 1.6";
const arrow = "M3 8h10M9 4l4 4-4 4";
const equal = "M3 6h10M3 10h10";
const stop = "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM4.2 4.2l7.6 7.6";
const alert = "M8 3v6M8 12v.5";
const pause = "M5.5 4v8M10.5 4v8";

const looks: Record<string, Look> = {
  pending: { tone: "calm", path: ring, label: "Pending" },
  delivering: { tone: "busy", path: arrow, label: "Delivering" },
  delivered: { tone: "good", path: check, label: "Delivered" },
  failed: { tone: "bad", path: cross, label: "Failed" },
  deduplicated: { tone: "calm", path: equal, label: "Deduplicated" },
  cancelled: { tone: "calm", path: stop, label: "Cancelled" },
  expired: { tone: "warn", path: ring, label: "Expired" },
  retry: { tone: "warn", path: alert, label: "Failed for now" },
  interrupted: { tone: "warn", path: alert, label: "Interrupted" },
  healthy: { tone: "good", path: check, label: "Healthy" },
  degraded: { tone: "warn", path: alert, label: "Degraded" },
  open: { tone: "bad", path: cross, label: "Failing" },
  disabled: { tone: "calm", path: pause, label: "Disabled" },
  auto_disabled: { tone: "bad", path: pause, label: "Disabled by the service" },
  running: { tone: "busy", path: arrow, label: "Running" },
  completed: { tone: "good", path: check, label: "Completed" },
};

/** A state in a word, a shape and a colour. */
export function Badge({ state }: { state: string }) {
  const { tone, path, label } = looks[state] ?? { tone: "calm", path: ring, label: state };
  return (
    <span className={`badge ${tone}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
      {label}
    </span>
  );
}
