// Every bound of the replication core, with its unit. Decoders check them before they allocate.

import { assert } from "./assert.ts";

/** Bytes of a whole frame, without its seal. */
export const FRAME_BYTES_MAX: number = 2 * 1024 * 1024;
/** Bytes of entries after which a frame is closed; one entry may exceed it alone. */
export const FRAME_BYTES_TARGET: number = 256 * 1024;
/** Entries of a frame. */
export const FRAME_ENTRIES_MAX = 512;
/** Bytes of one journal entry: one group commit. */
export const ENTRY_BYTES_MAX: number = 1_536 * 1024;
/** Batches of one entry. */
export const ENTRY_BATCHES_MAX = 1_024;
/** Readings of one encoded batch. */
export const BATCH_READINGS_MAX = 10_000;
/** Distinct event times of one encoded batch. */
export const BATCH_TIMES_MAX = 10_000;
/** Columns of one encoded batch. */
export const BATCH_COLUMNS_MAX = 512;
/** Characters of a name on the wire. */
export const NAME_CHARS_MAX = 128;
/** Bytes of a string as a value. */
export const STRING_BYTES_MAX = 65_536;
/** Bytes of a versioned content. */
export const CONTENT_BYTES_MAX = 262_144;
/** Latest event time: the end of the year 9999, in epoch milliseconds. */
export const TIME_MS_MAX = 253_402_300_799_999;
/** Decimals of a value (DESIGN: at most 30), so that exact sums stay small. */
export const DECIMALS_MAX = 30;

assert(FRAME_BYTES_TARGET < FRAME_BYTES_MAX, "A frame is closed before it is too large");
assert(ENTRY_BYTES_MAX < FRAME_BYTES_MAX, "The largest entry fits a frame");
