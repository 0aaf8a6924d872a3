// Up to where has a listener heard? For each hub the journal entry, how many of its batches, and the
// entry's checksum, which tells it apart from another history's entry of that number.

/** Where a listener stands in one hub's journal. */
export interface LivePosition {
  /** The last entry that it has heard something of; 0: the journal's beginning. */
  readonly seq: number;
  /** How many batches of that entry it has heard, or passed over; all of them: `ALL_PARTS`. */
  readonly parts: number;
  /** The entry's checksum; 0 for seq 0. */
  readonly digest: number;
}

/** Positions by hub, which is named by its range of shards. */
export type LivePositions = ReadonlyMap<string, LivePosition>;

/** Stands for every batch of an entry. */
export const ALL_PARTS = 65_535;
/** Characters of positions as text: those of 32 hubs. */
export const POSITIONS_CHARS_MAX = 2_048;

/** Writes positions as the id of an event. */
export function formatPositions(positions: LivePositions): string {
  return [...positions]
    .map(([hub, { seq, parts, digest }]) => {
      const text = [seq, parts, digest].map((part) => part.toString(36)).join(".");
      return `${hub}:${text}`;
    })
    .join(",");
}

/** Reads them back; null for anything else. */
export function parsePositions(text: string): LivePositions | null {
  if (text.length > POSITIONS_CHARS_MAX) return null;
  const positions = new Map<string, LivePosition>();
  for (const item of text.split(",")) {
    const parts = POSITION.exec(item);
    if (parts === null) return null;
    const [seq = -1, heard = -1, digest = -1] = parts.slice(2).map((part) => parseInt(part, 36));
    if (!Number.isSafeInteger(seq) || heard > ALL_PARTS || digest > 0xffff_ffff) return null;
    positions.set(parts[1] ?? "", { seq, parts: heard, digest });
  }
  return positions;
}

const POSITION = /^([0-9a-f]{2}-[0-9a-f]{2}):([0-9a-z]{1,11})\.([0-9a-z]{1,4})\.([0-9a-z]{1,7})$/;
