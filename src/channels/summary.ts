import type { Notice } from "./channel.ts";
import { type Fact, factsOf, type Quote, quotesOf } from "./facts.ts";
import { type Link, linksOf } from "./links.ts";
import type { Phrase } from "./phrase.ts";
import { parseTime, type TimeText, utcText } from "./time-text.ts";
import { type Severity, type Urge, wordingOf } from "./wordings.ts";

/**
 * A notice in words, before any channel draws it: plain text without control
 * characters, not escaped, made from whatever fields the event has, and short enough
 * to be read whatever the sender put into them.
 */
export interface Summary {
  severity: Severity;
  icon: string;
  /** What has happened: "Break-glass access used"; of a test, with a mark before it. */
  title: string;
  /** Who, what, where and until when. */
  sentence: Phrase;
  /** What the reader should do; empty when there is nothing to do. */
  nextStep: Phrase;
  /** What people wrote: the only texts of more than one line. Made when asked for, like `facts`. */
  readonly quotes: Quote[];
  readonly facts: Fact[];
  /** Where the reader can act, the most useful one first. */
  links: Link[];
  /** Whether somebody must act at once, by the first link. */
  urge: Urge | undefined;
  /** When it happened: as sent, else when it was received. */
  occurredAt: Date;
  /** Tells a moment as the tenant wants it told. */
  timeText: TimeText;
  /** What the notice is signed with. */
  product: string;
}

/** Puts a notice into words that are true at `now`, the same for all channels. */
export function summarize({ event, receivedAt, settings, test }: Notice, now: Date): Summary {
  const expiresAt = parseTime(event.expires_at);
  const over = expiresAt !== undefined && expiresAt <= now;
  const { severity, icon, title, sentence, nextStep, action, urge } = wordingOf(event.type, over);
  return {
    severity,
    icon,
    title: test ? `[TEST] ${title}` : title,
    sentence: sentence(event),
    nextStep: nextStep?.(event) ?? [],
    // A webhook's payload needs neither, and they cost more than all the rest.
    get quotes() {
      return quotesOf(event);
    },
    get facts() {
      return factsOf(event, over);
    },
    links: linksOf(event, action, settings),
    urge,
    occurredAt: parseTime(event.occurred_at) ?? receivedAt,
    timeText: settings?.timeText ?? utcText,
    product: settings?.productName || "JITSudo",
  };
}
