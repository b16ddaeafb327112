/** What `explain (analyze, buffers, format json)` answers. */
export interface Explained {
  "QUERY PLAN": [{ Plan: Record<string, number> }];
}

/** The 8 kB pages that the explained execution looked at. */
export function explainedPages([row]: Explained[]): number {
  const plan = row?.["QUERY PLAN"][0].Plan ?? {};
  return (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
}
