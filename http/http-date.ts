// Which moment does an HTTP-date name? (RFC 9110 §5.6.7.) Its own calendar arithmetic, because the
// platform's date parser accepts far more than the grammar does, and goes by local time zones.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS = "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday";
const DAY_MS = 86_400_000;
const YEAR_MS = 365.25 * DAY_MS;

const MONTH = `(${MONTHS.join("|")})`;
const TIME = "([0-9]{2}):([0-9]{2}):([0-9]{2})";
const IMF_FIXDATE = new RegExp(
  `^(?:${DAYS.join("|")}), ([0-9]{2}) ${MONTH} ([0-9]{4}) ${TIME} GMT$`,
  "i",
);
const RFC850_DATE = new RegExp(
  `^(?:${LONG_DAYS}), ([0-9]{2})-${MONTH}-([0-9]{2}) ${TIME} GMT$`,
  "i",
);
const ASCTIME_DATE = new RegExp(
  `^(?:${DAYS.join("|")}) ${MONTH} ([ 0-9][0-9]) ${TIME} ([0-9]{4})$`,
  "i",
);
/** RFC 6265 §5.1.1, `delimiter`. */
const BETWEEN_TOKENS = /[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/;
const LOOSE_TIME = /^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})$/;
const OFFSET = /gmt[ \t]*[+-]/i;
/** Longer is no date, whatever it is. */
const LOOSE_CHARS_MAX = 128;

/**
 * Parses an HTTP-date in any of its three forms, all of which a recipient must accept; the case of
 * letters does not matter (RFC 9111 §4.2).
 *
 * @param nowMs  Decides the century of a two-digit year: never more than 50 years ahead.
 * @returns Epoch milliseconds, or null if `text` is not an HTTP-date of a day that exists.
 */
export function parseHttpDate(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const fixed = IMF_FIXDATE.exec(text);
  if (fixed !== null) return momentOf(Number(fixed[3]), fixed[2], fixed[1], fixed.slice(4));
  const asctime = ASCTIME_DATE.exec(text);
  if (asctime !== null)
    return momentOf(Number(asctime[6]), asctime[1], asctime[2], asctime.slice(3, 6));
  const rfc850 = RFC850_DATE.exec(text);
  if (rfc850 === null) return null;
  const [, date, month, year, ...clock] = rfc850;
  return momentOfShortYear(Number(year), month, date, clock, nowMs);
}

/**
 * Parses a date as loosely as a cookie's (RFC 6265 §5.1.1), for what is nearly an HTTP-date: RFC 9110
 * §5.6.7 encourages recipients to be robust. Of several dates the first counts. A zone other than GMT
 * makes it invalid (RFC 9111 §4.2).
 *
 * @param nowMs  As for `parseHttpDate`, for a year of two digits.
 */
export function parseLooseDate(text: string | null, nowMs: number): number | null {
  const strict = parseHttpDate(text, nowMs);
  if (strict !== null || text === null || text.length > LOOSE_CHARS_MAX) return strict;
  const tokens = text.split(BETWEEN_TOKENS).filter((token) => token !== "");
  if (OFFSET.test(text) || !isGmtAlone(tokens)) return null;
  const clock = tokens.map((token) => LOOSE_TIME.exec(token)).find((match) => match !== null);
  const [date = "", year = ""] = tokens.filter((token) => /^[0-9]{1,4}$/.test(token));
  const month = tokens.map(monthOf).find((name) => name !== undefined);
  if (clock === undefined || date.length > 2) return null;
  const [, ...time] = clock;
  if (year.length === 4) return momentOf(Number(year), month, date, time);
  return year.length === 2 ? momentOfShortYear(Number(year), month, date, time, nowMs) : null;
}

/** Tells whether the words of a date, but for its day and month, are GMT and nothing else. */
function isGmtAlone(tokens: readonly string[]): boolean {
  const others = tokens.filter((token) => /[a-z]/i.test(token) && !isDayOrMonth(token));
  return others.length > 0 && others.every((token) => token.toUpperCase() === "GMT");
}

function monthOf(token: string): string | undefined {
  return MONTHS.find((name) => token.slice(0, 3).toLowerCase() === name.toLowerCase());
}

function isDayOrMonth(token: string): boolean {
  const start = token.slice(0, 3).toLowerCase();
  return monthOf(token) !== undefined || DAYS.some((name) => name.toLowerCase() === start);
}

/** RFC 9110 §5.6.7: a year of two digits is never more than 50 years ahead. */
function momentOfShortYear(
  year: number,
  month: string | undefined,
  date: string | undefined,
  clock: readonly string[],
  nowMs: number,
): number | null {
  const century = Math.floor(yearOf(nowMs) / 100) * 100;
  const inYear = (whole: number) => momentOf(whole, month, date, clock);
  const ahead = inYear(century + 100 + year);
  if (ahead !== null && ahead - nowMs <= 50 * YEAR_MS) return ahead;
  const moment = inYear(century + year);
  if (moment === null || moment - nowMs <= 50 * YEAR_MS) return moment;
  return inYear(century - 100 + year);
}

/** Formats epoch milliseconds as IMF-fixdate, the one form that is generated. */
export function formatHttpDate(epochMs: number): string {
  const day = Math.floor(epochMs / DAY_MS);
  const { year, month, date } = civilOf(day);
  const seconds = Math.floor((epochMs - day * DAY_MS) / 1000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const weekday = DAYS[(((day + 4) % 7) + 7) % 7] ?? "";
  const time = clock.map((part) => String(part).padStart(2, "0")).join(":");
  return `${weekday}, ${String(date).padStart(2, "0")} ${MONTHS[month - 1] ?? ""} ${String(year).padStart(4, "0")} ${time} GMT`;
}

function momentOf(
  year: number,
  monthName: string | undefined,
  dateText: string | undefined,
  clock: readonly (string | undefined)[],
): number | null {
  const month = MONTHS.indexOf(monthOf(monthName ?? "") ?? "") + 1;
  const date = Number(dateText);
  const [hour = 0, minute = 0, second = 0] = clock.map(Number);
  const day = dayOf(year, month, date);
  const civil = civilOf(day);
  // A date that does not exist, such as 31 Feb, comes back as another one.
  if (civil.month !== month || civil.date !== date) return null;
  if (hour > 23 || minute > 59 || second > 60) return null;
  return day * DAY_MS + (hour * 3600 + minute * 60 + Math.min(second, 59)) * 1000;
}

function yearOf(epochMs: number): number {
  return civilOf(Math.floor(epochMs / DAY_MS)).year;
}

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar; years begin in March. */
function dayOf(year: number, month: number, date: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + date - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

/** The inverse of `dayOf`. */
function civilOf(day: number): { year: number; month: number; date: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    date: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}
