// What does a replica hold of devices' commands, and what does it take? Used at both ends: whoever
// gives a command does so at the origin or at an edge, and the device answers at an edge.

import { erase, write, type LwwRegister } from "../sync/crdt/lww-register.ts";
import {
  commandOf,
  formatReached,
  isDue,
  isOver,
  keptUntilMs,
  OVER_KEPT_MS,
  parseReachedPath,
  reachedPath,
  type AnswerState,
  type CommandOrder,
  type HeldCommand,
  type ReachedState,
} from "./command.ts";
import { KeysOfDevices } from "./keys-of-devices.ts";
import { COMMAND_KEYS_MAX, commands, fieldKey } from "./region.ts";
import type { ShadowReplica } from "./shadow-book.ts";

/** What became of a command that was given. */
export type Queueing =
  | { readonly kind: "queued"; readonly isNew: boolean; readonly command: HeldCommand }
  /** The id names another command. */
  | { readonly kind: "taken" }
  /** The device has as many that are not over as it may. */
  | { readonly kind: "device-full" }
  /** There are as many as there may be, of all devices. */
  | { readonly kind: "full" };

/** What became of a device's answer. */
export type Answering =
  | { readonly kind: "answered"; readonly command: HeldCommand }
  | { readonly kind: "unknown" }
  /** It may not begin any more. */
  | { readonly kind: "expired" }
  /** It has answered otherwise before. */
  | { readonly kind: "over"; readonly state: string }
  | { readonly kind: "full" };

/** A command that is given. */
export interface GivenCommand {
  readonly id: string;
  readonly name: string;
  readonly payload: string | null;
  /** Null: it did not say. */
  readonly expiresMs: number | null;
}

/** Commands of a device that are not over, and all of them. */
export const OPEN_PER_DEVICE_MAX = 32;
export const COMMANDS_PER_DEVICE_MAX = 64;
/** Entries of a device that links have not acknowledged the deletion of, and its others, together. */
const KEYS_PER_DEVICE_MAX: number = COMMANDS_PER_DEVICE_MAX * 16;

/** The commands of a replica. */
export class CommandBook {
  readonly #replica: ShadowReplica;
  readonly #keys: KeysOfDevices;
  readonly #keysMax: number;
  readonly #timeOf: (nowMs: number) => number;

