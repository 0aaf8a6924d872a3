// The BodyEncoder port over the runtime's zlib. What was coded once is kept beside the body that it was
// made of, for as long as that is in memory and there is room.

import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { Coding } from "../../state/site.ts";
import type { BodyEncoder } from "../content-ports.ts";
import type { EdgeBody } from "./origin-content.ts";

/** The coded forms of one body; null: it does not get smaller. */
type Forms = Map<Coding, Uint8Array<ArrayBuffer> | null>;

/** zlib's BROTLI_PARAM_QUALITY, and the quality: 11, the usual one, takes three hundred times as long. */
const BROTLI = { params: { 1: 4 } };

const CODERS: Record<Coding, (body: Uint8Array) => Uint8Array<ArrayBuffer>> = {
  br: (body) => brotliCompressSync(body, BROTLI),
  zstd: (body) => zstdCompressSync(body),
  gzip: (body) => gzipSync(body),
};

/** What a form takes beside its bytes, about; all that one takes which does not get smaller. */
const FORM_BYTES = 256;

/** Coded bodies of an isolate, up to so many bytes; what was used longest ago goes first (P8). */
export class EncodedBodies implements BodyEncoder<EdgeBody> {
  readonly #bytesMax: number;
  readonly #forms = new WeakMap<Uint8Array, Forms>();
  /** What all forms of a body take, what was used longest ago first; it does not keep bodies in memory. */
  readonly #used = new Map<Forms, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bodies of which forms are remembered. */
  get remembered(): number {
    return this.#used.size;
  }

  encode(body: EdgeBody, coding: Coding): EdgeBody | null {
    if (!(body instanceof Uint8Array)) return null;
    const forms: Forms = this.#forms.get(body) ?? new Map();
    this.#forms.set(body, forms);
    const before = this.#used.get(forms) ?? 0;
    const held = forms.get(coding);
    const coded = held === undefined ? encoded(body, coding) : held;
    forms.set(coding, coded);
    const bytes = held === undefined ? before + FORM_BYTES + (coded?.length ?? 0) : before;
    this.#used.delete(forms);
    this.#used.set(forms, bytes);
    this.#bytes += bytes - before;
    this.#makeRoom();
    return coded;
  }

  #makeRoom(): void {
    for (const [forms, bytes] of this.#used) {
      if (this.#bytes <= this.#bytesMax) return;
      forms.clear();
      this.#used.delete(forms);
      this.#bytes -= bytes;
    }
  }
}

function encoded(body: Uint8Array, coding: Coding): Uint8Array<ArrayBuffer> | null {
  const coded = CODERS[coding](body);
  return coded.length < body.length ? new Uint8Array(coded) : null;
}
