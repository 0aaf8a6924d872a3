// Does a hub seal while nothing else is to be done, and let commits in while it has to?

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../edge/limits.ts";
import { Sealing } from "../../../edge/sealing.ts";

/** A hub whose sealing takes ten slices; its clock runs while sealing waits, or as it is told. */
class World {
  nowMs = 1_000;
  pressure = 0;
  isDue = true;
  isBroken = false;
  /** Readings of a step, and milliseconds that it takes. */
  step: readonly [readings: number, ms: number] = [limits.sliceReadings, 0];
  /** What happens at each wait. */
  onWait: (waits: number) => void = () => undefined;
  readonly events: string[] = [];
  readonly waits: number[] = [];
  readonly sealing: Sealing;

  constructor() {
    this.sealing = new Sealing(
      {
        isSealDue: () => this.isDue,
        sealPressure: () => this.pressure,
        seal: () => this.#steps(10),
        retain: () => this.#steps(0),
      },
      {
        now: () => this.nowMs,
        wait: async (ms) => {
          this.nowMs += ms;
          this.waits.push(ms);
          this.events.push("wait");
          this.onWait(this.waits.length);
        },
        failed: (error) => this.events.push(String(error)),
      },
    );
  }

  get slices(): number {
    return this.events.filter((event) => event === "slice").length;
  }

  *#steps(count: number): Iterable<number> {
    for (let at = 0; at < count; at += 1) {
      if (this.isBroken) throw new Error("The disk is full");
      this.events.push("slice");
      this.nowMs += this.step[1];
      yield this.step[0];
    }
  }
}

test("a quiet hub seals what is due, a slice a turn", async () => {
  const world = new World();
  await world.sealing.run();
  assert.equal(world.slices, 10);
  assert.deepEqual(world.events.slice(0, 4), ["wait", "slice", "wait", "slice"]);
  assert.ok(world.waits.every((ms) => ms === 1));
});

test("a slice ends after its time, however few readings it has", async () => {
  const world = new World();
  world.step = [1, limits.sliceMs / 2];
  await world.sealing.run();
  assert.equal(world.slices, 10);
  assert.deepEqual(world.events.slice(0, 4), ["wait", "slice", "slice", "wait"]);
});

test("other work between two slices holds sealing up before it becomes a commit", async () => {
  const world = new World();
  world.onWait = (waits) => {
    if (waits === 3) world.nowMs += limits.sealBusyMs;
  };
  await world.sealing.run();
  assert.equal(world.slices, 10);
  assert.equal(world.waits[3], limits.sealQuietMs);
});

test("nothing is sealed that is not due, and once at a time", async () => {
  const world = new World();
  world.isDue = false;
  await world.sealing.run();
  assert.equal(world.slices, 0);
  world.isDue = true;
  await Promise.all([world.sealing.run(), world.sealing.run()]);
  assert.equal(world.slices, 10);
});

test("while commits come nothing is sealed; once they end, all is", async () => {
  const world = new World();
  world.onWait = (waits) => {
    if (waits <= 50) world.sealing.commitCame();
    else if (waits === 51) assert.equal(world.slices, 0);
  };
  await world.sealing.run();
  assert.equal(world.slices, 10);
  assert.ok(world.nowMs >= 1_000 + 49 * limits.sealQuietMs);
});

test("a commit in the middle of sealing holds it up for a moment", async () => {
  const world = new World();
  world.onWait = (waits) => {
    if (waits === 4) world.sealing.commitCame();
  };
  await world.sealing.run();
  assert.equal(world.slices, 10);
  assert.ok(world.waits.includes(limits.sealQuietMs));
});

test("where too much waits, slices go between commits, with shorter pauses and then in longer blocks", async () => {
  for (const [pressure, pauseMs, pauses] of [
    [0.01, limits.sealPauseMs, 11],
    [0.5, limits.sealPauseMs / 2, 11],
    [1, 0, 1 + Math.floor(10 / limits.sealSlicesMax)],
  ] as const) {
    const world = new World();
    world.pressure = pressure;
    world.onWait = () => world.sealing.commitCame();
    await world.sealing.run();
    assert.equal(world.slices, 10);
    assert.deepEqual(world.waits, Array(pauses).fill(pauseMs));
  }
});

test("a sealing that fails says so, and the next one is tried", async () => {
  const world = new World();
  world.isBroken = true;
  await world.sealing.run();
  assert.deepEqual(world.events, ["wait", "Error: The disk is full"]);
  world.isBroken = false;
  await world.sealing.run();
  assert.equal(world.slices, 10);
});

test("P8 a clock that is set back by an hour does not keep a hub from sealing", async () => {
  const world = new World();
  world.sealing.commitCame();
  world.nowMs -= 3_600_000;
  await world.sealing.run();
  assert.equal(world.slices, 10);
  assert.ok(world.waits.length < 100, `${world.waits.length} waits`);
});
