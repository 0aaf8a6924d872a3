// What does an end of a link hold, as numbers that both ends find? Each entry that there is to see, by
// its collection, key and value, as the hub would tell it: neither how it came about counts, nor what
// was deleted, forgotten or not.

import type { Said } from "../replica/groups.ts";
import { ByteWriter } from "../wire/bytes.ts";
import { sipHash, type Words } from "./sip-hash.ts";

/** Numbers entries under a key. */
export class Items {
  readonly #key: Words;
  readonly #writer = new ByteWriter();
  readonly #hash = new Int32Array(2);

  constructor(key: Words) {
    this.#key = key;
  }

  /** @param said The entry as the hub tells it, which is what is to be seen of it at an edge. */
  of({ collection, key, value }: Said): Int32Array {
    const { id, kind } = collection;
    const writer = this.#writer;
    writer.clear();
    writer.varint(id);
    writer.varint(kind.code);
    writer.text(key);
    kind.down.write(writer, [value]);
    sipHash(this.#key, writer.bytes(), writer.length, this.#hash);
    return this.#hash;
  }
}
