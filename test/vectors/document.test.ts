// Goal: docs/wire-format.md says what the code does. Method: its bounds against the constants, its
// example against the golden vectors, its outcomes and kinds against what is written.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import * as limits from "../../sync/limits.ts";
import { encodeDownFrame, type Outcome } from "../../sync/wire/down-frame.ts";
import { PROTOCOL_VERSION } from "../../sync/wire/frame.ts";
import { ALL_KINDS } from "../../tools/frame/kinds.ts";
import { readFile } from "../support/repository.ts";

const text = readFile("docs/wire-format.md");

/** Finds the bytes of an annotated dump: an offset, bytes, then words. */
function dumps(): string[] {
  return [...text.matchAll(/```text\n(.*?)```/gs)].map(([, dump = ""]) => {
    let hex = "";
    for (const line of dump.trim().split("\n")) {
      const [, offset = "", bytes = ""] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )+)/.exec(line) ?? [];
      assert.equal(parseInt(offset, 16), hex.length / 2, line);
      hex += bytes.replaceAll(" ", "");
    }
    return hex;
  });
}

test("the document is about the version that is spoken", () => {
  assert.ok(text.startsWith(`# Wire format, version ${PROTOCOL_VERSION}\n`));
});

test("every bound is in the document, as the constant says", () => {
  const documented = [...text.matchAll(/^\| `([A-Z_]+)` +\| ([\d,]+) +\|/gm)].map(
    ([, name = "", value = ""]) => [name, Number(value.replaceAll(",", ""))],
  );
  assert.deepEqual(Object.fromEntries(documented), { ...limits });
});

test("the worked example is the golden vector, byte by byte", () => {
  const json = readFileSync(path.join(import.meta.dirname, "wire/exchanges.json"), "utf8");
  const vectors = JSON.parse(json) as readonly {
    readonly name: string;
    readonly frame: string;
    readonly reply: string;
  }[];
  const example = vectors.find(({ name }) => name === "the worked example");
  assert.deepEqual(dumps(), [example?.frame, example?.reply]);
});

test("every outcome has the code that is written", () => {
  const documented = [...text.matchAll(/^\| `([a-z-]+)` +\| (\d) +\|/gm)];
  assert.equal(documented.length, 7);
  for (const [, outcome, code] of documented) {
    const frame = encodeDownFrame({
      outcome: outcome as Outcome,
      link: 0,
      at: { seq: 0, digest: 0 },
      hubNowMs: 0,
      state: null,
    });
    assert.equal(frame[4], Number(code), outcome);
  }
});

test("every kind is in the document", () => {
  const documented = [...text.matchAll(/^\| (\d+(?:, \d+)*) +\| /gm)].flatMap(([, codes = ""]) =>
    codes.split(", ").map(Number),
  );
  assert.deepEqual(
    documented,
    ALL_KINDS.map(({ code }) => code),
  );
});
