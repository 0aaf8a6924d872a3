// Where does the next page begin? A position in the order of readings, with a check that the question
// is still the same. Nothing is kept for it, and what comes in behind it is told, whenever it came.

import { fnv1a32 } from "../../sync/hash.ts";
import { TIME_MS_MAX } from "../../sync/limits.ts";
import type { HistoryQuery, Position } from "./query.ts";

/** What a cursor belongs to: a page may have another size than the one before. */
export type Question = Omit<HistoryQuery, "after" | "limit">;

const CURSOR = /^1-([0-9a-z]{1,10})-((?:[a-z][a-z0-9_]{0,63})?)-([01])-([0-9a-z]{1,7})$/;
const BASE = 36;

/** Writes a cursor: opaque to whoever gets it, and plain in a URL. */
export function formatCursor(
  question: Question,
  { timeMs, stream, isQuarantined }: Position,
): string {
  const lane = isQuarantined ? "1" : "0";
  return `1-${timeMs.toString(BASE)}-${stream}-${lane}-${checkOf(question)}`;
}

/** Reads a cursor; null if it is none, or one of another question. */
export function parseCursor(question: Question, text: string): Position | null {
  const match = CURSOR.exec(text);
  if (match === null || match[4] !== checkOf(question)) return null;
  const timeMs = parseInt(match[1] ?? "", BASE);
  if (timeMs > TIME_MS_MAX) return null;
  return { timeMs, stream: match[2] ?? "", isQuarantined: match[3] === "1" };
}

function checkOf(question: Question): string {
  const { device, streams, fromMs, toMs, resolution, isWithQuarantined } = question;
  const asked = [device, streams?.join() ?? "*", fromMs, toMs, resolution, isWithQuarantined];
  return fnv1a32(asked.join(" ")).toString(BASE);
}
