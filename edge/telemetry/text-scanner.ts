// How is text read from left to right, each character once? By patterns that match where the last
// one ended. Each must be told what to do by the next character alone: none may try again.

/** A place in a text. */
export class TextScanner {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#text.length;
  }

  /** Takes what a sticky pattern matches here; null if it does not match. */
  take(pattern: RegExp): string | null {
    const sticky = pattern;
    const start = this.at;
    sticky.lastIndex = start;
    if (!sticky.test(this.#text)) return null;
    this.at = sticky.lastIndex;
    return this.#text.slice(start, this.at);
  }

  /** Passes over a character if it is what comes next. */
  skip(character: string): boolean {
    const isNext = this.#text[this.at] === character;
    if (isNext) this.at += 1;
    return isNext;
  }
}
