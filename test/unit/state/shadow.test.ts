// What is a shadow, and what does a patch do to it? Beside what RFC 7396 says.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { erase, write, type LwwRegister } from "../../../sync/crdt/lww-register.ts";
import {
  bytesOf,
  deltaOf,
  fieldsOf,
  planWrites,
  readPatch,
  refusalOfField,
  treeOf,
  type FieldValue,
} from "../../../state/shadow.ts";

const at = (wallMs: number) => ({ wallMs, logical: 0 });
const registers = (fields: Record<string, LwwRegister>) => new Map(Object.entries(fields));

/** Patches a tree by way of its fields. */
function patched(fields: Map<string, FieldValue>, patch: unknown): Map<string, FieldValue> {
  const read = readPatch(patch, "");
  assert.ok(read.ok);
  const after = new Map(fields);
  for (const [path, value] of planWrites(read.value, fields.keys()))
    if (value === null) after.delete(path);
    else after.set(path, value);
  return after;
}

/** RFC 7396 §2, as it stands there; without objects that hold nothing, which a shadow does not keep. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null) return patch;
  const result: Record<string, unknown> =
    typeof target === "object" && target !== null ? { ...target } : {};
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  return result;
}

function withoutEmpty(tree: unknown): unknown {
  if (typeof tree !== "object" || tree === null) return tree;
  const kept = Object.entries(tree)
    .map(([name, value]) => [name, withoutEmpty(value)] as const)
    .filter(([, value]) => !(typeof value === "object" && Object.keys(value ?? {}).length === 0));
  return Object.fromEntries(kept);
}

const name = fc.constantFrom("a", "b", "c");
const { tree } = fc.letrec((tie) => ({
  tree: fc.dictionary(
    name,
    fc.oneof(
      { depthSize: "small", maxDepth: 4 },
      fc.constantFrom(1, 2, "x", true, null),
      tie("tree"),
    ),
    { maxKeys: 3 },
  ),
}));

test("a patch of fields does what RFC 7396 does to the tree", () => {
  fc.assert(
    fc.property(fc.array(tree ?? fc.constant({}), { maxLength: 5 }), (patches) => {
      let fields = new Map<string, FieldValue>();
      let expected: unknown = {};
      for (const patch of patches) {
        fields = patched(fields, patch);
        expected = mergePatch(expected, patch);
        assert.deepEqual(
          JSON.parse(JSON.stringify(treeOf(fields))),
          JSON.parse(JSON.stringify(withoutEmpty(expected))),
        );
      }
    }),
  );
});

test("a field and one below it that were written at once have one winner, in any order", () => {
  const held = { mode: write("auto", at(1)), "mode.night": write(true, at(2)) };
  assert.deepEqual([...fieldsOf(registers(held))], [["mode.night", true]]);
  const turned = new Map([...registers(held)].toReversed());
  assert.deepEqual([...fieldsOf(turned)], [["mode.night", true]]);
  const later = { ...held, mode: write("off", at(3)) };
  assert.deepEqual([...fieldsOf(registers(later))], [["mode", "off"]]);
  const gone = { ...later, mode: erase(at(4)) };
  assert.deepEqual([...fieldsOf(registers(gone))], [["mode.night", true]]);
});

test("the delta is what is desired and not so", () => {
  const desired = new Map<string, FieldValue>([
    ["a", 1],
    ["b.c", "x"],
    ["d", false],
  ]);
  const reported = new Map<string, FieldValue>([
    ["a", 1],
    ["b.c", "y"],
    ["e", 5],
  ]);
  assert.deepEqual(
    [...deltaOf(desired, reported)],
    [
      ["b.c", "x"],
      ["d", false],
    ],
  );
});

test("P9 what is wrong in a patch is named by its place", () => {
  const cases: readonly (readonly [unknown, string, string])[] = [
    [7, "", "not-an-object"],
    [[], "", "not-an-object"],
    [null, "", "not-an-object"],
    [{ "a b": 1 }, "/a b", "field-name"],
    [{ "a.b": 1 }, "/a.b", "field-name"],
    [{ "": 1 }, "/", "field-name"],
    [{ a: [1] }, "/a", "value-type"],
    [{ a: { b: "x".repeat(257) } }, "/a/b", "value-text"],
    [{ a: "\ud800" }, "/a", "value-text"],
    [{ a: Number.POSITIVE_INFINITY }, "/a", "value-not-finite"],
    [{ a: { a: { a: { a: { a: { a: { a: 1 } } } } } } }, "/a/a/a/a/a/a/a", "too-deep"],
    [
      { ["a".repeat(64)]: { ["b".repeat(64)]: { ["c".repeat(40)]: 1 } } },
      `/${"a".repeat(64)}/${"b".repeat(64)}/${"c".repeat(40)}`,
      "path-too-long",
    ],
  ];
  for (const [patch, pointer, code] of cases) {
    const read = readPatch(patch, "");
    assert.ok(!read.ok, code);
    assert.deepEqual([read.error[0]?.pointer, read.error[0]?.code], [pointer, code]);
  }
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a b${i}`, 1]));
  const read = readPatch(many, "");
  assert.ok(!read.ok && read.error.length === 20);
});

test("a name that an object has of its own is a field like any other", () => {
  const patch: unknown = JSON.parse('{"__proto__":{"constructor":1},"toString":2}');
  const fields = patched(new Map(), patch);
  assert.equal(JSON.stringify(treeOf(fields)), '{"__proto__":{"constructor":1},"toString":2}');
  assert.equal(({} as Record<string, unknown>)["constructor"], Object);
});

test("what a region sends is a field within its bounds, or refused", () => {
  assert.equal(refusalOfField("a.b-c", write(1, at(1))), null);
  assert.equal(refusalOfField("a", erase(at(1))), null);
  for (const path of ["", "a..b", ".a", "a/b", "ä", "a".repeat(65), "a.a.a.a.a.a.a"])
    assert.equal(refusalOfField(path, write(1, at(1))), "not-a-field", path);
  for (const value of ["x".repeat(257), null, Number.NaN])
    assert.equal(refusalOfField("a", write(value, at(1))), "value-out-of-bounds");
});

test("bytes are those of paths and values in UTF-8", () => {
  assert.equal(bytesOf(new Map<string, FieldValue>([["ab", "ä€😀"]])), 2 + 2 + 2 + 3 + 4);
  assert.equal(
    bytesOf(
      new Map<string, FieldValue>([
        ["n", 10],
        ["b", true],
      ]),
    ),
    1 + 2 + 1 + 4,
  );
});
