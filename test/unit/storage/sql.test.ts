// Are migrations applied once, in order and whole, and is a value that is too large refused?

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, migrate, numberOf, textOf } from "../../../storage/sql.ts";
import { openNodeSql } from "../../support/node-sql.ts";

test("migrate() applies each version once, in order", () => {
  const sql = openNodeSql();
  const first = "create table a (n integer); insert into a values (1)";
  migrate(sql, [first]);
  migrate(sql, [first]);
  migrate(sql, [first, "insert into a values (2)"]);
  assert.deepEqual(
    sql.exec("select n from a order by n").map((row) => row["n"]),
    [1, 2],
  );
});

test("migrate() leaves nothing of a version that fails", () => {
  const sql = openNodeSql();
  assert.throws(() => migrate(sql, ["create table a (n integer); insert into nowhere values (1)"]));
  migrate(sql, ["create table a (n integer)"]);
  assert.deepEqual(sql.exec("select * from a"), []);
});

test("a value that Cloudflare would refuse is refused everywhere", () => {
  const sql = openNodeSql();
  sql.exec("create table a (v)");
  for (const value of ["x".repeat(2_000_001), new Uint8Array(2_000_001)]) {
    assert.throws(() => sql.exec("insert into a values (?)", value), RangeError);
  }
  sql.exec("insert into a values (?)", "x".repeat(2_000_000));
  assert.equal(sql.exec("select v from a").length, 1);
});

test("numberOf(), textOf() and bytesOf() read their kind, and name another", () => {
  assert.deepEqual([numberOf(7), numberOf(null), numberOf(undefined)], [7, 0, 0]);
  assert.equal(textOf("a"), "a");
  assert.throws(() => textOf(7), TypeError);
  assert.deepEqual(bytesOf(Uint8Array.of(1).buffer), Uint8Array.of(1));
  assert.throws(() => bytesOf("a"), TypeError);
});
