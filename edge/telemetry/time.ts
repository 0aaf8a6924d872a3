// When was a value measured? Epoch milliseconds or an RFC 3339 text in; epoch milliseconds out.

import { TIME_MS_MAX } from "../../sync/limits.ts";

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const DAY_MS = 86_400_000;
const MONTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/** Whole numbers from here are seconds of this century, if they are below the next one. */
const SECONDS_MIN = 1e9;
/** Whole numbers from here are milliseconds since 1973. */
const MILLISECONDS_MIN = 1e11;

/**
 * Parses an event time; null unless it is a whole number of milliseconds or RFC 3339 text. A number
 * that is seconds by its size is none: devices send them by mistake far more often than they send
 * readings of the early 1970s, and those can still be sent as text.
 */
export function parseTime(value: unknown): number | null {
  if (typeof value === "string") return parseRfc3339(value);
  if (typeof value !== "number" || !Number.isInteger(value)) return null;
  const isSeconds = value >= SECONDS_MIN && value < MILLISECONDS_MIN;
  return value >= 0 && value <= TIME_MS_MAX && !isSeconds ? value + 0 : null;
}

/** Tells whether all are epoch milliseconds already, as nearly all times are: parseTime() leaves them. */
export function areTimes(values: readonly unknown[]): values is readonly number[] {
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if (typeof value !== "number" || !(value >= MILLISECONDS_MIN && value <= TIME_MS_MAX))
      return false;
    if (Math.floor(value) !== value) return false;
  }
  return true;
}

/**
 * Parses RFC 3339 text from 1970 to 9999; fractions below a millisecond are cut off. A leap second,
 * which can only be the last of a month in UTC (RFC 3339 §5.7), has no epoch millisecond of its own:
 * all of it is the last millisecond before it.
 */
export function parseRfc3339(text: string): number | null {
  const match = RFC3339.exec(text);
  if (match === null) return null;
  const at = (group: number): number => Number(match[group] ?? "0");
  const days = daysFromCivil(at(1), at(2), at(3));
  const isLeap = at(6) === 60;
  const clockMs = clockMsOf(at(4), at(5), isLeap ? 59 : at(6));
  const zoneMs = clockMsOf(at(9), at(10), 0);
  if (days === null || clockMs === null || zoneMs === null) return null;
  const fractionMs = isLeap ? 999 : millisecondsOf(match[7] ?? "");
  const utcMs = clockMs - (match[8] === "-" ? -zoneMs : zoneMs) + fractionMs;
  const ms = days * DAY_MS + utcMs;
  if (isLeap && !isMonthStart(ms + 1)) return null;
  return isInRange(ms) ? ms : null;
}

function isInRange(ms: number): boolean {
  return ms >= 0 && ms <= TIME_MS_MAX;
}

function millisecondsOf(fraction: string): number {
  return Number(fraction.slice(0, 3).padEnd(3, "0"));
}

/** Tells whether a month begins at a time, epoch milliseconds. */
function isMonthStart(ms: number): boolean {
  if (ms % DAY_MS !== 0) return false;
  const days = ms / DAY_MS;
  // The mean length of a year may miss it by one.
  const year = 1970 + Math.floor(days / 365.2425);
  return [year - 1, year, year + 1].some((guess) =>
    MONTHS.some((month) => daysFromCivil(guess, month, 1) === days),
  );
}

function clockMsOf(hour: number, minute: number, second: number): number | null {
  if (hour > 23 || minute > 59 || second > 59) return null;
  return ((hour * 60 + minute) * 60 + second) * 1000;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar; null for a day that does not exist. */
function daysFromCivil(year: number, month: number, day: number): number | null {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  // Years that begin in March put the leap day last, so that months have fixed offsets.
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
