// Where does the fuzzer begin? With everything that the golden vectors hold: good bytes of each
// decoder, and those that are refused, which lie close to its borders.

import { readFileSync } from "node:fs";
import path from "node:path";
import { bombs } from "./bombs.ts";

/** A decoder that takes bytes from outside. */
export type Decoder = "up" | "down" | "batches" | "group" | "image";

/** Bytes, and what their decoder has to know. */
export interface Sample {
  readonly decoder: Decoder;
  readonly bytes: Uint8Array;
  /** Keys that the link's dictionary holds. */
  readonly dictionary: readonly string[];
  readonly kind: number;
  readonly way: "up" | "down";
  readonly count: number;
  readonly end: "edge" | "hub";
  /** True if its decoder refuses it as it is. */
  readonly isRefused: boolean;
}

interface Vector {
  readonly input?: string;
  readonly frame?: string;
  readonly decoder?: Decoder;
  readonly dictionary?: readonly string[];
  readonly kind?: number;
  readonly way?: "up" | "down";
  readonly count?: number;
  readonly end?: "edge" | "hub";
  readonly error?: string;
}

const FOLDER = path.join(import.meta.dirname, "../../test/vectors/wire");
const FILES: readonly (readonly [file: string, decoder: Decoder])[] = [
  ["up-frames", "up"],
  ["exchanges", "up"],
  ["down-frames", "down"],
  ["batches", "batches"],
  ["groups", "group"],
  ["images", "image"],
  ["images-2", "image"],
  ["refused", "up"],
];
/** Longer samples would be mutated where nothing is decided. */
const SAMPLE_BYTES_MAX = 4_096;

/** Loads the samples. */
export function loadCorpus(): Sample[] {
  const vectors = FILES.flatMap(([file, decoder]) => {
    const text = readFileSync(path.join(FOLDER, `${file}.json`), "utf8");
    return (JSON.parse(text) as readonly Vector[]).map((vector) => sampleOf(vector, decoder));
  });
  return [...vectors, ...bombs()].filter(({ bytes }) => bytes.length <= SAMPLE_BYTES_MAX);
}

function sampleOf(vector: Vector, decoder: Decoder): Sample {
  return {
    decoder: vector.decoder ?? decoder,
    bytes: Uint8Array.from(Buffer.from(vector.frame ?? vector.input ?? "", "hex")),
    dictionary: vector.dictionary ?? [],
    kind: vector.kind ?? 1,
    way: vector.way ?? "up",
    count: vector.count ?? 1,
    end: vector.end ?? "hub",
    isRefused: vector.error !== undefined,
  };
}
