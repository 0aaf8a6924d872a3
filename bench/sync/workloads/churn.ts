// W4: half of the members leave and come back, round by round, at three edges; and some are added at
// one edge while another removes them. An addition wins over a removal that had not seen it.

import { Draw } from "../draw.ts";
import { heapOf, snapshotBytes, type Figures, type Stage } from "../stage.ts";
import { HUB, type Op } from "../system.ts";
import { assertMembers } from "../verify.ts";
import { FLEET_EDGES, ROUND_MS, START_MS } from "./fleet.ts";

const EDGES = 3;

type Change = Extract<Op, { kind: "add" | "remove" }>;

/** What happens at each edge in a round, and which members are added while another edge removes them. */
interface Round {
  readonly ops: readonly Change[][];
  readonly contested: readonly string[];
}

/** Who belongs to the fleet, and what becomes of it next. */
class Churn {
  readonly ids: readonly string[];
  readonly members: Set<string>;
  readonly #draw = new Draw(4);
  #gone: readonly string[] = [];

  constructor(members: number) {
    this.ids = Array.from({ length: members }, (_, i) => `pump-${i}`);
    this.members = new Set(this.ids);
  }

  /** Half of all leave, or those that left come back; `share` others are contested. */
  next(fromMs: number, share: number): Round {
    const isLeaving = this.#gone.length === 0;
    const moving = isLeaving ? this.#some(this.ids, this.ids.length / 2) : this.#gone;
    const ops: Change[][] = Array.from({ length: EDGES }, () => []);
    const kind = isLeaving ? "remove" : "add";
    for (const id of moving)
      ops[this.#draw.below(EDGES)]?.push({ kind, atMs: this.#moment(fromMs), id });
    const taken = new Set(moving);
    const others = [...this.members].filter((id) => !taken.has(id));
    const contested = this.#some(others, share);
    for (const id of contested) this.#contest(ops, id, fromMs);
    for (const id of moving)
      if (isLeaving) this.members.delete(id);
      else this.members.add(id);
    this.#gone = isLeaving ? moving : [];
    return { ops: ops.map((own) => own.toSorted((a, b) => a.atMs - b.atMs)), contested };
  }

  /** One edge removes a member; at another it leaves and comes back, which the first does not see. */
  #contest(ops: readonly Change[][], id: string, fromMs: number): void {
    const remover = this.#draw.below(EDGES);
    const adder = (remover + 1 + this.#draw.below(EDGES - 1)) % EDGES;
    const [first = 0, second = 0] = this.#draw.moments(2, fromMs, ROUND_MS);
    ops[remover]?.push({ kind: "remove", atMs: this.#moment(fromMs), id });
    ops[adder]?.push({ kind: "remove", atMs: first, id }, { kind: "add", atMs: second, id });
  }

  #some(ids: readonly string[], count: number): string[] {
    return this.#draw.distinct(count, ids.length).map((at) => ids[at] ?? "");
  }

  #moment(fromMs: number): number {
    return fromMs + this.#draw.below(ROUND_MS);
  }
}

export async function runChurn(stage: Stage): Promise<Figures> {
  const { sizes } = stage;
  const churn = new Churn(sizes.members);
  const heap = heapOf();
  await stage.open(FLEET_EDGES.slice(0, EDGES));
  const { system } = stage;
  const all = churn.ids.map((id): Op => ({ kind: "add", atMs: START_MS, id }));
  system.write(HUB, all);
  await settle(stage, START_MS);
  const startBytes = snapshotBytes(system);
  let kept = 0;
  for (let round = 0; round < sizes.churnRounds; round += 1) {
    kept += await runRound(stage, churn, round);
    stage.tick(`round ${round + 1} of ${sizes.churnRounds}`);
  }
  await settle(stage, START_MS + (sizes.churnRounds + 2) * ROUND_MS);
  assertAll(stage, churn);
  const heapBytes = heap();
  const endBytes = snapshotBytes(system);
  return {
    ...stage.traffic(),
    concurrentAdds: sizes.concurrentAdds,
    keptAdds: kept,
    heapBytes,
    snapshotBytes: endBytes,
    ...(startBytes > 0
      ? { snapshotStartBytes: startBytes, snapshotGrowth: endBytes / startBytes }
      : {}),
  };
}

/** Returns how many contested additions were kept. */
async function runRound(stage: Stage, churn: Churn, round: number): Promise<number> {
  const { sizes, meter, system } = stage;
  const { concurrentAdds, churnRounds } = sizes;
  const extra = round < concurrentAdds % churnRounds ? 1 : 0;
  const fromMs = START_MS + (round + 1) * ROUND_MS;
  const { ops, contested } = churn.next(fromMs, Math.floor(concurrentAdds / churnRounds) + extra);
  for (const [edge, own] of ops.entries()) meter.work(() => system.write(edge, own));
  const nowMs = fromMs + ROUND_MS;
  for (let edge = 0; edge < EDGES; edge += 1) await meter.send(() => system.up(edge, nowMs));
  for (let edge = 0; edge < EDGES; edge += 1) await meter.send(() => system.down(edge, nowMs));
  const agreed = system.members(HUB);
  const lost = contested.filter((id) => !agreed.has(id));
  for (const id of lost) churn.members.delete(id);
  assertAll(stage, churn);
  // What a removal took away comes back, so that every system has the same to do in the next round.
  for (const id of lost) churn.members.add(id);
  if (lost.length > 0) {
    system.write(
      0,
      lost.map((id): Op => ({ kind: "add", atMs: nowMs, id })),
    );
    await settle(stage, nowMs);
  }
  return contested.length - lost.length;
}

function assertAll({ system }: Stage, { members }: Churn): void {
  for (let edge = HUB; edge < EDGES; edge += 1) assertMembers(system.members(edge), members);
}

/** Lets all edges and the hub tell each other everything, until all is acknowledged. */
async function settle({ system }: Stage, nowMs: number): Promise<void> {
  for (let edge = 0; edge < EDGES; edge += 1) await system.resync(edge, nowMs);
  for (let turn = 0; turn < 2; turn += 1)
    for (let edge = 0; edge < EDGES; edge += 1) {
      await system.up(edge, nowMs);
      await system.down(edge, nowMs);
    }
}
