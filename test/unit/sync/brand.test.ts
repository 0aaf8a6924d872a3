// Which texts may name a device, a stream and a replica? Tables of what is in and what is out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDeviceId, parseReplicaId, parseStreamName } from "../../../sync/brand.ts";

const CASES: readonly (readonly [(text: string) => unknown, string[], string[]])[] = [
  [
    parseDeviceId,
    ["a", "A.b_c-9", "...", "-", "0".repeat(64), "__proto__", "constructor"],
    ["", ".", "..", "a b", "a/b", "ä", "a\n", "a\0", "0".repeat(65), "a%2e"],
  ],
  [
    parseStreamName,
    ["a", "depth_m", "a0_", "constructor", "a".repeat(64)],
    ["", "_a", "0a", "A", "a-b", "a.b", "a\n", "ä", "__proto__", "a".repeat(65)],
  ],
  [
    parseReplicaId,
    ["hel/00-ff", "a/b", `${"a".repeat(32)}/${"b".repeat(32)}`],
    [
      "",
      "hel",
      "hel/",
      "/00-ff",
      "hel/00/ff",
      "Hel/00-ff",
      "hel/00_ff",
      `${"a".repeat(33)}/b`,
      "a/b\n",
    ],
  ],
];

for (const [parse, good, bad] of CASES) {
  test(`${parse.name}() takes what is legal as it is`, () => {
    for (const text of good) assert.equal(parse(text), text);
  });
  test(`${parse.name}() refuses everything else`, () => {
    for (const text of bad) assert.equal(parse(text), null, JSON.stringify(text));
  });
}
