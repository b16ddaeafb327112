/** Tells a moment to people. */
export type TimeText = (moment: Date) => string;

const maxKept = 600;

/** To the minute: "Sun, 1 Mar 2026, 17:05 UTC". */
export const utcText: TimeText = (moment) => `${utcDay(moment)}, ${utcClock(moment)} UTC`;

/**
 * Answers for each time zone how moments are told in it and in UTC: "Sun, 1 Mar 2026,
 * 18:05 CET (17:05 UTC)", with the day of UTC where it is another one. A zone is an IANA
 * name; without one, or with one that this system does not know, it is UTC alone.
 * Keeps what it has made, since that is dear, up to a number: there are some hundred zones,
 * but any spelling of each is a name of it.
 */
export function createTimeTexts(): (zone: string | undefined) => TimeText {
  const made = new Map<string, TimeText>();
  return (zone) => {
    if (!zone) return utcText;
    const timeText = made.get(zone) ?? (isTimeZone(zone) ? timeTextIn(zone) : utcText);
    if (made.size >= maxKept) made.clear();
    made.set(zone, timeText);
    return timeText;
  };
}

function timeTextIn(zone: string): TimeText {
  const format = formatOf(zone, "en-US");
  let named: Intl.DateTimeFormat | undefined;

  return (moment) => {
    const parts = partsOf(format, moment);
    // en-US knows the names of American zones, en-GB those of European ones.
    if (parts.timeZoneName?.startsWith("GMT")) named ??= formatOf(zone, "en-GB");
    const name = named ? partsOf(named, moment).timeZoneName : parts.timeZoneName;
    if (name === "UTC") return utcText(moment);
    const day = `${parts.weekday}, ${parts.day} ${parts.month} ${parts.year}`;
    const inUtc = day === utcDay(moment) ? utcClock(moment) : `${utcDay(moment)}, ${utcClock(moment)}`;
    return `${day}, ${parts.hour}:${parts.minute} ${name} (${inUtc} UTC)`;
  };
}

/** Whether the name is one of the IANA time zone database, as far as this system knows it. */
export function isTimeZone(name: string): boolean {
  // Intl takes offsets such as "+01:00" as well, which are no names.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    formatOf(name, "en-US");
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The moment that an RFC 3339 text means; undefined when it is none. */
export function parseTime(text: string | undefined): Date | undefined {
  const moment = new Date(text ?? Number.NaN);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

function formatOf(timeZone: string, locale: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, {
    timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
}

function partsOf(format: Intl.DateTimeFormat, moment: Date): Partial<Record<string, string>> {
  return Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
}

// toUTCString: "Sun, 01 Mar 2026 17:05:00 GMT", and no formatter to make.
function utcDay(moment: Date): string {
  return moment.toUTCString().slice(0, 16).replace(", 0", ", ");
}

function utcClock(moment: Date): string {
  return moment.toUTCString().slice(17, 22);
}
