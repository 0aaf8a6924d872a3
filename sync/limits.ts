// Every bound of the replication core, with its unit. Decoders check them before they allocate. How
// they have to relate to each other is in test/unit/sync/limits.test.ts.

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
/** Bytes of an entry's key, in UTF-8. */
export const KEY_BYTES_MAX = 256;
/**
 * Bytes of what one write leaves of a multi-value register, so that those of 127 replicas side by side
 * still find room in a frame.
 */
export const MV_WRITE_BYTES_MAX = 16_384;
/** Highest replicaEpoch. */
export const REPLICA_EPOCH_MAX: number = 2 ** 32 - 1;
/** State entries of a frame. */
export const FRAME_STATE_ENTRIES_MAX = 4_096;
/** Keys that a frame sends in full. */
export const FRAME_KEYS_MAX = 4_096;
/** Collections of a frame. */
export const FRAME_GROUPS_MAX = 64;
/** Keys that one direction of a link numbers; past it the dictionary begins anew. */
export const DICTIONARY_KEYS_MAX = 65_536;
/** Bytes of memory that one key of a dictionary takes beside its own, about. */
export const DICTIONARY_KEY_ROOM = 96;
/** Bytes of memory that the keys of one direction take; past it the dictionary begins anew. */
export const DICTIONARY_BYTES_MAX: number = 16 * 1024 * 1024;
/** Highest id of a collection, and of a kind. */
export const COLLECTION_ID_MAX = 255;
/** Bytes of a frame's extension, which a receiver that does not know it leaves alone. */
export const EXTENSION_BYTES_MAX = 1_024;
/** Links whose dictionaries a hub keeps in memory; the one that was silent longest gives way. */
export const SESSIONS_MAX = 256;
/** Bytes of memory that all of them take, with the last answers; past it the same give way. */
export const SESSIONS_BYTES_MAX: number = 40 * 1024 * 1024;
/** Lives of one replica that a hub remembers. */
export const LIVES_PER_REPLICA_MAX = 16;
/** How long a life is waited for when another life of its replica has spoken since, milliseconds. */
export const SUPERSEDED_LEASE_MS = 3_600_000;
/** Links that a hub remembers; past it one that is not known finds no room until one is silent. */
export const LINKS_MAX = 2_048;
/** Bytes of what a hub notes of one link, at most. */
export const LINK_BYTES_MAX = 1_024;
/** How often a hub looks for links whose lease is over, milliseconds. */
export const LINKS_LOOK_MS = 60_000;
/** Bytes of entries that a hub keeps for collections that it does not know yet. */
export const KEPT_BYTES_MAX: number = 256 * 1024;
/** Symbols of a sketch of what a hub holds, at most; of fewer entries fewer. */
export const SKETCH_SYMBOLS_MAX = 256;
/** A sketch has a symbol for so many entries, and is not worth it with fewer symbols. */
export const SKETCH_SYMBOL_ENTRIES = 16;
export const SKETCH_SYMBOLS_MIN = 16;
/** Sketches that a hub remembers to have given. */
export const SKETCHES_MAX = 64;
/** Entries of a page of stored state, about; and how many bytes of rows make a checkpoint due. */
export const PAGE_ENTRIES = 64;
export const CHECKPOINT_BYTES: number = 256 * 1024;
/** Entries, and bytes of facts, of a stored row or page. */
export const IMAGE_ENTRIES_MAX = 65_536;
export const IMAGE_BYTES_MAX: number = 4 * 1024 * 1024;
/** Parts of a stored row or page: one a collection, or one a row that a newer release had written. */
export const IMAGE_PARTS_MAX = 65_536;
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
