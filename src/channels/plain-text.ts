/** Seconds for people: "8 h", "1 h 30 min", "2 d"; nothing for zero or none. */
export function duration(seconds = 0): string {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/**
 * The text on one line. Control characters go, and so do those that turn the
 * direction of text: a name that holds them could make the line read as something
 * else.
 */
export function oneLine(text = ""): string {
  return text.replace(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}
