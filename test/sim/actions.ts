// What does a step do to the world? One function an action.

import type { SimClock } from "./clock.ts";
import { SimDisk } from "./disk.ts";
import { EdgeNode } from "./edge-node.ts";
import { Violation } from "./checks/checker.ts";
import { contentOf, sendHostile } from "./hostile.ts";
import { countLeg, NO_LEGS, type Legs } from "./legs.ts";
import type { Action } from "./plan.ts";
import type { Prng } from "./prng.ts";
import type { EdgeCopy, World } from "./world.ts";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
/** Exchanges without a fault that one step may hold. */
const CALM_EXCHANGES_MAX = 4;

type Act = (world: World, rng: Prng) => void;

/** Does a step. */
export function act(action: Action, world: World, rng: Prng): void {
  ACTS[action](world, rng);
}

function anyEdge(world: World, rng: Prng): EdgeNode {
  return rng.pick(world.edges);
}

function wake(world: World, rng: Prng, node: EdgeNode, isHeartbeat: boolean): void {
  if (node.awaited === null) world.turn(node, rng, () => node.wake(isHeartbeat));
}

/** Exchanges of one edge that nothing disturbs. */
export function exchangeCalmly(world: World, rng: Prng, node: EdgeNode, most: number): Legs {
  let legs = NO_LEGS;
  wake(world, rng, node, true);
  while (node.awaited !== null && legs.exchanges < most) {
    const request = world.network.takeNewest(node.number, "request");
    if (request === null) break;
    world.deliver(request, rng);
    const answer = world.network.takeNewest(node.number, "answer");
    if (answer === null) break;
    const before = node.toldGroups;
    world.deliver(answer, rng);
    const { isApplied, groups } = world.lastLeg;
    legs = countLeg(legs, { isApplied, groups: groups + node.toldGroups - before });
    // A life that ended goes on at once.
    if (node.awaited === null && !node.isAtRest) wake(world, rng, node, true);
  }
  return legs;
}

function jump(world: World, clock: SimClock, rng: Prng, mostMs: number): void {
  clock.jump(world.now(), Math.round((rng.unit() * 2 - 1) * mostMs));
}

function copyOf({ disk, shadow, replica }: EdgeNode): EdgeCopy {
  return { image: disk.image(), shadow: shadow.copy(), record: replica.record };
}

function restoreEdge(world: World, rng: Prng): void {
  const node = anyEdge(world, rng);
  const copy = world.copies.get(node.number);
  if (copy === undefined || rng.chance(0.4)) {
    world.copies.set(node.number, copyOf(node));
    world.trace.note(`e${node.number} is copied`);
    return;
  }
  world.trace.note(`e${node.number} is restored from its copy`);
  world.taintCopy(node, copy);
  node.disk = new SimDisk(copy.image);
  node.shadow = copy.shadow.copy();
  node.reopen();
  world.tell((checker) => checker.onReopened?.(world, node, false));
}

function restoreHub(world: World, rng: Prng): void {
  const { hub } = world;
  if (world.hubCopy === null || rng.chance(0.4)) {
    world.hubCopy = { image: hub.disk.image(), shadow: hub.shadow.copy() };
    world.trace.note("hub is copied");
    return;
  }
  world.trace.note("hub is restored from its copy");
  world.taint.hubRestored = true;
  hub.disk = new SimDisk(world.hubCopy.image);
  hub.shadow = world.hubCopy.shadow.copy();
  hub.applied = new WeakSet();
  hub.reopen();
  world.tell((checker) => checker.onReopened?.(world, hub, false));
}

function cloneEdge(world: World, rng: Prng): void {
  const node = anyEdge(world, rng);
  if (world.edges.length >= 7) return;
  world.trace.note(`e${node.number} is cloned as e${world.edges.length}`);
  const copy = copyOf(node);
  world.taintCopy(node, copy);
  const name = node.replicaId.slice(0, node.replicaId.indexOf("/"));
  const clone = new EdgeNode(world, world.edges.length, name, new SimDisk(copy.image));
  clone.shadow = copy.shadow;
  clone.versions = node.versions;
  clone.reopen();
  world.edges.push(clone);
}

