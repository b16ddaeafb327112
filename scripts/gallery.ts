// Draws docs/messages.md and its pictures from the notices that the service itself
// renders. Needs Chromium: `npm run gallery`.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Notice } from "../src/channels/channel.ts";
import { renderEmail } from "../src/channels/email-message.ts";
import { slackMessage } from "../src/channels/slack-message.ts";
import { type Browser, startBrowser } from "./gallery/browser.ts";
import { galleryPage } from "./gallery/page.ts";
import { emailConfig, samples, slackConfig, timeZone } from "./gallery/samples.ts";
import { slackHtml } from "./gallery/slack-html.ts";

const docs = join(import.meta.dirname, "../docs");
const images = join(docs, "images/messages");

/** Also drawn for a phone and for dark mode. */
const closeUps = new Set<string>(["request.pending", "request.break_glass"]);

async function drawNotice(browser: Browser, notice: Notice): Promise<void> {
  const { event, receivedAt } = notice;
  const { type } = event;
  const slack = slackHtml(slackMessage(slackConfig, notice, receivedAt), timeZone);
  const email = String(renderEmail(emailConfig, notice, receivedAt).html);
  const save = (name: string, png: Buffer) => writeFile(join(images, `${type}.${name}.png`), png);

  await save("slack", await browser.shoot(slack, { width: 600 }));
  await save("email", await browser.shoot(email, { width: 640 }));
  if (!closeUps.has(type)) return;
  await save("phone", await browser.shoot(email, { width: 375, scale: 1.5 }));
  await save("dark", await browser.shoot(email, { width: 375, scale: 1.5, dark: true }));
}

await rm(images, { recursive: true, force: true });
await mkdir(images, { recursive: true });
const browser = await startBrowser();
try {
  for (const notice of samples) await drawNotice(browser, notice);
} finally {
  await browser.close();
}
await writeFile(join(docs, "messages.md"), galleryPage());
