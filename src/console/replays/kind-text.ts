const texts: Record<string, string> = {
  delivery: "One delivery",
  failed: "Failed deliveries",
  missed: "Missed events",
};

/** What a replay sends again. */
export function kindText(kind: string): string {
  return texts[kind] ?? kind;
}
