// Goal: wherever sealing is stopped, and whatever is committed or restarted in between, a hub holds
// each reading that it took, under the stamp and with the value that win, and knows of its devices
// what one that never seals knows (P1, P2).
// Method: random commits that overlap, repeat and contradict each other, over a store that is sealed
// in part, sealed whole, stamped anew or opened again at random, beside a plain join.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ingest } from "../../edge/ingest.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import type { HubStore } from "../../edge/ports.ts";
import { bottom, join, type Reading, type ReadingSet } from "../../sync/crdt/reading-set.ts";
import { decodeBatches } from "../../sync/wire/batch.ts";
import { deviceId } from "../support/arbitraries.ts";
import { commandOf } from "../support/commands.ts";
import { openNodeSql, type NodeSql } from "../support/node-sql.ts";

const DEVICES = ["boat-1", "boat-1-b", "boat.2"].map(deviceId);
const STREAMS = ["a", "b", "constructor"];
const START = 500_000 * 3_600_000;
const HOUR = 3_600_000;

/** What a case does, one after the other. */
type Step =
  | {
      readonly kind: "commit";
      readonly device: number;
      readonly from: number;
      readonly step: number;
      readonly values: readonly (readonly [stream: number, value: number | boolean])[];
    }
  | { readonly kind: "seal"; readonly steps: number }
  | { readonly kind: "restart" }
  | { readonly kind: "restamp"; readonly back: number };

const commit: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("commit" as const),
  device: fc.nat(DEVICES.length - 1),
  from: fc.integer({ min: 0, max: 40 }),
  step: fc.constantFrom(1, 2, 30),
  values: fc.array(
    fc.tuple(
      fc.nat(STREAMS.length - 1),
      fc.oneof(
        fc.integer({ min: 0, max: 3 }),
        fc.boolean(),
        fc.double({ noNaN: true, min: -5, max: 5 }),
      ),
    ),
    { minLength: 1, maxLength: 12 },
  ),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: commit },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("seal" as const),
        steps: fc.constantFrom(1, 2, 5, 1e9),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "restart" } as const) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("restamp" as const),
        back: fc.integer({ min: 1, max: 4 }),
      }),
    },
  ),
  { maxLength: 30 },
);

function bodyOf({ from, step, values }: Extract<Step, { kind: "commit" }>): unknown {
  return values.map(([stream, value], at) => ({
    stream: STREAMS[stream],
    value,
    // Ten minutes a step: a commit may span hours.
    time: START + (from + at * step) * 600_000,
  }));
}

/** What a store holds of a stream, joined from all that it says. */
function heldBy(store: HubStore, device: (typeof DEVICES)[number], stream: string): ReadingSet {
  let set: ReadingSet = bottom;
  for (const held of store.held(device, [[0, START + 1_000 * HOUR]], Infinity)) {
    if (held.stream !== stream) continue;
    const slice = Array.from(held.times, (timeMs, at): Reading => ({
      timeMs,
      stampMs: held.stampOf(at),
      kind: held.kind,
      value: held.values[at] ?? 0,
      isContested: false,
    }));
    set = join(set, slice);
  }
  return set.map((reading) => ({ ...reading, isContested: false }));
}

/** What the entries of a store say, joined. */
function expectedOf(store: HubStore, device: string, stream: string): ReadingSet {
  let set: ReadingSet = bottom;
  for (const { stampMs, body } of store.entriesAfter(0, Infinity, 10_000)) {
    const decoded = decodeBatches(body);
    assert.ok(decoded.ok);
    for (const batch of decoded.value.filter((each) => each.device === device))
      for (const { kind, rows, values } of batch.columns.filter((each) => each.stream === stream)) {
        const slice = rows.map((row, at): Reading => ({
          timeMs: batch.times[row] ?? 0,
          stampMs,
          kind,
          value: values[at] ?? 0,
          isContested: false,
        }));
        set = join(set, slice);
      }
  }
  return set.map((reading) => ({ ...reading, isContested: false }));
}

function assertHeld(store: HubStore): void {
  for (const device of DEVICES)
    for (const stream of STREAMS)
      assert.deepEqual(heldBy(store, device, stream), expectedOf(store, device, stream));
}

/** A hub that takes the steps; a plain one but for sealing and restarts. */
class World {
  readonly sql: NodeSql = openNodeSql();
  store: SqlHubStore = new SqlHubStore(this.sql, 1);
  nowMs = START + 100 * HOUR;

  run(step: Step, isPlain: boolean): unknown {
    this.nowMs += 1;
    if (step.kind === "commit") {
      const device = DEVICES[step.device] ?? DEVICES[0] ?? deviceId("x");
      const outcome = ingest(
        commandOf(bodyOf(step), { device, key: null }),
        this.store,
        this.nowMs,
      );
      // Every third commit is written with the next one.
      if (this.nowMs % 3 !== 0) this.store.write();
      return outcome;
    }
    // Sealing writes what is staged: here too, or the two would group their commits otherwise.
    this.store.write();
    if (step.kind === "restamp") this.#restamp(step.back);
    else if (!isPlain) this.#disturb(step);
    return null;
  }

  /** The last entries get stamps a little lower, above what was before them. */
  #restamp(back: number): void {
    const { head } = this.store.extent();
    const entries = this.store.entriesAfter(Math.max(0, head - back), Infinity, 100);
    const [before] = this.store.entriesAfter(Math.max(0, head - back - 1), 0, 1);
    const floorMs = (before?.seq ?? 0) === head - back ? (before?.stampMs ?? 0) : 0;
    this.store.transaction(() =>
      this.store.restamp(
        entries.map(({ seq, stampMs }) => ({
          seq,
          stampMs: Math.max(floorMs, stampMs - 2),
          change: (batch) => batch,
        })),
      ),
    );
  }

  #disturb(step: Step): void {
    if (step.kind === "seal") {
      let left = step.steps;
      for (const _ of this.store.seal()) if ((left -= 1) <= 0) break;
    }
    if (step.kind !== "restart") return;
    this.store = new SqlHubStore(this.sql, 1);
  }

  states(): unknown[] {
    return DEVICES.map((device) => this.store.loadDevice(device));
  }
}

test("P1 P2 a hub that seals, stops and starts over holds and knows what one that does not does", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const [disturbed, plain] = [new World(), new World()];
      for (const step of all) {
        assert.deepEqual(disturbed.run(step, false), plain.run(step, true));
        assertHeldWithStaged(disturbed.store, plain.store);
      }
      for (const { store } of [disturbed, plain]) store.write();
      assertHeld(disturbed.store);
      assert.deepEqual(disturbed.states(), plain.states());
      for (const _ of disturbed.store.seal());
      assertHeld(disturbed.store);
      disturbed.store = new SqlHubStore(disturbed.sql, 1);
      assertHeld(disturbed.store);
      assert.deepEqual(disturbed.states(), plain.states());
      assert.equal(disturbed.store.damaged(), 0);
    }),
    { numRuns: 200 },
  );
});

function assertHeldWithStaged(left: HubStore, right: HubStore): void {
  for (const device of DEVICES)
    for (const stream of STREAMS)
      assert.deepEqual(heldBy(left, device, stream), heldBy(right, device, stream));
}
