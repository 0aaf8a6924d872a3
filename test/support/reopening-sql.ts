// How else can a database be opened? In memory and in a file, each able to be closed and opened
// again, so that one contract suite runs on both.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import type { Sql } from "../../storage/sql.ts";
import { openNodeSql } from "./node-sql.ts";

/** A database that outlives the program that uses it. */
export interface ReopeningSql {
  readonly sql: Sql;
  /** Ends every use of the database and opens it again, as a restart does. */
  readonly reopen: () => Sql;
}

/** Ways to open a database, by name; it is gone when the test ends. */
export const DATABASES: Readonly<Record<string, (t: TestContext) => ReopeningSql>> = {
  "node:sqlite in memory": (t) => {
    const sql = openNodeSql();
    t.after(() => sql.close());
    return {
      sql,
      reopen: () => {
        sql.restore(sql.copy());
        return sql;
      },
    };
  },
  "node:sqlite in a file": (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "skerry-contract-"));
    const file = path.join(folder, "object.sqlite");
    let open = openNodeSql(file);
    t.after(() => {
      open.close();
      rmSync(folder, { recursive: true, force: true });
    });
    return {
      sql: open,
      reopen: () => {
        open.close();
        open = openNodeSql(file);
        return open;
      },
    };
  },
};
