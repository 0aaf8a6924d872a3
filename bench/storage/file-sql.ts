// The Sql port over a database file, as workerd keeps one for each object: a write-ahead log, pages
// of 4 KiB, every statement prepared once.

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql, SqlValue } from "../../storage/sql.ts";
import { savepoints } from "../../tools/savepoints.ts";

export interface FileSql extends Sql {
  /** Puts the write-ahead log into the file. */
  checkpoint(): void;
  close(): void;
}

export function openFileSql(file: string): FileSql {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal");
  // Sizes and rows are measured here, not the disk.
  database.exec("pragma synchronous = off");
  const prepared = new Map<string, StatementSync>();
  const prepare = (text: string): StatementSync => {
    const statement = prepared.get(text) ?? database.prepare(text);
    prepared.set(text, statement);
    return statement;
  };
  return {
    exec: (text, ...bindings) =>
      prepare(text).all(
        ...bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value)),
      ) as Record<string, SqlValue>[],
    transaction: savepoints(database),
    rowsWritten: () => Number(database.prepare("select total_changes() as n").get()?.["n"]),
    checkpoint: () => {
      database.exec("pragma wal_checkpoint(truncate)");
    },
    close: () => database.close(),
  };
}
