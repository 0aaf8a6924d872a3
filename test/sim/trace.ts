// What happened, in one number, and lately, in words? Equal seeds give equal numbers: every event and
// every byte that crosses the network is in it.

/** Events kept in words. */
const KEPT_EVENTS = 60;

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x01000193;
  #events: string[] = [];
  readonly #onEvent: ((line: string) => void) | null;

  constructor(onEvent: ((line: string) => void) | null = null) {
    this.#onEvent = onEvent;
  }

  note(line: string): void {
    for (let i = 0; i < line.length; i += 1) this.#mix(line.charCodeAt(i));
    this.#mix(0x1ff);
    this.#onEvent?.(line);
    this.#events.push(line);
    if (this.#events.length > KEPT_EVENTS * 2) this.#events = this.#events.slice(-KEPT_EVENTS);
  }

  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.#mix(byte);
  }

  /** The last events. */
  get lately(): readonly string[] {
    return this.#events.slice(-KEPT_EVENTS);
  }

  get hash(): string {
    const hex = (number: number): string => (number >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ (this.#low >>> 15), 0x85ebca6b);
  }
}
