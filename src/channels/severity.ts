import type { Severity } from "./wordings.ts";

/** The colour of each severity, as #rrggbb. White text on it is readable (WCAG 2.2, contrast of 4.5:1). */
export const accents: Record<Severity, string> = {
  info: "#57606a",
  success: "#1a7f37",
  warning: "#b45309",
  critical: "#cf222e",
};
