// Goal: every Sql keeps the bullets of its port, and migrate() works over it. Method: cases over a
// database that outlives restarts.

import assert from "node:assert/strict";
import { bytesOf, migrate, type Sql, type SqlValue } from "../../storage/sql.ts";
import { RESTART, type ContractCase } from "./contract.ts";

/** Gives the port's only connection at that time. */
export type OpenSql = () => Sql;

/** Opens a database with a table that takes anything, and one of unique whole numbers. */
function withTables(open: OpenSql): Sql {
  const sql = open();
  sql.exec("create table anything (id integer primary key, v)");
  sql.exec("create table number (n integer not null unique)");
  return sql;
}

const addNumber = (sql: Sql, n: number) => sql.exec("insert into number values (?)", n);
const numbers = (sql: Sql): unknown[] =>
  sql.exec("select n from number order by n").map(({ n }) => n);

/** What comes back of a value that is stored. */
function stored(sql: Sql, value: SqlValue): SqlValue | undefined {
  const [id] = sql.exec("insert into anything (v) values (?) returning id", value);
  return sql.exec("select v from anything where id = ?", id?.["id"] ?? null)[0]?.["v"];
}

/** Makes a transaction throw after its writes. */
function undo(sql: Sql, write: () => unknown): void {
  const cut = () =>
    sql.transaction(() => {
      write();
      throw new Error("no power");
    });
  assert.throws(cut, /no power/);
}

const rowCases: readonly ContractCase<OpenSql>[] = [
  {
    name: "order: a statement sees what the ones before it wrote",
    run(open) {
      const sql = withTables(open);
      addNumber(sql, 1);
      sql.exec("update number set n = n + 1");
      addNumber(sql, 1);
      sql.exec("delete from number where n = 2");
      assert.deepEqual(numbers(sql), [1]);
    },
  },
  {
    name: "a statement gives its rows in their order, and a write none unless it returns some",
    run(open) {
      const sql = withTables(open);
      assert.deepEqual(sql.exec("insert into number values (3), (1), (2)"), []);
      assert.deepEqual(numbers(sql), [1, 2, 3]);
      const gone = sql.exec("delete from number where n > 1 returning n as was, n + 0.5 as half");
      const rows = gone.map((row) => ({ ...row }));
      assert.deepEqual(
        rows.toSorted((a, b) => Number(a["was"]) - Number(b["was"])),
        [
          { was: 2, half: 2.5 },
          { was: 3, half: 3.5 },
        ],
      );
    },
  },
  {
    name: "numbers, texts and null come back as they were",
    run(open) {
      const sql = withTables(open);
      const texts = ["", "ä€😀", "a\0b", "'; drop table anything; --", "5"];
      for (const value of [0, -1, 0.1, 2 ** 53 - 1, 1 - 2 ** 53, 1e300, null, ...texts])
        assert.equal(stored(sql, value), value);
    },
  },
  {
    name: "whole numbers below 2^53 come back from a column of integers",
    run(open) {
      const sql = withTables(open);
      const all = [1 - 2 ** 53, -1, 0, 5, 2 ** 53 - 1];
      for (const n of all) addNumber(sql, n);
      assert.deepEqual(numbers(sql), all);
    },
  },
  {
    name: "blobs come back byte for byte: a view, a part of a buffer, a buffer, none",
    run(open) {
      const sql = withTables(open);
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      assert.deepEqual(bytesOf(stored(sql, all)), all);
      assert.deepEqual(bytesOf(stored(sql, all.subarray(10, 13))), Uint8Array.of(10, 11, 12));
      assert.deepEqual(bytesOf(stored(sql, all.buffer)), all);
      assert.deepEqual(bytesOf(stored(sql, new Uint8Array(0))), new Uint8Array(0));
    },
  },
  {
    name: "what is done to a buffer afterwards does not change what is stored",
    run(open) {
      const sql = withTables(open);
      const bytes = Uint8Array.of(1, 2, 3);
      sql.exec("insert into anything (v) values (?)", bytes);
      bytes.fill(9);
      const first = bytesOf(sql.exec("select v from anything")[0]?.["v"]);
      assert.deepEqual(first, Uint8Array.of(1, 2, 3));
      first.fill(8);
      const second = sql.exec("select v from anything")[0]?.["v"];
      assert.deepEqual(bytesOf(second), Uint8Array.of(1, 2, 3));
    },
  },
  {
    name: "a numbered parameter may be used more than once",
    run(open) {
      const sql = open();
      const [row] = sql.exec("select ?2 as b, ?1 as a, ?2 as again", "first", "second");
      assert.deepEqual({ ...row }, { b: "second", a: "first", again: "second" });
    },
  },
  {
    name: "a statement that fails throws and leaves nothing, and the next one works",
    run(open) {
      const sql = withTables(open);
      assert.throws(() => sql.exec("insert into nowhere values (1)"));
      assert.throws(() => sql.exec("insert into number values (1), (2), (1)"));
      assert.throws(() => sql.exec("insert into number values (null)"));
      assert.deepEqual(numbers(sql), []);
      addNumber(sql, 1);
      assert.deepEqual(numbers(sql), [1]);
    },
  },
  {
    name: "P10: two statements in one text are both run or both refused, never the first alone",
    run(open) {
      const sql = withTables(open);
      const both = "insert into number values (1); insert into number values (2)";
      let isRefused = false;
      try {
        sql.exec(both);
      } catch {
        isRefused = true;
      }
      assert.deepEqual(numbers(sql), isRefused ? [] : [1, 2]);
    },
  },
  {
    name: "P10: a statement takes as many bindings as it has parameters, no fewer and no more",
    run(open) {
      const sql = open();
      assert.throws(() => sql.exec("select ? as a, ? as b", 1));
      assert.throws(() => sql.exec("select ?1 as a, ?2 as b", 1));
      assert.throws(() => sql.exec("select ? as a, '?' as b", 1, 2));
      assert.equal(sql.exec("select ? as a, 'it''s ?' as b /* ? */ -- ?", 1)[0]?.["a"], 1);
    },
  },
  {
    name: "P10: limits: 100 bindings are taken and 101 refused",
    run(open) {
      const sql = open();
      const among = (count: number) => {
        const values = Array.from({ length: count }, (_, i) => i);
        return sql.exec(`select 1 as a where 99 in (${values.map(() => "?").join()})`, ...values);
      };
      assert.equal(among(100).length, 1);
      assert.throws(() => among(101));
    },
  },
  {
    name: "P10: limits: 2 MB are taken and more is refused",
    run(open) {
      const sql = withTables(open);
      for (const value of ["x".repeat(2_000_001), new Uint8Array(2_000_001)])
        assert.throws(() => stored(sql, value), RangeError);
      assert.equal(stored(sql, "x".repeat(2_000_000)), "x".repeat(2_000_000));
      assert.equal(bytesOf(stored(sql, new Uint8Array(2_000_000))).length, 2_000_000);
    },
  },
];

