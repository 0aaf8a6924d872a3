// What does the hub's end of a link make of an up-frame? Fresh, known, behind, a gap, another log.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReplicaId } from "../../../../sync/brand.ts";
import { receive, type HeldLog } from "../../../../sync/link/hub.ts";
import { crc32c } from "../../../../sync/wire/crc32c.ts";
import { decodeDownFrame, type UpFrame } from "../../../../sync/wire/frame.ts";

const REPLICA = parseReplicaId("hel/00-ff");
assert.ok(REPLICA !== null);

/** A frame with the entries after `from` up to `to`; entry n is stamped 1000 + n, and its body is n. */
function frame(from: number, to: number, floor = 1, head = 20): UpFrame {
  assert.ok(REPLICA !== null);
  const entries = Array.from({ length: to - from }, (_, i) => ({
    seq: from + i + 1,
    stampMs: 1001 + from + i,
    body: Uint8Array.of(from + i + 1),
  }));
  return {
    replica: REPLICA,
    replicaEpoch: 7,
    floor,
    head,
    sentMs: 5,
    interval: { from, to, entries },
  };
}
const heldTo = (cursor: number): HeldLog => ({
  cursor,
  lastStampMs: cursor === 0 ? 0 : 1000 + cursor,
  lastCrc: cursor === 0 ? 0 : crc32c(Uint8Array.of(cursor)),
});

type Gap = { readonly from: number; readonly to: number } | null;
const CASES: readonly (readonly [string, number, UpFrame, string, number[], number, Gap])[] = [
  ["the first entries", 0, frame(0, 2), "applied", [1, 2], 2, null],
  ["the next entries", 2, frame(2, 4), "applied", [3, 4], 4, null],
  ["entries of which some are held", 2, frame(0, 4), "applied", [3, 4], 4, null],
  ["entries that are held", 4, frame(0, 4), "applied", [], 4, null],
  ["entries long held", 9, frame(0, 4), "applied", [], 9, null],
  ["a frame without entries", 4, frame(4, 4), "applied", [], 4, null],
  ["a heartbeat of a replica that is ahead", 2, frame(4, 4), "behind", [], 2, null],
  ["a heartbeat of a replica of which nothing is held", 0, frame(4, 4), "behind", [], 0, null],
  ["a heartbeat of a replica that is behind", 6, frame(4, 4), "applied", [], 6, null],
  [
    "a heartbeat of a replica that no longer holds what is missing",
    2,
    frame(4, 4, 5, 4),
    "applied",
    [],
    4,
    { from: 3, to: 4 },
  ],
  ["entries that begin too late", 2, frame(4, 6), "behind", [], 2, null],
  ["entries that begin too late, nothing held", 0, frame(4, 6), "behind", [], 0, null],
  ["what follows lost entries", 2, frame(5, 7, 6), "applied", [6, 7], 7, { from: 3, to: 5 }],
  [
    "what follows lost entries, nothing held",
    0,
    frame(5, 7, 6),
    "applied",
    [6, 7],
    7,
    { from: 1, to: 5 },
  ],
  ["a floor at the next entry", 5, frame(5, 7, 6), "applied", [6, 7], 7, null],
  ["entries behind a floor that is not their start", 2, frame(6, 8, 6), "behind", [], 2, null],
];

for (const [what, cursor, up, outcome, fresh, to, gap] of CASES)
  test(`receive() of ${what}: ${outcome}`, () => {
    const reception = receive(heldTo(cursor), up, 99);
    assert.deepEqual(
      reception.fresh.map(({ seq }) => seq),
      fresh,
    );
    assert.deepEqual([reception.cursor, reception.gap], [to, gap]);
    assert.deepEqual(decodeDownFrame(reception.answer), {
      ok: true,
      value: { outcome, replicaEpoch: 7, cursor: to, hubNowMs: 99 },
    });
  });

for (const [which, other] of [
  ["another stamp", { lastStampMs: 999 }],
  ["another body under the same stamp", { lastCrc: crc32c(Uint8Array.of(99)) }],
] as const)
  for (const [what, up] of [
    ["and more behind it", frame(2, 9)],
    ["at its end", frame(2, 4)],
  ] as const)
    test(`receive() of ${which} at the cursor, ${what}, is diverged and stores nothing`, () => {
      const reception = receive({ ...heldTo(4), ...other }, up, 99);
      assert.deepEqual([reception.fresh, reception.cursor, reception.gap], [[], 4, null]);
      const answer = decodeDownFrame(reception.answer);
      assert.deepEqual(answer.ok ? [answer.value.outcome, answer.value.cursor] : null, [
        "diverged",
        4,
      ]);
    });
