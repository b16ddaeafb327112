/** The text that Prometheus would get. */
export async function scrape({ url }: { url: string }): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
  return response.text();
}

/** The values of a metric whose labels include these; labels that are not named may be anything. */
export function valuesOf(text: string, name: string, labels: Record<string, string> = {}): number[] {
  return text
    .split("\n")
    .map((line) => /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line))
    .filter((match) => match?.[1] === name)
    .filter((match) =>
      Object.entries(labels).every(([label, value]) => match?.[2]?.includes(`${label}="${value}"`)),
    )
    .map((match) => Number(match?.[3]));
}

/** Their sum. */
export function sumOf(text: string, name: string, labels: Record<string, string> = {}): number {
  return valuesOf(text, name, labels).reduce((sum, value) => sum + value, 0);
}
