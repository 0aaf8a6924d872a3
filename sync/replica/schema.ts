// Which collections does a replica hold? Named by their ids; both ends of a link may know different
// ones, and what one does not know it leaves alone.

import { assert } from "../assert.ts";
import { COLLECTION_ID_MAX, FRAME_BYTES_TARGET, KEY_BYTES_MAX } from "../limits.ts";
import type { Group } from "../wire/frame.ts";
import { isWritable, textCodec, writtenBytes, type Codec } from "../wire/values.ts";
import type { Collection, Direction, Kind } from "./kind.ts";

const KEY = textCodec(KEY_BYTES_MAX);

/** Collections by id. */
export class Schema {
  readonly all: readonly Collection[];
  /** Equal names mean equal collections, in kind and direction. */
  readonly name: string;

  constructor(collections: readonly Collection[]) {
    this.all = collections.toSorted((a, b) => a.id - b.id);
    this.name = this.all.map(({ id, kind, direction }) => `${id}:${kind.code}:${direction}`).join();
    const isLegal = this.all.every(
      ({ id }, i) => id > (this.all[i - 1]?.id ?? 0) && id <= COLLECTION_ID_MAX,
    );
    assert(isLegal, `Ids are distinct, 1 to ${COLLECTION_ID_MAX}`);
  }

  get(id: number): Collection | undefined {
    return this.all.find((collection) => collection.id === id);
  }

  /** The collection of what travels, if it is known here and of that kind. */
  find({ collection, kind }: Pick<Group, "collection" | "kind">): Collection | undefined {
    const known = this.get(collection);
    return known?.kind.code === kind ? known : undefined;
  }

  /** Throws a RangeError unless the end of a link that says things `way` may write the key. */
  check({ id, kind, direction }: Collection<never>, key: string, way: Direction): void {
    const name = `collection ${id}`;
    if (this.get(id)?.kind !== kind) refuse(name, "it is not held");
    if (direction !== way && direction !== "both") refuse(name, `its direction is ${direction}`);
    if (!isWritable(KEY, key)) refuseSize("key", KEY_BYTES_MAX);
  }
}

/** Throws a RangeError for a value that could not be read back, or is larger than its kind takes. */
export function checkValue(
  key: string,
  { writeBytesMax = FRAME_BYTES_TARGET * 2 }: Pick<Kind, "writeBytesMax">,
  codec: Codec<unknown>,
  value: unknown,
): void {
  const bytes = writtenBytes(codec, value);
  if (bytes === null || bytes > writeBytesMax) refuseSize(key, writeBytesMax);
}

function refuseSize(what: string, bytesMax: number): never {
  refuse(what, `it has more than ${bytesMax} bytes, or could not be read again`);
}

function refuse(what: string, why: string): never {
  throw new RangeError(`Cannot write ${what}: ${why}`);
}
