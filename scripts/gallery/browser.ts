import { startChromium } from "../../test/console/support/browser.ts";

interface ShotOptions {
  /** Width of the page in CSS pixels. */
  width: number;
  /** Device pixels for one of CSS. Default 1. */
  scale?: number;
  dark?: boolean;
}

/** A headless Chromium that draws HTML. */
export interface Browser {
  /** The whole page as a PNG. */
  shoot(html: string, options: ShotOptions): Promise<Buffer>;
  close(): Promise<void>;
}

export async function startBrowser(): Promise<Browser> {
  const chromium = await startChromium();
  return {
    async shoot(html, { width, scale = 1, dark = false }) {
      const page = await chromium.newPage({
        // A height of one, so that the page's own is measured.
        viewport: { width, height: 1 },
        deviceScaleFactor: scale,
        colorScheme: dark ? "dark" : "light",
      });
      await page.setContent(html);
      await page.evaluate("document.fonts.ready");
      const png = await page.screenshot({ fullPage: true });
      await page.close();
      return png;
    },
    close: () => chromium.close(),
  };
}
