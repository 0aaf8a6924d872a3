// What became of the readings that a hub ever accepted? Kept as an account with two sides: what is
// accepted, present and quarantined here, what is given up in the gap records. On disk it stands as of
// the last checkpoint; what the entries after it add, they say themselves.

import { isQuarantined } from "../../sync/quarantine.ts";
import { readingsOf, type ReadingBatch } from "../../sync/wire/batch.ts";
import { freshOf, type Committed } from "../journal/committed.ts";
import type { HubAccount } from "../ports.ts";
import type { HubRow } from "./sql-hub-row.ts";

/** What one entry, or a part of one, adds. */
export interface EntryAccount {
  readonly readings: number;
  /** Of these, those too far ahead of their commit. */
  readonly quarantined: number;
}

export const ACCOUNTS_MIGRATION = `alter table hub add column accepted integer;
  alter table hub add column present integer;
  alter table hub add column quarantined integer`;

/** Counts the readings of batches that were committed at `stampMs` and count. */
export function accountOf(stampMs: number, batches: readonly ReadingBatch[]): EntryAccount {
  let [readings, quarantined] = [0, 0];
  for (const batch of batches) {
    readings += readingsOf(batch);
    // Times ascend: nearly always none is ahead.
    if (!isQuarantined(batch.times.at(-1) ?? 0, stampMs)) continue;
    for (const { rows } of batch.columns)
      for (const row of rows) if (isQuarantined(batch.times[row] ?? 0, stampMs)) quarantined += 1;
  }
  return { readings, quarantined };
}

/** The same of an entry. */
export function accountOfEntry(stampMs: number, committed: readonly Committed[]): EntryAccount {
  return accountOf(
    stampMs,
    committed.flatMap(({ kept }) => kept.map(freshOf)),
  );
}

/** The account of one hub: with everything that is written. */
export class HubAccounts {
  #account: HubAccount;
  /** What the entries behind the checkpoint add. */
  readonly #pending = new Map<number, EntryAccount>();

  constructor(stored: HubAccount) {
    this.#account = stored;
  }

  get account(): HubAccount {
    return this.#account;
  }

  /** An entry is written, or found behind the checkpoint at a start. */
  written(seq: number, entry: EntryAccount): void {
    this.#pending.set(seq, entry);
    const { accepted, present, quarantined } = this.#account;
    this.#account = {
      accepted: accepted + entry.readings,
      present: present + entry.readings,
      quarantined: quarantined + entry.quarantined,
    };
  }

  /** Readings are given up. */
  gaveUp(given: EntryAccount): void {
    const { accepted, present, quarantined } = this.#account;
    this.#account = {
      accepted,
      present: present - given.readings,
      quarantined: quarantined - given.quarantined,
    };
  }

  /** An entry is stamped anew: others of its readings are too far ahead. */
  restamped(seq: number, before: EntryAccount, after: EntryAccount): void {
    if (this.#pending.has(seq)) this.#pending.set(seq, after);
    const quarantined = this.#account.quarantined + after.quarantined - before.quarantined;
    this.#account = { ...this.#account, quarantined };
  }

  /** Nothing is left of an entry, which no longer says what it adds; what it added stays. */
  emptied(seq: number): EntryAccount {
    const entry = this.#pending.get(seq) ?? { readings: 0, quarantined: 0 };
    this.#pending.delete(seq);
    return entry;
  }

  /** Readings were accepted once, and nothing that is left says so. */
  recalled(readings: number): void {
    const { accepted, present, quarantined } = this.#account;
    this.#account = { accepted: accepted + readings, present: present + readings, quarantined };
  }

  /** The checkpoint is there: what is behind it no longer says for itself what it adds. */
  sealedUpTo(checkpoint: number): void {
    for (const seq of this.#pending.keys()) if (seq <= checkpoint) this.#pending.delete(seq);
  }

  /** The checkpoint went back: an entry says again what it adds. */
  unsealed(seq: number, entry: EntryAccount): void {
    this.#pending.set(seq, entry);
  }

  /** The account as of the checkpoint, or of a next one. */
  asOf(checkpoint = 0): HubAccount {
    let { accepted, present, quarantined } = this.#account;
    for (const [seq, entry] of this.#pending) {
      if (seq <= checkpoint) continue;
      accepted -= entry.readings;
      present -= entry.readings;
      quarantined -= entry.quarantined;
    }
    return { accepted, present, quarantined };
  }
}

/** Reads it as it was written down; null in a hub of a release that did not. */
export function storedAccount({ accepted, present, quarantined }: HubRow): HubAccount | null {
  if (accepted === null) return null;
  return { accepted, present: present ?? 0, quarantined: quarantined ?? 0 };
}
