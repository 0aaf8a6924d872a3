// What are these bytes: an up-frame, a down-frame, a stored image? Sealed or not, and if none of
// them, why not.

import { REGION_COLLECTIONS } from "../../state/region.ts";
import { SEAL_BYTES } from "../../doors/seal.ts";
import { decodeImage, type Image } from "../../sync/replica/image.ts";
import { KeyDictionary } from "../../sync/wire/dictionary.ts";
import { decodeDownFrame, type ReceivedDownFrame } from "../../sync/wire/down-frame.ts";
import type { FrameError } from "../../sync/wire/frame.ts";
import { DOWN_MAGIC, UP_MAGIC } from "../../sync/wire/range/frames.ts";
import { decodeUpFrame, type ReceivedUpFrame } from "../../sync/wire/up-frame.ts";
import type { Codec } from "../../sync/wire/values.ts";
import { kindOf } from "./kinds.ts";

/** Bytes that were made out. */
export type Opened =
  | { readonly kind: "up"; readonly bytes: Uint8Array; readonly frame: ReceivedUpFrame }
  | { readonly kind: "down"; readonly bytes: Uint8Array; readonly frame: ReceivedDownFrame }
  | {
      readonly kind: "image";
      readonly bytes: Uint8Array;
      readonly end: "edge" | "hub";
      readonly image: Image;
    }
  | { readonly kind: "coded"; readonly bytes: Uint8Array; readonly way: "up" | "down" };

/** What was made of bytes: with or without a seal behind them, or what is wrong. */
export type Opening =
  | { readonly kind: "opened"; readonly opened: Opened; readonly isSealed: boolean }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

const MAGIC = 0x53;
const DIRECTION_DOWN = 2;

const REASONS: Readonly<Record<FrameError, string>> = {
  "too-large": "it has more bytes than a frame may have",
  "not-a-frame": "it does not begin as a frame of that direction does",
  "unknown-version": "its version is not one that this code reads",
  "wrong-checksum": "its last 4 bytes are not the CRC-32C of the rest: it was cut or changed",
  "broken-frame": "its checksum is right, and its fields are not within their bounds",
  "no-dictionary": "it builds on keys that are not here",
};

/** A dictionary of a link that nobody here has followed: it takes every number for a key. */
class AnyKeys extends KeyDictionary {
  override holds(): boolean {
    return true;
  }

  override keyOf(number: number): string | undefined {
    return number < 0 ? undefined : `#${number}`;
  }
}

/** Makes out what bytes are. */
export function open(bytes: Uint8Array): Opening {
  for (const isSealed of [false, true]) {
    const opened = openUnsealed(isSealed ? bytes.subarray(0, -SEAL_BYTES) : bytes);
    if (opened !== null) return { kind: "opened", opened, isSealed };
  }
  const way = CODED.get(bytes[0] ?? 0);
  // Whether a seal is behind it cannot be seen.
  if (way && bytes.length > CODED_BYTES_MIN)
    return { kind: "opened", opened: { kind: "coded", bytes, way }, isSealed: false };
  return { kind: "refused", reasons: reasonsOf(bytes) };
}

/** The first byte of a frame in the coded encoding, by its way; and fewer bytes none of them has. */
const CODED: ReadonlyMap<number, "up" | "down"> = new Map([
  [UP_MAGIC, "up"],
  [DOWN_MAGIC, "down"],
]);
const CODED_BYTES_MIN = 5;

function openUnsealed(bytes: Uint8Array): Opened | null {
  const up = decodeUpFrame(bytes, () => new AnyKeys());
  if (up.ok) return { kind: "up", bytes, frame: up.value };
  const down = decodeDownFrame(bytes, new AnyKeys());
  if (down.ok) return { kind: "down", bytes, frame: down.value };
  for (const end of ["hub", "edge"] as const) {
    for (const codecOf of [regionCodecs(end), kindCodecs(end)]) {
      const image = decodeImage(bytes, codecOf);
      if (image) return { kind: "image", bytes, end, image };
    }
  }
  return null;
}

type CodecOf = (collection: number) => Codec<unknown> | undefined;

function regionCodecs(end: "edge" | "hub"): CodecOf {
  return (id) => REGION_COLLECTIONS.find((collection) => collection.id === id)?.kind[end];
}

/** As the test vectors are: a collection of each kind, under its code. */
function kindCodecs(end: "edge" | "hub"): CodecOf {
  return (id) => kindOf(id)?.[end];
}

function reasonsOf(bytes: Uint8Array): string[] {
  const [magic, , direction] = bytes;
  if (magic !== MAGIC)
    return [
      `it has ${bytes.length} bytes and does not begin with 0x53, so it is no frame`,
      "it is no stored image of a region's edge or hub either",
    ];
  return [false, true].map((isSealed) => {
    const body = isSealed ? bytes.subarray(0, -SEAL_BYTES) : bytes;
    const isDown = direction === DIRECTION_DOWN;
    const read = isDown
      ? decodeDownFrame(body, new AnyKeys())
      : decodeUpFrame(body, () => new AnyKeys());
    const error = read.ok ? "broken-frame" : read.error;
    const what = `${isDown ? "a down-frame" : "an up-frame"} of ${body.length} bytes`;
    return `as ${what}${isSealed ? " and a seal" : ""}: ${error}, ${REASONS[error]}`;
  });
}
