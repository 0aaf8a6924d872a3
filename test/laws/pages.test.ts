// Goal: pages hold what was put into them, whatever of them is remembered from before.
// Method: random puts, drops and look-ups of items large enough for many pages, beside a sorted map,
// and beside pages over the same table that remember nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../edge/limits.ts";
import { pagesTable, SqlPages, type Edit, type Item } from "../../edge/platform/sql-pages.ts";
import { openNodeSql } from "../support/node-sql.ts";

const KEYS = 40;
const END = "~";

const key = fc.nat(KEYS - 1).map((number) => `k${String(number).padStart(2, "0")}`);
/** The largest fill a page alone; most need a few to fill one. */
const bytes = fc
  .tuple(fc.constantFrom(10, 9_000, 30_000, 70_000), fc.nat(255))
  .map(([length, fill]) => new Uint8Array(length).fill(fill));

type Step =
  | { readonly kind: "put"; readonly edits: readonly Edit[]; readonly mark: number }
  | { readonly kind: "look"; readonly key: string }
  | { readonly kind: "drop"; readonly below: string; readonly markMax: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, fc.option(bytes, { freq: 4 })), {
        minLength: 1,
        maxLength: 12,
        selector: ([name]) => name,
      }),
      fc.nat(9),
    )
    .map(([edits, mark]) => ({
      kind: "put" as const,
      edits: edits.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      mark,
    })),
  key.map((name) => ({ kind: "look" as const, key: name })),
  fc.tuple(key, fc.nat(9)).map(([below, markMax]) => ({ kind: "drop" as const, below, markMax })),
);

function sorted(held: ReadonlyMap<string, Uint8Array>): Item[] {
  return [...held].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

test("pages hold what was put into them, in order, found by key, floor and range", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 150, size: "max" }), (steps) => {
      const sql = openNodeSql();
      sql.exec(pagesTable("item"));
      const open = (): SqlPages => new SqlPages(sql, "item", (what) => assert.fail(what));
      const pages = open();
      const held = new Map<string, Uint8Array>();
      for (const each of steps) {
        if (each.kind === "put") {
          pages.put(each.edits, each.mark);
          for (const [name, value] of each.edits)
            if (value === null) held.delete(name);
            else held.set(name, value);
        } else if (each.kind === "drop") {
          const dropped = pages.dropFirst(each.below, each.markMax) ?? [];
          assert.deepEqual(dropped, sorted(held).slice(0, dropped.length));
          for (const [name] of dropped) held.delete(name);
        } else {
          const items = sorted(held);
          assert.deepEqual(pages.get(each.key), held.get(each.key) ?? null);
          assert.deepEqual(pages.seek(each.key), items.find(([name]) => name >= each.key) ?? null);
          assert.deepEqual(
            [...pages.range(each.key, END)],
            items.filter(([name]) => name >= each.key),
          );
          assert.deepEqual(pages.floor(each.key), open().floor(each.key));
        }
        assert.deepEqual([...pages.range("", END)], sorted(held));
        assert.equal(pages.count(), held.size);
      }
      assert.deepEqual([...open().range("", END)], sorted(held));
    }),
    // Shrinking takes minutes.
    { numRuns: 40, endOnFailure: true },
  );
});

test("a page that was read again after it lost its first item is remembered once", () => {
  const sql = openNodeSql();
  sql.exec(pagesTable("item"));
  const pages = new SqlPages(sql, "item", (what) => assert.fail(what));
  // Two to a page: a and b, c and d.
  const large = (fill: number): Uint8Array => new Uint8Array(limits.pageBytesMax * 0.4).fill(fill);
  const put = (...edits: Edit[]): void => pages.put(edits, 1);
  put(["a", large(1)], ["b", large(2)], ["c", large(3)], ["d", large(4)]);
  put(["c", null]);
  assert.equal(pages.get("c"), null);
  put(["a", null], ["b", null]);
  assert.equal(pages.get("a"), null);
  put(["b0", large(5)]);
  const names = [...pages.range("", END)].map(([name]) => name);
  assert.deepEqual(names, ["b0", "d"]);
});
