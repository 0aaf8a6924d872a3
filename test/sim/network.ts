// What may happen to a message? It waits in a bag, from which chance takes it: late, twice, in another
// order, or never. A flipped message is caught by its seal, so to the receiver it is a lost one.

import type { Prng } from "./prng.ts";
import type { Addition } from "./ledger.ts";

/** Edge to hub. `attempt` ties the answer to the connection that it was asked on. */
export interface Request {
  readonly kind: "request";
  readonly edge: number;
  readonly attempt: string;
  readonly bytes: Uint8Array;
  /** Ids of the writes whose entries are in it. */
  readonly carried: readonly number[];
}

/** Hub to edge. */
export interface Answer {
  readonly kind: "answer";
  readonly edge: number;
  readonly attempt: string;
  readonly bytes: Uint8Array;
  /** The additions that the hub had heard of by then: the first `additionCount` of these. */
  readonly additions: readonly Addition[];
  readonly additionCount: number;
}

export type Message = Request | Answer;

/** Messages in a bag before the oldest are lost. */
const MESSAGES_MAX = 60;
/** Requests that are kept to be replayed. */
const ARCHIVE_MAX = 120;

export class Network {
  #bag: Message[] = [];
  readonly #archive: Request[] = [];
  /** Edges whose requests, or whose answers, do not get through. */
  readonly cutUp = new Set<number>();
  readonly cutDown = new Set<number>();
  /** False: messages arrive in the order in which they were sent. */
  readonly #isUnordered: boolean;

  constructor(isUnordered: boolean) {
    this.#isUnordered = isUnordered;
  }

  send(message: Message): void {
    this.#bag.push(message);
    if (this.#bag.length > MESSAGES_MAX) this.#bag.shift();
    if (message.kind !== "request") return;
    this.#archive.push(message);
    if (this.#archive.length > ARCHIVE_MAX) this.#archive.shift();
  }

  /** Takes one message that gets through. */
  take(rng: Prng): Message | null {
    const open = this.#bag.filter((message) => this.isOpen(message));
    if (open.length === 0) return null;
    const message = this.#isUnordered ? rng.pick(open) : open[0];
    if (message === undefined) return null;
    this.#bag = this.#bag.filter((other) => other !== message);
    return message;
  }

  /** Takes the newest message of an edge, if it gets through. */
  takeNewest(edge: number, kind: Message["kind"]): Message | null {
    const message = this.#bag.findLast((other) => other.edge === edge && other.kind === kind);
    if (message === undefined || !this.isOpen(message)) return null;
    this.#bag = this.#bag.filter((other) => other !== message);
    return message;
  }

  drop(rng: Prng): boolean {
    if (this.#bag.length === 0) return false;
    const message = rng.pick(this.#bag);
    this.#bag = this.#bag.filter((other) => other !== message);
    return true;
  }

  duplicate(rng: Prng): boolean {
    if (this.#bag.length === 0) return false;
    this.#bag.push({ ...rng.pick(this.#bag) });
    return true;
  }

  /** A request that was sent some time. */
  old(rng: Prng): Request | null {
    return this.#archive.length === 0 ? null : rng.pick(this.#archive);
  }

  heal(): void {
    this.#bag = [];
    this.cutUp.clear();
    this.cutDown.clear();
  }

  isOpen({ kind, edge }: Message): boolean {
    return !(kind === "request" ? this.cutUp : this.cutDown).has(edge);
  }
}