const transactionCases: readonly ContractCase<OpenSql>[] = [
  {
    name: "atomicity: a transaction that throws undoes all, and throws the same",
    run(open) {
      const sql = withTables(open);
      addNumber(sql, 1);
      const error = new Error("no power");
      const undone = () =>
        sql.transaction(() => {
          addNumber(sql, 2);
          sql.exec("delete from number where n = 1");
          sql.exec("create table later (n)");
          sql.exec("insert into later values (1)");
          throw error;
        });
      assert.throws(undone, (thrown) => thrown === error);
      assert.deepEqual(numbers(sql), [1]);
      assert.throws(() => sql.exec("select * from later"));
    },
  },
  {
    name: "atomicity: a transaction gives back what it returns, and sees its own writes",
    run(open) {
      const sql = withTables(open);
      const seen = sql.transaction(() => {
        addNumber(sql, 1);
        return numbers(sql);
      });
      assert.deepEqual([seen, numbers(sql)], [[1], [1]]);
    },
  },
  {
    name: "atomicity: a failed statement that is caught undoes itself and nothing else",
    run(open) {
      const sql = withTables(open);
      sql.transaction(() => {
        addNumber(sql, 1);
        assert.throws(() => sql.exec("insert into number values (2), (1)"));
        addNumber(sql, 3);
      });
      assert.deepEqual(numbers(sql), [1, 3]);
    },
  },
  {
    name: "atomicity: an inner transaction that throws undoes its own, if the outer one catches",
    run(open) {
      const sql = withTables(open);
      sql.transaction(() => {
        addNumber(sql, 1);
        undo(sql, () => addNumber(sql, 2));
        sql.transaction(() => addNumber(sql, 3));
      });
      assert.deepEqual(numbers(sql), [1, 3]);
    },
  },
  {
    name: "atomicity: an outer transaction that throws undoes the inner ones that did not",
    *run(open) {
      const sql = withTables(open);
      undo(sql, () => sql.transaction(() => sql.transaction(() => addNumber(sql, 1))));
      assert.deepEqual(numbers(sql), []);
      sql.transaction(() => addNumber(sql, 2));
      yield RESTART;
      assert.deepEqual(numbers(open()), [2]);
    },
  },
  {
    name: "durability: what was written is there after a restart, and what was undone is not",
    *run(open) {
      const sql = withTables(open);
      addNumber(sql, 1);
      sql.transaction(() => addNumber(sql, 2));
      undo(sql, () => addNumber(sql, 3));
      yield RESTART;
      addNumber(open(), 4);
      yield RESTART;
      assert.deepEqual(numbers(open()), [1, 2, 4]);
    },
  },
];

const FIRST = "create table a (n integer); insert into a values (1);";
const SECOND = "insert into a values (2)";
const inOrder = (sql: Sql): unknown[] =>
  sql.exec("select n from a order by rowid").map((r) => r["n"]);

const migrateCases: readonly ContractCase<OpenSql>[] = [
  {
    name: "migrate() applies each version once, in order, also over restarts",
    *run(open) {
      migrate(open(), [FIRST]);
      migrate(open(), [FIRST]);
      yield RESTART;
      migrate(open(), [FIRST, SECOND, "insert into a values (3)"]);
      yield RESTART;
      migrate(open(), [FIRST, SECOND, "insert into a values (3)"]);
      assert.deepEqual(inOrder(open()), [1, 2, 3]);
    },
  },
  {
    name: "migrate() leaves nothing of a version that fails, and all of those before it",
    *run(open) {
      const failing = `${SECOND}; create table b (n); insert into nowhere values (1)`;
      assert.throws(() => migrate(open(), [FIRST, failing]));
      assert.deepEqual(inOrder(open()), [1]);
      yield RESTART;
      migrate(open(), [FIRST, `${SECOND}; create table b (n)`]);
      assert.deepEqual([inOrder(open()), open().exec("select * from b")], [[1, 2], []]);
    },
  },
];

export const sqlCases: readonly ContractCase<OpenSql>[] = [
  ...rowCases,
  ...transactionCases,
  ...migrateCases,
];
