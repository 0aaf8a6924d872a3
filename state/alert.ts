// What is an alert, as it is replicated? One stretch of time in which a rule held for a device, named by
// rule, device and the start of that stretch, so that whoever hears the same readings raises the same
// alert. It says why it fired. Of each rule and device the last few are kept, in as many places.

import { parseDeviceId } from "../sync/brand.ts";
import type { Alert } from "../sync/crdt/alert.ts";
import { TIME_MS_MAX } from "../sync/limits.ts";
import { RULE_NAME, type Severity } from "./rule.ts";

/** Why an alert fired: the rule as it was, and the reading. */
export interface AlertReason {
  /** Names the text of the rule that fired. */
  readonly ruleVersion: string;
  readonly stream: string;
  readonly side: "above" | "below";
  readonly threshold: number;
  readonly clear: number;
  readonly forMs: number;
  readonly severity: Severity;
  readonly text: string | null;
  /** The reading that made it fire: event time, epoch milliseconds, and value. */
  readonly atMs: number;
  readonly value: number;
  readonly region: string;
}

/** Why an alert is over. */
export type EndReason = "cleared" | "rule-changed" | "rule-removed";

/** How an alert ended; without a reading if its rule did. */
export interface AlertEnd {
  readonly reason: EndReason;
  readonly atMs: number | null;
  readonly value: number | null;
  /** Where it was found to be over. */
  readonly region: string;
}

/** What stands in an alert's note. */
export interface AlertNote extends AlertReason {
  readonly acknowledged?: { readonly by: string; readonly atMs: number };
  readonly end?: AlertEnd;
}

/** Which alert it is. */
export interface AlertIdentity {
  readonly device: string;
  readonly rule: string;
  /** The start of the stretch in which the rule held: an event time, epoch milliseconds. */
  readonly sinceMs: number;
}

/** An alert as a hub raises it: it fires, or it is over. */
export interface RaisedAlert extends AlertIdentity {
  readonly reason: AlertReason;
  readonly end: AlertEnd | null;
}

/** What a region's hubs have to know of alerts that are not theirs alone. */
export interface AlertsElsewhere {
  /** Those that fired in other regions, and are not over. */
  readonly open: readonly RaisedAlert[];
  /** Those that fired here, and were found to be over elsewhere; the last of them. */
  readonly over: readonly AlertIdentity[];
}

/** Alerts of each list of them. */
export const ELSEWHERE_MAX = 4_096;

/** States of an alert as they are shown. */
export const ALERT_STATES = ["firing", "acknowledged", "resolved"] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** An alert as a replica holds it; plain, so that it can be sent between objects. */
export interface HeldAlert extends AlertIdentity {
  readonly state: AlertState;
  /** When it came to this state, epoch milliseconds by the clock of whoever wrote it. */
  readonly changedMs: number;
  readonly note: AlertNote;
}

/** Alerts that a region remembers of a rule and a device. */
export const ALERTS_REMEMBERED = 8;
/** Alerts of all rules and devices, the forgotten ones that links have not heard of too. */
export const ALERT_KEYS_MAX = 32_768;
/** How long an alert that is over is kept. */
export const ALERT_KEPT_MS = 2_592_000_000;
/** Characters of a note, and of who acknowledged. */
const NOTE_CHARS_MAX = 4_096;
const BY_CHARS_MAX = 128;

/**
 * The place of an alert: its key in the collection. A region has places of its own, so that what two of
 * them raise at the same time does not meet in one.
 */
export function alertKey(device: string, rule: string, region: string, place: number): string {
  return `${device}/${rule}/${region}/${place}`;
}

/** Reads device and rule back out of a key; null if it is none. */
export function parseAlertKey(
  key: string,
): { readonly device: string; readonly rule: string } | null {
  const [device = "", rule = "", region = "", place = "", ...rest] = key.split("/");
  const isPlace = rest.length === 0 && /^\d$/.test(place) && Number(place) < ALERTS_REMEMBERED;
  const isNamed = RULE_NAME.test(rule) && REGION.test(region) && parseDeviceId(device) !== null;
  return isPlace && isNamed ? { device, rule } : null;
}

const REGION = /^[a-z0-9-]{1,32}$/;

/** What an alert is called in the API. */
export function alertId({ rule, device, sinceMs }: AlertIdentity): string {
  return `${rule}~${device}~${sinceMs}`;
}

export const ALERT_ID: RegExp = /^[a-z0-9-]{1,32}~[A-Za-z0-9._-]{1,64}~\d{1,15}$/;

/** Reads an id; null if it is none. */
export function parseAlertId(id: string): AlertIdentity | null {
  if (!ALERT_ID.test(id)) return null;
  const [rule = "", device = "", since = ""] = id.split("~");
  return { rule, device, sinceMs: Number(since) };
}

/** Why a region may not write an entry, in kebab-case; null: it may. */
export function refusalOfAlert(key: string, alert: Alert): string | null {
  if (parseAlertKey(key) === null) return "not-an-alert";
  if (alert.episode < 1 || alert.episode > TIME_MS_MAX) return "not-a-time";
  if (alert.rank === "none") return null;
  return parseNote(alert.note) === null ? "not-a-reason" : null;
}

export function formatNote(note: AlertNote): string {
  return JSON.stringify(note);
}

/** Reads a note; null if it is none. */
export function parseNote(text: string): AlertNote | null {
  if (text.length > NOTE_CHARS_MAX) return null;
  try {
    const note = JSON.parse(text) as unknown;
    return isRecord(note) &&
      isReason(note) &&
      isAcknowledgement(note["acknowledged"]) &&
      isEnd(note["end"])
      ? (note as unknown as AlertNote)
      : null;
  } catch {
    return null;
  }
}

/** Who acknowledged, as it is written down. */
export function shortenBy(by: string): string {
  return by.slice(0, BY_CHARS_MAX);
}

function isReason(note: Readonly<Record<string, unknown>>): boolean {
  const texts = [note["ruleVersion"], note["stream"], note["severity"], note["region"]];
  const numbers = [note["threshold"], note["clear"], note["value"]];
  return (
    texts.every((text) => typeof text === "string") &&
    numbers.every((number) => typeof number === "number") &&
    (note["side"] === "above" || note["side"] === "below") &&
    (note["text"] === null || typeof note["text"] === "string") &&
    isTime(note["atMs"]) &&
    isTime(note["forMs"])
  );
}

function isAcknowledgement(given: unknown): boolean {
  return (
    given === undefined ||
    (isRecord(given) && typeof given["by"] === "string" && isTime(given["atMs"]))
  );
}

function isEnd(given: unknown): boolean {
  if (given === undefined) return true;
  if (!isRecord(given)) return false;
  const { reason, atMs, value, region } = given;
  return (
    typeof region === "string" &&
    (reason === "cleared" || reason === "rule-changed" || reason === "rule-removed") &&
    (atMs === null || isTime(atMs)) &&
    (value === null || typeof value === "number")
  );
}

function isRecord(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === "object" && given !== null;
}

function isTime(given: unknown): given is number {
  return typeof given === "number" && given >= 0 && given <= TIME_MS_MAX;
}