  /**
   * @param timeOf The time that expiry goes by, given that of this machine: the origin's, as far as it
   *   is known.
   * @param keysMax Entries of all devices; others than the deployment's for tests.
   */
  constructor(
    replica: ShadowReplica,
    timeOf: (nowMs: number) => number = (nowMs) => nowMs,
    keysMax: number = COMMAND_KEYS_MAX / 2,
  ) {
    this.#replica = replica;
    this.#timeOf = timeOf;
    this.#keysMax = keysMax;
    this.#keys = new KeysOfDevices(replica, commands);
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** Notes keys that came over the link. */
  note(collection: number, written: Iterable<string>): void {
    if (collection === commands.id) this.#keys.note(written);
  }

  /** Looks at everything that is held: after the whole state was told. */
  look(): void {
    this.#keys.look();
  }

  /** Lists a device's commands as of now, in the order in which they were given. */
  list(device: string, nowMs: number): HeldCommand[] {
    const ids = new Map<string, Map<ReachedState, LwwRegister>>();
    for (const key of this.#keys.of(device)) {
      const at = parseReachedPath(key.slice(device.length + 1));
      const register = this.#replica.read(commands, key);
      if (at === null || register === null) continue;
      ids.set(at.id, (ids.get(at.id) ?? new Map()).set(at.state, register));
    }
    return [...ids]
      .flatMap(([id, entries]) => commandOf(id, entries, this.#timeOf(nowMs)) ?? [])
      .toSorted((a, b) => queuedMs(a) - queuedMs(b) || (a.id < b.id ? -1 : 1));
  }

  /** Gives a command; giving it again changes nothing. */
  queue(device: string, given: GivenCommand, expiresMs: number, nowMs: number): Queueing {
    const { id, name, payload } = given;
    const held = this.list(device, nowMs);
    const same = held.find((command) => command.id === id);
    if (same !== undefined) {
      const isSame =
        same.name === name &&
        same.payload === payload &&
        (given.expiresMs === null || given.expiresMs === same.expiresMs);
      return isSame ? { kind: "queued", isNew: false, command: same } : { kind: "taken" };
    }
    if (held.filter((command) => !isOver(command)).length >= OPEN_PER_DEVICE_MAX)
      return { kind: "device-full" };
    if (!this.#hasRoom(device)) return { kind: "full" };
    // The oldest that are over make room for it.
    const over = held
      .filter(isOver)
      .slice(0, Math.max(0, held.length + 1 - COMMANDS_PER_DEVICE_MAX));
    this.#drop(device, over, nowMs);
    const order: CommandOrder = { name, payload, expiresMs };
    this.#reach(
      device,
      [[id, "queued"]],
      formatReached({ atMs: this.#timeOf(nowMs), order }),
      nowMs,
    );
    const command = this.list(device, nowMs).find((found) => found.id === id);
    return command === undefined ? { kind: "full" } : { kind: "queued", isNew: true, command };
  }

  /** Lists what a device is to be given, and marks it as sent. */
  send(device: string, nowMs: number): HeldCommand[] {
    const due = this.list(device, nowMs).filter(isDue);
    const fresh = due.filter(({ state }) => state === "queued");
    if (fresh.length === 0 || !this.#hasRoom(device)) return due;
    const reached = fresh.map(({ id }) => [id, "sent"] as const);
    this.#reach(device, reached, formatReached({ atMs: this.#timeOf(nowMs) }), nowMs);
    return this.list(device, nowMs).filter(isDue);
  }

  /** Takes what a device says of a command; saying it again changes nothing. */
  answer(
    device: string,
    id: string,
    state: AnswerState,
    result: string | null,
    nowMs: number,
  ): Answering {
    const held = this.list(device, nowMs).find((command) => command.id === id);
    if (held === undefined) return { kind: "unknown" };
    if (held.state === state) return { kind: "answered", command: held };
    if (held.state === "done" || held.state === "failed")
      return { kind: "over", state: held.state };
    // What was done is done; but it may not be begun any more.
    if (state === "accepted" && held.state === "expired") return { kind: "expired" };
    if (!this.#hasRoom(device)) return { kind: "full" };
    const said = result === null ? {} : { result };
    this.#reach(
      device,
      [[id, state]],
      formatReached({ atMs: this.#timeOf(nowMs), ...said }),
      nowMs,
    );
    const command = this.list(device, nowMs).find((found) => found.id === id);
    return command === undefined ? { kind: "unknown" } : { kind: "answered", command };
  }

  /** Drops what has been over for long enough, of all devices; tells how many commands. */
  sweep(nowMs: number): number {
    let dropped = 0;
    for (const device of this.#keys.devices()) {
      const held = this.list(device, nowMs);
      const old = held.filter((command) => this.#timeOf(nowMs) >= keptUntilMs(command));
      this.#drop(device, old, nowMs);
      this.#dropStrays(device, held, nowMs);
      dropped += old.length;
    }
    return dropped;
  }

  /** Takes a device's commands away; at the origin, when it is decommissioned. */
  forget(device: string, nowMs: number): void {
    this.#erase(this.#keys.of(device), nowMs);
  }

  #hasRoom(device: string): boolean {
    return this.#keys.size < this.#keysMax && this.#keys.of(device).length < KEYS_PER_DEVICE_MAX;
  }

  #drop(device: string, over: readonly HeldCommand[], nowMs: number): void {
    const ids = new Set(over.map(({ id }) => id));
    if (ids.size === 0) return;
    const keys = this.#keys
      .of(device)
      .filter((key) => ids.has(parseReachedPath(key.slice(device.length + 1))?.id ?? ""));
    this.#erase(keys, nowMs);
  }

  /** Drops what a region said of commands that had been dropped by then. */
  #dropStrays(device: string, held: readonly HeldCommand[], nowMs: number): void {
    const known = new Set(held.map(({ id }) => id));
    const oldMs = this.#timeOf(nowMs) - OVER_KEPT_MS;
    const strays = this.#keys.of(device).filter((key) => {
      const at = parseReachedPath(key.slice(device.length + 1));
      const register = this.#replica.read(commands, key);
      return !known.has(at?.id ?? "") && register !== null && register.stamp.wallMs < oldMs;
    });
    this.#erase(strays, nowMs);
  }

  #erase(keys: readonly string[], nowMs: number): void {
    const shown = keys.filter((key) => this.#replica.read(commands, key) !== null);
    if (shown.length === 0) return;
    this.#replica.write(nowMs, (draft) => {
      for (const key of shown) draft.write(commands, key, erase(draft.stamp));
    });
  }

  #reach(
    device: string,
    reached: readonly (readonly [id: string, state: ReachedState])[],
    text: string,
    nowMs: number,
  ): void {
    const keys = reached.map(([id, state]) => fieldKey(device, reachedPath(id, state)));
    this.#replica.write(nowMs, (draft) => {
      for (const key of keys) draft.write(commands, key, write(text, draft.stamp));
    });
    this.#keys.note(keys);
  }
}

function queuedMs({ reachedMs }: HeldCommand): number {
  return reachedMs.queued ?? 0;
}
