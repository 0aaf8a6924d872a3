// How does a contract run in Node? Over node:sqlite, each case in a database of its own, in memory
// and in a file that is closed and opened again where the case wants a restart.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DATABASES } from "../support/reopening-sql.ts";
import { SUITES } from "./suites.ts";

/** Tests the suite of a port; one test a case and database. */
export function testInNode(port: string): void {
  const suite = SUITES.find((each) => each.port === port);
  assert.ok(suite !== undefined && suite.cases.length > 0, `No suite in suites.ts is of ${port}`);
  for (const [database, openDatabase] of Object.entries(DATABASES)) {
    for (const { name, start } of suite.cases) {
      test(`${name} (${database})`, (t) => {
        const { sql, reopen } = openDatabase(t);
        let current = sql;
        const steps = start(() => current);
        while (steps.next().done !== true) current = reopen();
      });
    }
  }
}
