/**
 * Replaces what differs from run to run by its name: ids by the order in which they
 * appear, times, ports, durations, and what is computed of them.
 */
export function createNormaliser(): (value: unknown) => unknown {
  const ids = new Map<string, string>();

  function text(value: string): string {
    return (
      value
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
          const known = ids.get(id) ?? `<id ${ids.size + 1}>`;
          ids.set(id, known);
          return known;
        })
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) =>
          fixed.includes(time) ? time : "<time>",
        )
        .replace(/\b\d\d? (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}[, ]+\d\d:\d\d/g, "<time>")
        .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>")
        .replace(/<!date\^\d+\^/g, "<!date^<time>^")
        // Names that the rig makes up for tenants and keys.
        .replace(/^[0-9a-f]{16}$/, "<name>")
        .replace(/\b(whsec|whpk)_[A-Za-z0-9+/=]+/g, "$1_<key>")
    );
  }

  return function normalise(value: unknown, key = ""): unknown {
    if (typeof value === "number" && measured.test(key)) return "<number>";
    if (typeof value === "string") {
      if (/^(sha256|payload_hash)$/.test(key)) return "<sha256>";
      if (/(^cursor|page_token)$/.test(key) && value !== "") return "<token>";
      if (key === "webhook-timestamp") return "<time>";
      return text(value);
    }
    if (Array.isArray(value)) return value.map((item) => normalise(item));
    if (typeof value !== "object" || value === null) return value;
    const fields = Object.entries(value).map(([name, item]) => [
      // How far a replay's deliveries are is the workers' affair.
      key === "states" ? "<state>" : name,
      normalise(item, name),
    ]);
    return Object.fromEntries(fields);
  };
}

/** Durations, and sizes of what holds a port. */
const measured = /(_ms|^size_bytes)$/;

/** Times that the calls themselves name. */
export const fixed = ["2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z", "2099-01-31T12:00:00Z"];
