import { darkStyles, styles } from "./email-styles.ts";
import type { Fact, Quote } from "./facts.ts";
import type { Link } from "./links.ts";
import { type Phrase, phraseText } from "./phrase.ts";
import { accents } from "./severity.ts";
import type { Summary } from "./summary.ts";
import { footer } from "./text-message.ts";
import type { TimeText } from "./time-text.ts";

/**
 * Draws a notice as an HTML mail that says what textMessage says, in the same order.
 * It holds together in readers that know inline styles and tables alone, and uses a
 * style sheet for what is better with one: narrow screens and dark mode.
 */
export function htmlMessage(summary: Summary, type: string, logoUrl: string | undefined): string {
  const { icon, title, severity, sentence, nextStep, quotes, links, facts, occurredAt, timeText, product } =
    summary;
  const color = accents[severity];
  return page(title, previewOf(summary), [
    logoUrl
      ? row("logo", `<img src="${escapeHtml(logoUrl)}" alt="" height="28" style="${styles.logoImage}">`)
      : "",
    row("band", `<h1 style="${styles.title}">${icon} ${escapeHtml(title)}</h1>`, `background-color:${color}`),
    row("lead", phraseHtml(sentence, timeText)),
    nextStep.length > 0 ? row("step", phraseHtml(nextStep, timeText)) : "",
    ...quotes.map((quote) => row("cell", quoteHtml(quote, color))),
    links.length > 0 ? row("cell", buttons(links, color)) : "",
    facts.length > 0 ? row("cell", factTable(facts, timeText)) : "",
    row("foot", escapeHtml(footer(product, type, momentText(occurredAt, timeText)))),
  ]);
}

/** What a list of mails shows beside the subject: the reason if there is one, since the rest is in the subject. */
function previewOf({ sentence, quotes: [quote], timeText }: Summary): string {
  return quote
    ? `${quote.label}: ${quote.text}`.slice(0, 200).toWellFormed()
    : phraseText(sentence, timeText);
}

function page(title: string, preview: string, rows: string[]): string {
  return [
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">',
    `<title>${escapeHtml(title)}</title><style>${darkStyles}</style></head>`,
    `<body class="page" style="${styles.page}">`,
    `<div style="${styles.hidden}">${escapeHtml(preview)}</div>`,
    `<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="${styles.page}"><tr><td class="outer" align="center" style="${styles.outer}">`,
    `<table role="presentation" class="card" width="600" cellpadding="0" cellspacing="0" style="${styles.card}">`,
    ...rows.filter(Boolean),
    "</table></td></tr></table></body></html>",
  ].join("\n");
}

type RowStyle = "logo" | "band" | "lead" | "step" | "cell" | "foot";

function row(style: RowStyle, content: string, more = ""): string {
  return `<tr><td class="${style}" align="left" style="${styles[style]}${more}">${content}</td></tr>`;
}

function phraseHtml(phrase: Phrase, timeText: TimeText): string {
  return phrase
    .map((part) => {
      if (typeof part === "string") return escapeHtml(part);
      const text = part instanceof Date ? momentText(part, timeText) : keepShort(part.name);
      return `<b style="${styles.strong}">${escapeHtml(text)}</b>`;
    })
    .join("");
}

/** A moment that does not break before its "UTC". */
function momentText(moment: Date, timeText: TimeText): string {
  return timeText(moment).replaceAll(" UTC", "\u00a0UTC");
}

/** "4 h" stays on one line. */
function keepShort(text: string): string {
  return text.length > 12 ? text : text.replaceAll(" ", "\u00a0");
}

function quoteHtml({ label, text }: Quote, color: string): string {
  const lines = escapeHtml(text).replaceAll("\n", "<br>");
  return (
    `<div class="label" style="${styles.label}">${label}</div>` +
    `<div class="quote" style="${styles.quote};border-left:4px solid ${color}">${lines}</div>`
  );
}

/** A coloured cell, so that readers that know no padding on links still show a button. */
function buttons(links: Link[], color: string): string {
  return links
    .map(({ label, url }, index) => {
      const href = escapeHtml(url);
      return index === 0
        ? `<table role="presentation" class="wide" cellpadding="0" cellspacing="0" style="${styles.buttonTable}"><tr><td align="center" style="${styles.buttonCell};background-color:${color}"><a href="${href}" style="${styles.button}">${label}</a></td></tr></table>`
        : `<p style="${styles.secondLink}"><a class="link" href="${href}" style="${styles.link}">${label}</a></p>`;
    })
    .join("");
}

function factTable(facts: Fact[], timeText: TimeText): string {
  const rows = facts.map(({ label, value }) => {
    // Names such as ARNs break where they have a mark.
    const text = escapeHtml(value instanceof Date ? momentText(value, timeText) : value).replace(
      /[/:](?=\w{3})/g,
      "$&<wbr>",
    );
    return `<tr><th class="label fact" align="left" valign="top" style="${styles.factLabel}">${label}</th><td class="fact" align="left" valign="top" style="${styles.factValue}">${text}</td></tr>`;
  });
  return `<table class="facts" width="100%" cellpadding="0" cellspacing="0" style="${styles.facts}">${rows.join("")}</table>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
