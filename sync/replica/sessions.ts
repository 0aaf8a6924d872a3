// What does the hub remember of its links only while it runs? The dictionaries, and the last answer,
// which is given again to a request that comes again. Losing a session costs keys sent anew.

import { SESSIONS_BYTES_MAX, SESSIONS_MAX } from "../limits.ts";
import { answersOf, type HubLinkRecord } from "../link/hub.ts";
import { KeyDictionary } from "../wire/dictionary.ts";
import { hasPosition, isSamePosition, type Position } from "../wire/frame.ts";
import type { ReceivedUpFrame } from "../wire/up-frame.ts";

/** How often a frame that seems late is refused in a row. */
const INSISTS = 3;

/** Nothing to give again: no request is empty. */
export const NO_EXCHANGE: Session["last"] = {
  request: new Uint8Array(0),
  answer: new Uint8Array(0),
};

/** One link's. */
export class Session {
  readonly up: KeyDictionary = new KeyDictionary();
  readonly down: KeyDictionary = new KeyDictionary();
  /** Keys of the way down that the edge holds at `acked`, and once it has the last answer. */
  ackedKeys = 0;
  toldKeys = 0;
  /** The sender's clock in the last frame that was accepted, and frames refused for it since. */
  #sentMs = 0;
  #refused = 0;
  last: { readonly request: Uint8Array; readonly answer: Uint8Array } = NO_EXCHANGE;

  /** Bytes of memory that it takes, about. */
  get bytes(): number {
    const { request, answer } = this.last;
    return this.up.bytesOf() + this.down.bytesOf() + request.length + answer.length;
  }

  /** Returns how many keys an edge knows that says it holds `ack`. */
  keysAt(ack: Position, told: Position): number {
    if (isSamePosition(ack, told)) this.ackedKeys = this.toldKeys;
    return Math.min(this.ackedKeys, this.down.size);
  }

  /** Takes in what an accepted frame says of the two dictionaries. */
  hear({ newKeys, isKeyless }: Pick<ReceivedUpFrame, "newKeys" | "isKeyless">): void {
    if (newKeys) this.up.take(newKeys);
    // The edge holds no keys of the way down any more.
    if (isKeyless) this.ackedKeys = this.toldKeys = 0;
  }

  /**
   * Tells whether a frame that says nothing new is one that the network held back: it acknowledges
   * what nobody was told lately, and was sent before one that was accepted. An edge whose clock went
   * back when a copy of its disk was put in place does the same: it insists.
   */
  isLate(
    frame: Pick<ReceivedUpFrame, "from" | "to" | "ack" | "sentMs">,
    record: Pick<HubLinkRecord, "acked" | "told" | "toldBefore">,
  ): boolean {
    const isStrange = frame.to === frame.from.seq && !hasPosition(answersOf(record), frame.ack);
    if (isStrange && frame.sentMs <= this.#sentMs && this.#refused < INSISTS) {
      this.#refused += 1;
      return true;
    }
    this.#sentMs = frame.sentMs;
    this.#refused = 0;
    return false;
  }

  /** The answer that a request was given, if it is the last one. */
  replay(request: Uint8Array): Uint8Array | null {
    const { request: last, answer } = this.last;
    const isSame = last.length === request.length && last.every((byte, i) => byte === request[i]);
    return isSame ? answer : null;
  }
}

/** The sessions of the links that spoke last. */
export class Sessions {
  readonly #sessions = new Map<number, Session>();

  of(link: number): Session {
    const session = this.#sessions.get(link) ?? new Session();
    this.#sessions.delete(link);
    this.#sessions.set(link, session);
    return session;
  }

  /** Bytes of memory that all of them take, about. */
  get bytes(): number {
    return [...this.#sessions.values()].reduce((sum, session) => sum + session.bytes, 0);
  }

  /**
   * Forgets those of links that are no more, and past SESSIONS_MAX or SESSIONS_BYTES_MAX the ones that
   * were silent longest.
   */
  trim(isKnown: (link: number) => boolean): void {
    let over = this.bytes - SESSIONS_BYTES_MAX;
    for (const [link, session] of this.#sessions)
      if (over > 0 || this.#sessions.size > SESSIONS_MAX || !isKnown(link)) {
        over -= session.bytes;
        this.#sessions.delete(link);
      }
  }
}
