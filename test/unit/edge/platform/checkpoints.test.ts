// Is the log brought into the database when nobody waits, and before it is too long? A database on disk
// whose log grows, a clock and waits that the test ends.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { limits } from "../../../../edge/limits.ts";
import { Checkpoints } from "../../../../edge/platform/checkpoints.ts";
import type { Sql } from "../../../../storage/sql.ts";

const folder = mkdtempSync(path.join(tmpdir(), "checkpoints-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** 40 pages, and the one that names them. */
const ROW = new Uint8Array(40 * 4_096);

/** A database with a log. */
class Hub {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly checkpoints: Checkpoints;
  nowMs = 1_000;
  #waits: (() => void)[] = [];

  constructor(name: string, when: "any-time" | "at-rest" = "at-rest") {
    this.#file = path.join(folder, name);
    this.#database = new DatabaseSync(this.#file);
    this.#database
      .exec(`pragma journal_mode = wal; create table schema_version (version integer primary key);
      insert into schema_version values (1), (2); create table row (body blob);
      pragma wal_checkpoint(truncate)`);
    const sql: Sql = {
      exec: (statement, ...bindings) =>
        this.#database.prepare(statement).all(...(bindings as Uint8Array[])) as never,
      transaction: (run) => run(),
      rowsWritten: () => Number(this.#database.prepare("select total_changes() as n").get()?.["n"]),
    };
    const ports = {
      read: () => {
        const rows = this.#database.prepare("select version from schema_version").iterate();
        rows.next();
        return () => void [...rows];
      },
      now: () => this.nowMs,
      wait: () => new Promise<void>((resolve) => this.#waits.push(resolve)),
      background: () => undefined,
      sync: () => Promise.resolve(),
    };
    this.checkpoints = new Checkpoints(sql, ports, when);
  }

  commit(): void {
    void this.checkpoints.sync();
    this.checkpoints.sql.exec("insert into row values (?)", ROW);
  }

  /** So much time goes by, and the waits that were asked for end. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    for (const end of this.#waits.splice(0)) end();
    await turn();
  }

  /** Bytes of the database without its log. */
  get bytes(): number {
    return statSync(this.#file).size;
  }

  close(): void {
    this.#database.close();
  }
}

test("the log of a database is brought in once no commits come, and not before", async () => {
  const hub = new Hub("rest");
  const before = hub.bytes;
  for (let commits = 0; commits < 50; commits += 1) {
    hub.commit();
    await hub.pass(limits.logQuietMs - 1);
  }
  assert.equal(hub.bytes, before);
  await hub.pass(1);
  assert.ok(hub.bytes > before + 49 * ROW.length, String(hub.bytes));
  // Then it begins anew.
  const at = hub.bytes;
  for (let commits = 0; commits < 30; commits += 1) hub.commit();
  assert.equal(hub.bytes, at);
  await hub.pass(limits.logQuietMs);
  assert.ok(hub.bytes > at + 29 * ROW.length, String(hub.bytes));
  hub.close();
});

test("a short log stays where it is, and one at its bound is brought in though commits come", async () => {
  const hub = new Hub("bound");
  const before = hub.bytes;
  for (let commits = 0; commits < 20; commits += 1) hub.commit();
  await hub.pass(limits.logQuietMs);
  assert.equal(hub.bytes, before);
  const rows = Math.ceil(limits.logPagesMax / 41);
  for (let commits = 0; commits < rows + 1; commits += 1) {
    assert.equal(hub.bytes, before, `after ${commits}`);
    hub.commit();
  }
  assert.ok(hub.bytes > before + limits.logPagesMax * 4_000, String(hub.bytes));
  hub.close();
});

test("unless it is asked for SQLite takes in a log when it likes", () => {
  const hub = new Hub("usual", "any-time");
  const before = hub.bytes;
  for (let commits = 0; commits < 30; commits += 1) hub.commit();
  assert.ok(hub.bytes > before, String(hub.bytes));
  hub.close();
});

test("a clock that was set back keeps no log for long", async () => {
  const hub = new Hub("clock");
  const before = hub.bytes;
  for (let commits = 0; commits < 30; commits += 1) hub.commit();
  await hub.pass(-3_600_000);
  assert.ok(hub.bytes > before, String(hub.bytes));
  hub.close();
});
