// Does everything come to rest once the faults stop? Heals the world, lets every link speak until it
// has nothing to say, and then looks that nobody says anything any more.

import type { Collection } from "../../sync/replica/kind.ts";
import { exchangeCalmly } from "./actions.ts";
import { Violation } from "./checks/checker.ts";
import { canonical } from "./checks/canonical.ts";
import { contentOf } from "./hostile.ts";
import { Prng } from "./prng.ts";
import type { World } from "./world.ts";

/** Rounds of heartbeats in which everybody has heard of everything, and of that. */
const ROUNDS_MAX = 6;
/** Exchanges of a link beside those that carry entries, and those that the hub refused (P3). */
const EXCHANGES_BESIDE = 2;
/**
 * Refusals on the way to rest: of a version, keys, a position, a life and a clock, one after another;
 * and of what looks held back, on which a replica from a copied disk insists.
 */
const REFUSALS_MAX = 8;
/** About the least that a full frame holds of a backlog's bytes; the simulator makes frames small. */
const FRAME_BYTES_LEAST = 400;
/** Superseded lives are waited for an hour. */
const PAUSE_MS = 1_500_000;
const EXPIRY_ROUNDS = 5;

/** Heals everything and brings the world to rest. */
export function comeToRest(world: World, round: number): void {
  const rng = new Prng(world.plan.seed, 5, round);
  heal(world, rng);
  const shown: string[] = [];
  for (let i = 0; i < ROUNDS_MAX; i += 1) {
    for (const node of world.edges) speakToRest(world, rng, node.number);
    world.pass(Math.min(PAUSE_MS, world.plan.leaseMs / 4));
    shown.push(stateOf(world));
    if (i > 0 && shown.at(-1) === shown.at(-2)) break;
  }
  if (shown.at(-1) !== shown.at(-2))
    throw new Violation("sync.rests", `Something still changes after ${ROUNDS_MAX} rounds`);
  expireOldLives(world, rng);
  world.trace.note("everything is at rest");
  world.tell((checker) => checker.onStep?.(world));
  world.tell((checker) => checker.onRest?.(world));
}

/** Lives that have ended hold back what can be forgotten, for a while; then nobody sees it go. */
function expireOldLives(world: World, rng: Prng): void {
  const before = world.hub.release.collections.map(({ id }) => shownOf(world, id));
  const isCrowded = world.hub.replica.links().length > world.edges.length;
  for (let i = 0; i < (isCrowded ? EXPIRY_ROUNDS : 2); i += 1) {
    world.pass(Math.min(PAUSE_MS, world.plan.leaseMs / 4));
    for (const node of world.edges) speakToRest(world, rng, node.number);
  }
  const after = world.hub.release.collections.map(({ id }) => shownOf(world, id));
  if (canonical(after) !== canonical(before))
    throw new Violation("sync.gc-invisible", "What is forgotten at rest changes what is shown");
}

function shownOf(world: World, id: number): string {
  const collection = world.hub.release.collections.find((other) => other.id === id);
  if (collection === undefined) return "";
  const replicas = [world.hub.replica, ...world.edges.map(({ replica }) => replica)];
  return canonical(replicas.map((replica) => replica.readAll(collection as Collection<never>)));
}

function heal(world: World, rng: Prng): void {
  world.network.heal();
  world.upgradeHub();
  world.hub.disk.sync();
  world.hub.clock.correct(0);
  for (const node of world.edges) {
    node.sync();
    node.clock.correct(rng.between(-500, 500));
    if (node.awaited !== null) world.turn(node, rng, () => node.fail());
  }
  world.trace.note("the world heals");
}

/** Lets one link speak until it is at rest. */
function speakToRest(world: World, rng: Prng, number: number): void {
  const node = world.edges[number];
  if (node === undefined) return;
  const backlog = backlogOf(world, number);
  const frames = Math.ceil(backlog / FRAME_BYTES_LEAST);
  const most = frames + EXCHANGES_BESIDE + REFUSALS_MAX;
  const { exchanges, carrying, refused } = exchangeCalmly(world, rng, node, most);
  const isIdle = exchanges > carrying + EXCHANGES_BESIDE + refused || refused > REFUSALS_MAX;
  if (node.isAtRest && !isIdle) return;
  const found = `${exchanges} exchanges, of which ${carrying} carry entries and ${refused} are refused`;
  throw new Violation("sync.rests", `e${number} is ${isIdle ? "late" : "not"} at rest: ${found}`);
}

/** Bytes that may have to cross the link, both ways, twice. */
function backlogOf(world: World, number: number): number {
  const node = world.edges[number];
  const up = node?.disk.image() ?? { pages: new Map(), rows: [] };
  const down = world.hub.disk.image();
  return [up, down]
    .flatMap(({ pages, rows }) => [...pages.values(), ...rows])
    .reduce((sum, { length }) => sum + length, 0);
}

function stateOf(world: World): string {
  const edges = world.edges.map(({ replica }) => [
    replica.record.cursor.seq,
    replica.record.ack.seq,
    replica.head,
  ]);
  return canonical([contentOf(world.hub), edges]);
}