function partition(world: World, rng: Prng): void {
  const { cutUp, cutDown } = world.network;
  const number = anyEdge(world, rng).number;
  const kind = rng.pick(["up", "down", "both", "all", "heal", "heal"]);
  const numbers = kind === "all" ? world.edges.map((node) => node.number) : [number];
  for (const cut of numbers) {
    if (kind !== "down" && kind !== "heal") cutUp.add(cut);
    if (kind !== "up" && kind !== "heal") cutDown.add(cut);
    if (kind === "heal") {
      cutUp.delete(cut);
      cutDown.delete(cut);
    }
  }
  world.trace.note(`partition: ${kind} of ${numbers.join()}`);
}

function driftClock(world: World, rng: Prng): void {
  const { clock, number } = anyEdge(world, rng);
  if (rng.chance(0.3)) clock.freeze(world.now());
  else clock.run(world.now(), rng.pick([0, 0.1, -0.1, 2]));
  world.trace.note(`the clock of e${number} runs otherwise`);
}

function jumpClock(world: World, rng: Prng): void {
  const { clock, number } = anyEdge(world, rng);
  jump(world, clock, rng, rng.pick([90_000, HOUR_MS, YEAR_MS]));
  world.trace.note(`the clock of e${number} jumps`);
}

function armStop(world: World, rng: Prng): void {
  const disk = rng.chance(0.4) ? world.hub.disk : anyEdge(world, rng).disk;
  disk.armStop(rng.below(3));
  world.trace.note("a machine will stop in a turn");
}

function replay(world: World, rng: Prng): void {
  const old = world.network.old(rng);
  if (old === null || !world.network.isOpen(old)) return;
  world.trace.note("an old request comes again");
  const before = contentOf(world.hub);
  const isDone = world.hub.applied.has(old.bytes);
  world.deliverRequest(old, rng);
  if (isDone && contentOf(world.hub) !== before)
    throw new Violation("sync.replay-changes-nothing", "An old request has changed the hub");
}

function timeout(world: World, rng: Prng): void {
  const node = anyEdge(world, rng);
  if (node.awaited === null) return;
  world.trace.note(`e${node.number} waits no longer`);
  world.turn(node, rng, () => node.fail());
}

function deliver(world: World, rng: Prng): void {
  const message = world.network.take(rng);
  if (message !== null) world.deliver(message, rng);
}

function losePosition(world: World, rng: Prng): void {
  const node = anyEdge(world, rng);
  const { link, sent, isPulling } = node.replica.record;
  // What is under way would be said by another life, too.
  if (node.awaited !== null || link === 0 || sent !== null || isPulling) return;
  world.trace.note(`e${node.number} loses where it stands`);
  world.turn(node, rng, () => node.losePosition());
}

function exchange(world: World, rng: Prng): void {
  const node = anyEdge(world, rng);
  if (node.awaited !== null) world.turn(node, rng, () => node.fail());
  exchangeCalmly(world, rng, node, rng.between(1, CALM_EXCHANGES_MAX));
}

const nothing: Act = () => undefined;

const ACTS: Readonly<Record<Action, Act>> = {
  write: (world, rng) => world.writeAt(anyEdge(world, rng), rng),
  "hub-write": (world, rng) => world.writeAtHub(rng),
  wake: (world, rng) => wake(world, rng, anyEdge(world, rng), rng.chance(0.5)),
  deliver,
  exchange,
  pause: (world, rng) => world.pass(Math.round(world.plan.pauseMsMax * rng.unit() ** 3)),
  "check-rebuild": (world) => world.tell((checker) => checker.onStep?.(world)),
  drop: (world, rng) => void world.network.drop(rng),
  duplicate: (world, rng) => void world.network.duplicate(rng),
  reorder: nothing,
  partition,
  timeout,
  "crash-edge": (world, rng) => world.crashEdge(anyEdge(world, rng), rng),
  "crash-hub": (world) => world.restartHub(),
  "crash-in-turn": armStop,
  "torn-row": nothing,
  "restore-edge": restoreEdge,
  "restore-hub": restoreHub,
  "clone-edge": cloneEdge,
  "clock-jump": jumpClock,
  "clock-drift": driftClock,
  "hub-clock": (world, rng) => jump(world, world.hub.clock, rng, 20_000),
  expiry: nothing,
  "old-hub": (world) => world.upgradeHub(),
  "old-version": (world, rng) => {
    if (rng.chance(0.3)) world.downgradeHubVersions();
  },
  hostile: sendHostile,
  replay,
  "lose-position": losePosition,
};
