import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** The Chromium of the system; CHROMIUM names another one. Throws when there is none. */
export async function startChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) {
    throw new Error(`There is no ${executablePath}: install the Debian package chromium`);
  }
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}
