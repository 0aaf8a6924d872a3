// What is a command for a device, and how far has it come? Its states are a chain: each that was
// reached is an entry of its own, written once, so that two regions that know different ones join to
// the furthest. That its time is over is not written: it is decided by who reads it.

import type { LwwRegister } from "../sync/crdt/lww-register.ts";

/** Written states, in their order. */
export const REACHED = ["queued", "sent", "accepted", "failed", "done"] as const;
export type ReachedState = (typeof REACHED)[number];

/** States as they are shown. */
export type CommandState = ReachedState | "expired";

/** What a device answers with. */
export type AnswerState = "accepted" | "done" | "failed";

/** What is asked of a device. */
export interface CommandOrder {
  readonly name: string;
  /** Any JSON document, as its text; null: none. */
  readonly payload: string | null;
  /** From when on it is not delivered any more, epoch milliseconds. */
  readonly expiresMs: number;
}

/** A command as a replica holds it. */
export interface HeldCommand extends CommandOrder {
  readonly id: string;
  readonly state: CommandState;
  /** What the device said with its last state, as JSON; null: nothing. */
  readonly result: string | null;
  /** When each state was reached, epoch milliseconds by the clock of whoever wrote it. */
  readonly reachedMs: Readonly<Partial<Record<ReachedState, number>>>;
}

/** What stands in an entry. */
interface Reached {
  readonly atMs: number;
  /** Of `queued` alone. */
  readonly order?: CommandOrder;
  readonly result?: string;
}

/** Characters of a command's id and of its name. */
export const COMMAND_ID: RegExp = /^[A-Za-z0-9_-]{1,64}$/;
export const COMMAND_NAME: RegExp = /^[a-z][a-z0-9_.-]{0,63}$/;
/** Characters of a payload, and of a result, as JSON. */
export const PAYLOAD_CHARS_MAX = 2_048;
export const RESULT_CHARS_MAX = 1_024;
/** How long after it was queued a command may expire, and does if it does not say, milliseconds. */
export const EXPIRY_MS_MAX = 2_592_000_000;
export const EXPIRY_MS = 3_600_000;
/** How long a command that is over is kept, so that whoever gave it can see what became of it. */
export const OVER_KEPT_MS = 86_400_000;

/** The end of an entry's key: the command, and the state that it reached. */
export function reachedPath(id: string, state: ReachedState): string {
  return `${id}/${state}`;
}

/** Reads id and state back out of the end of a key; null if it is none. */
export function parseReachedPath(
  path: string,
): { readonly id: string; readonly state: ReachedState } | null {
  const [id = "", name = "", ...rest] = path.split("/");
  const state = REACHED.find((reached) => reached === name);
  return state === undefined || rest.length > 0 || !COMMAND_ID.test(id) ? null : { id, state };
}

export function formatReached(reached: Reached): string {
  return JSON.stringify(reached);
}

/** Puts together what is known of one command; null: what is asked is not known. */
export function commandOf(
  id: string,
  entries: ReadonlyMap<ReachedState, LwwRegister>,
  nowMs: number,
): HeldCommand | null {
  const reached = new Map<ReachedState, Reached>();
  for (const [state, { value }] of entries) {
    const read = readReached(state, value);
    if (read !== null) reached.set(state, read);
  }
  const order = reached.get("queued")?.order;
  if (order === undefined) return null;
  const last = REACHED.findLast((state) => reached.has(state)) ?? "queued";
  const isTaken = last === "accepted" || last === "failed" || last === "done";
  const state = !isTaken && nowMs >= order.expiresMs ? "expired" : last;
  const reachedMs = Object.fromEntries([...reached].map(([name, { atMs }]) => [name, atMs]));
  return { id, ...order, state, result: reached.get(last)?.result ?? null, reachedMs };
}

/** Tells whether a device may still be given a command. */
export function isDue({ state }: HeldCommand): boolean {
  return state === "queued" || state === "sent";
}

/** Tells whether nothing more is expected of a command. */
export function isOver({ state }: HeldCommand): boolean {
  return state === "expired" || state === "failed" || state === "done";
}

/** From when on a command need not be kept, epoch milliseconds. */
export function keptUntilMs(command: HeldCommand): number {
  const { expiresMs, reachedMs } = command;
  return Math.max(expiresMs, ...Object.values(reachedMs)) + OVER_KEPT_MS;
}

/** Says why an entry that a region sent is none of a command, in kebab-case; null: it is one. */
export function refusalOfReached(path: string, { value, isDeleted }: LwwRegister): string | null {
  const parsed = parseReachedPath(path);
  if (parsed === null) return "not-a-command";
  return isDeleted || readReached(parsed.state, value) !== null ? null : "not-a-state";
}

function readReached(state: ReachedState, text: unknown): Reached | null {
  const read = parseObject(text);
  if (read === null || !isTime(read["atMs"])) return null;
  const { atMs, result } = read;
  if (state === "queued") {
    const order = readOrder(read["order"]);
    return order === null ? null : { atMs, order };
  }
  if (result === undefined) return { atMs };
  return typeof result === "string" && result.length <= RESULT_CHARS_MAX ? { atMs, result } : null;
}

function readOrder(given: unknown): CommandOrder | null {
  if (typeof given !== "object" || given === null) return null;
  const { name, payload, expiresMs } = given as Record<string, unknown>;
  if (typeof name !== "string" || !COMMAND_NAME.test(name) || !isTime(expiresMs)) return null;
  if (payload !== null && (typeof payload !== "string" || payload.length > PAYLOAD_CHARS_MAX))
    return null;
  return { name, payload, expiresMs };
}

function parseObject(text: unknown): Record<string, unknown> | null {
  if (typeof text !== "string") return null;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isTime(ms: unknown): ms is number {
  return typeof ms === "number" && Number.isSafeInteger(ms) && ms >= 0;
}
