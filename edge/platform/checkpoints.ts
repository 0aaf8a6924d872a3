// When does SQLite bring its log into the database? By itself within the commit that finds a thousand
// pages in the log: it copies them and waits for the disk twice, and with it everybody who waits for an
// answer. A statement that was not run to its end keeps it from doing so. One is held while commits come,
// and ended when there were none for a moment, or the log has grown to its bound.

import { log } from "../../doors/access-log.ts";
import type { EdgeConfig } from "../config.ts";
import { limits } from "../limits.ts";
import type { Sql, SqlValue } from "../../storage/sql.ts";

/** What checkpoints need of their surroundings. */
export interface CheckpointPorts {
  /** Begins to read at least two rows of a table, and reads one; returns how to read the rest. */
  readonly read: () => () => void;
  /** Resolves when what was written before is on disk. */
  readonly sync: () => Promise<void>;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  /** Lets work go on that nobody waits for. */
  readonly background: (work: Promise<void>) => void;
}

/** The checkpoints of one object's database. */
export class Checkpoints {
  /** The database: what is written through it is counted. */
  readonly sql: Sql;
  readonly #ports: CheckpointPorts;
  readonly #when: EdgeConfig["checkpoints"];
  /** How to end the statement that is held; null: none is. */
  #end: (() => void) | null = null;
  /** Pages that were written to the log since it was last let go, about. */
  #pages = 0;
  /** When the last commit came, epoch milliseconds. */
  #commitMs = 0;

  /** @param when With `any-time` SQLite does as it likes. */
  constructor(sql: Sql, ports: CheckpointPorts, when: EdgeConfig["checkpoints"]) {
    this.#ports = ports;
    this.#when = when;
    this.sql = {
      ...sql,
      exec: (statement, ...bindings) => {
        const before = sql.rowsWritten();
        const rows = sql.exec(statement, ...bindings);
        const written = sql.rowsWritten() - before;
        if (written > 0) this.#pages += written + Math.floor(bytesOf(bindings) / PAGE_BYTES);
        return rows;
      },
    };
  }

  /** Commits for somebody who waits: resolves when what was written before is on disk. */
  sync(): Promise<void> {
    if (this.#when === "at-rest") this.#commitComes();
    return this.#ports.sync();
  }

  #commitComes(): void {
    this.#commitMs = this.#ports.now();
    if (this.#pages >= limits.logPagesMax) this.#letGo();
    else if (this.#end === null) this.#hold();
  }

  #hold(): void {
    this.#end = this.#ports.read();
    this.#ports.background(this.#rest());
  }

  /** Lets go at rest, and commits, because it is a commit that looks whether the log is long. */
  async #rest(): Promise<void> {
    const held = this.#end;
    let sinceMs = 0;
    do {
      await this.#ports.wait(limits.logQuietMs);
      sinceMs = this.#ports.now() - this.#commitMs;
      // A clock that was set back does not say how long ago it was.
    } while (this.#end === held && sinceMs >= 0 && sinceMs < limits.logQuietMs);
    if (this.#end !== held) return;
    const isLong = this.#pages >= LOG_PAGES;
    this.#letGo();
    if (isLong) this.#touch();
  }

  /** Writes a page as it was: a row that is written as it was would not be written. */
  #touch(): void {
    this.sql.transaction(() => {
      this.sql.exec("insert into schema_version values (0)");
      this.sql.exec("delete from schema_version where version = 0");
    });
  }

  #letGo(): void {
    this.#end?.();
    this.#end = null;
    this.#pages = 0;
  }
}

/** Opens the checkpoints of an object whose database has had its migrations by its first commit. */
export function openCheckpoints(
  ctx: DurableObjectState,
  sql: Sql,
  when: EdgeConfig["checkpoints"],
): Checkpoints {
  const ports: CheckpointPorts = {
    read: () => {
      const rows = ctx.storage.sql.exec("select version from schema_version");
      rows.next();
      return () => {
        try {
          rows.toArray();
        } catch {
          // A disk that failed has ended it.
        }
      };
    },
    now: () => Date.now(),
    wait: (ms) => scheduler.wait(ms),
    background: (work) =>
      ctx.waitUntil(
        work.catch((error: unknown) => log("checkpoint-failed", { error: String(error) })),
      ),
    sync: () => ctx.storage.sync(),
  };
  return new Checkpoints(sql, ports, when);
}

/** SQLite's own: the bytes of a page, and the pages of a log that a commit leaves alone. */
const PAGE_BYTES = 4_096;
const LOG_PAGES = 1_000;

function bytesOf(bindings: readonly SqlValue[]): number {
  return bindings.reduce<number>((sum, value) => {
    if (typeof value === "string") return sum + value.length;
    return value === null || typeof value === "number" ? sum : sum + value.byteLength;
  }, 0);
}
