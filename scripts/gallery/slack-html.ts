import type { SlackBlock, SlackMessage } from "../../src/channels/slack-message.ts";
import { type SlackToken, slackTexts } from "../../src/console/preview/slack-markup.ts";

/**
 * Draws a Slack message about as Slack's desktop client does. An approximation: it
 * knows the blocks and the markup that our messages use, and nothing else.
 */
export function slackHtml(message: SlackMessage, timeZone: string): string {
  const time = new Intl.DateTimeFormat("en-GB", { timeZone, dateStyle: "medium", timeStyle: "short" });
  const text = (mrkdwn: string) => markup(mrkdwn, time);
  const attachments = message.attachments.map(
    ({ color, blocks }) =>
      `<div class="attachment" style="border-color:${color}">${blocks.map((block) => blockHtml(block, text)).join("")}</div>`,
  );
  return `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><style>${css}</style><body>
<div class="avatar">J</div><div class="message">
<div class="from"><b>JITSudo</b> <span class="app">APP</span></div>
${message.blocks.map((block) => blockHtml(block, text)).join("")}${attachments.join("")}</div></body></html>`;
}

function blockHtml(block: SlackBlock, text: (mrkdwn: string) => string): string {
  switch (block.type) {
    case "header":
      return `<h1>${block.text.text}</h1>`;
    case "context":
      return `<p class="context">${block.elements.map((element) => text(element.text)).join(" ")}</p>`;
    case "actions":
      return `<p class="actions">${block.elements
        .map((button) => `<span class="button ${button.style ?? ""}">${button.text.text}</span>`)
        .join("")}</p>`;
    case "section":
      return "fields" in block
        ? `<div class="fields">${block.fields.map((field) => `<div>${text(field.text)}</div>`).join("")}</div>`
        : `<div class="section">${text(block.text.text)}</div>`;
  }
}

/** The console draws the same pieces with React. */
function markup(mrkdwn: string, time: Intl.DateTimeFormat): string {
  return slackTexts(mrkdwn)
    .map(({ quote, tokens }) => {
      const html = tokens.map((token) => tokenHtml(token, time)).join("");
      return quote ? `<blockquote>${html}</blockquote>` : html;
    })
    .join("");
}

function tokenHtml(token: SlackToken, time: Intl.DateTimeFormat): string {
  switch (token.kind) {
    case "bold":
      return `<b>${escapeHtml(token.text)}</b>`;
    case "mention":
      return `<span class="mention">${escapeHtml(token.text)}</span>`;
    case "date":
      return time.format(token.seconds * 1000);
    case "break":
      return "<br>";
    case "text":
      return escapeHtml(token.text);
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const css = `
body { margin: 0; padding: 16px 20px 18px; display: flex; gap: 8px; background: #fff; color: #1d1c1d;
  font: 15px/1.47 Lato, "Liberation Sans", Arial, sans-serif }
.avatar { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #3f0e40; color: #fff;
  font-weight: 700; line-height: 36px; text-align: center }
.message { flex: 1; min-width: 0; overflow-wrap: anywhere }
.app { background: #ebeaeb; border-radius: 2px; padding: 1px 3px; font-size: 10px; color: #616061 }
h1 { margin: 6px 0 4px; font-size: 18px; line-height: 1.33 }
.section { margin: 4px 0 8px }
blockquote { margin: 4px 0; padding-left: 12px; border-left: 4px solid #ddd; white-space: pre-line }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 4px 0 8px }
.context { margin: 4px 0 0; font-size: 13px; color: #616061 }
.actions { margin: 10px 0 8px }
.button { display: inline-block; margin-right: 8px; padding: 0 12px; border: 1px solid #1d1c1d4d; border-radius: 4px;
  font-size: 15px; font-weight: 700; line-height: 34px }
.primary { background: #007a5a; border-color: #007a5a; color: #fff }
.danger { background: #e01e5a; border-color: #e01e5a; color: #fff }
.mention { background: #f2c74466; border-radius: 3px; padding: 0 2px; color: #1264a3; font-weight: 700 }
.attachment { margin-top: 8px; padding: 4px 0 4px 12px; border-left: 4px solid }
`;
