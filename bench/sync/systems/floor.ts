// The floor: what has changed and the other end does not know, as keys, values and times, coded as well
// as a simple model can, with perfect knowledge of what the other end holds. No envelope, checksum or
// position; nothing is stored, and nothing is lost on the way. No system can do all of that.

import { deflateRawSync } from "node:zlib";
import { FrequencyModel, LengthModel, subsetBits } from "../floor-models.ts";
import {
  fieldKey,
  HUB,
  type Message,
  type Op,
  type Replica,
  type Setting,
  type System,
  type Total,
} from "../system.ts";

interface Written {
  readonly value: number;
  readonly atMs: number;
  readonly writer: Replica;
}

/** What one way of a link has learned. */
class Models {
  readonly fieldCount = new FrequencyModel();
  readonly isSameTime = new FrequencyModel();
  readonly ages = new LengthModel();
  readonly steps = new Map<string, FrequencyModel>();
  readonly counts = new FrequencyModel();
  readonly sums = new Map<number, LengthModel>();
}

/** What an edge holds, and what the two ends of its link agree on. */
interface Link {
  readonly up: Models;
  readonly down: Models;
  readonly fields: Map<string, Written>;
  readonly known: Map<string, Written>;
  readonly counted: Map<string, Total>;
  readonly others: Map<string, Total>;
  /** Of what the hub has counted for the others, what the edge was told. */
  readonly toldOthers: Map<string, Total>;
  readonly members: Set<string>;
  readonly knownMembers: Set<string>;
  readonly ops: Map<string, "add" | "remove">;
  /** The hub's turn that the edge knows. */
  turn: number;
}

const FIELDS_A_DEVICE = 8;
const SUM_CONTEXTS = 8;
/** Values have at most two decimals. */
const UNITS = 100;

function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const held = map.get(key) ?? make();
  map.set(key, held);
  return held;
}

function add(totals: Map<string, Total>, device: string, [count, sum]: Total): void {
  const [counted, summed] = totals.get(device) ?? [0, 0];
  totals.set(device, [counted + count, summed + sum]);
}

class Floor implements System {
  readonly #quantumMs: number;
  readonly #devices: number;
  readonly #fields = new Map<string, Written>();
  readonly #members = new Map<string, { readonly turn: number; readonly adder: Replica }>();
  readonly #links: readonly Link[];
  #turn = 1;

  constructor({ edges, quantumMs, counting }: Setting) {
    this.#quantumMs = quantumMs;
    this.#devices = counting.length;
    this.#links = edges.map(() => ({
      up: new Models(),
      down: new Models(),
      fields: new Map(),
      known: new Map(),
      counted: new Map(),
      others: new Map(),
      toldOthers: new Map(),
      members: new Set(),
      knownMembers: new Set(),
      ops: new Map(),
      turn: 0,
    }));
  }

  #link(edge: number): Link {
    const link = this.#links[edge];
    if (link === undefined) throw new RangeError(`There is no edge ${edge}`);
    return link;
  }

  write(replica: Replica, ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.kind === "report") {
        const held = replica === HUB ? this.#fields : this.#link(replica).fields;
        const atMs = op.atMs - (op.atMs % this.#quantumMs);
        for (const [field, value] of op.fields)
          held.set(fieldKey(op.device, field), { value, atMs, writer: replica });
      } else if (op.kind === "count") add(this.#link(replica).counted, op.device, [1, op.by]);
      else if (replica === HUB) this.#members.set(op.id, { turn: this.#turn, adder: HUB });
      else this.#change(this.#link(replica), op.id, op.kind);
    }
  }

  #change({ members, ops }: Link, id: string, kind: "add" | "remove"): void {
    ops.set(id, kind);
    if (kind === "add") members.add(id);
    else members.delete(id);
  }

  up(edge: number, nowMs: number): Message[] {
    const link = this.#link(edge);
    const bits =
      this.#fieldBits(link.up, changed(link.fields, link.known), link.known, nowMs) +
      this.#countBits(link.up, link.counted) +
      this.#memberBits(link, link.ops);
    this.#turn += 1;
    for (const [key, own] of link.fields) {
      const held = this.#fields.get(key);
      if (own !== held && (!held || isLater(own, held))) this.#fields.set(key, own);
      link.known.set(key, own);
    }
    for (const [device, total] of link.counted)
      for (const other of this.#links) if (other !== link) add(other.others, device, total);
    for (const [device, total] of link.counted) add(link.toldOthers, `own ${device}`, total);
    link.counted.clear();
    for (const [id, kind] of link.ops) this.#hear(edge, link, id, kind);
    link.ops.clear();
    return [{ way: "up", bytes: Math.ceil(bits / 8) }];
  }

  #hear(edge: number, link: Link, id: string, kind: "add" | "remove"): void {
    const tag = this.#members.get(id);
    if (kind === "add") this.#members.set(id, { turn: this.#turn, adder: edge });
    else if (tag && (tag.turn <= link.turn || tag.adder === edge)) this.#members.delete(id);
    if (kind === "add") link.knownMembers.add(id);
    else link.knownMembers.delete(id);
  }

  down(edge: number, nowMs: number): Message[] {
    const link = this.#link(edge);
    const told = changed(this.#fields, link.known);
    const flips = new Map<string, "add" | "remove">();
    for (const id of this.#members.keys()) if (!link.knownMembers.has(id)) flips.set(id, "add");
    for (const id of link.knownMembers) if (!this.#members.has(id)) flips.set(id, "remove");
    const bits =
      this.#fieldBits(link.down, told, link.known, nowMs) +
      this.#countBits(link.down, link.others) +
      this.#memberBits(link, flips);
    for (const [key, written] of told) {
      link.known.set(key, written);
      link.fields.set(key, written);
    }
    for (const [device, total] of link.others) add(link.toldOthers, `other ${device}`, total);
    link.others.clear();
    for (const [id, kind] of flips) this.#change(link, id, kind);
    for (const id of flips.keys()) this.#hearDown(link, id);
    link.ops.clear();
    link.turn = this.#turn;
    return [{ way: "down", bytes: Math.ceil(bits / 8) }];
  }

  #hearDown(link: Link, id: string): void {
    if (this.#members.has(id)) link.knownMembers.add(id);
    else link.knownMembers.delete(id);
  }

  resync(edge: number, nowMs: number): Message[] {
    const link = this.#link(edge);
    // Names that the edge has never heard are told, deflated; those of fields once.
    const names = new Set<string>();
    for (const key of this.#fields.keys())
      if (!link.known.has(key)) names.add(key.slice(0, key.indexOf("/")));
    for (const id of this.#members.keys()) if (!link.knownMembers.has(id)) names.add(id);
    const text = new TextEncoder().encode([...names].join("\n"));
    const namesBytes = names.size === 0 ? 0 : deflateRawSync(text, { level: 9 }).length;
    return [{ way: "down", bytes: namesBytes }, ...this.down(edge, nowMs)];
  }

  /** It knows where it stood, whatever happens. */
  reopen(): void {
    return;
  }

  #fieldBits(
    models: Models,
    entries: ReadonlyMap<string, Written>,
    known: ReadonlyMap<string, Written>,
    nowMs: number,
  ): number {
    if (entries.size === 0) return 0;
    const devices = Map.groupBy(entries, ([key]) => key.slice(0, key.indexOf("/")));
    const all = Math.max(this.#fields.size, entries.size) / FIELDS_A_DEVICE;
    let bits = subsetBits(all, devices.size);
    for (const fields of devices.values()) {
      bits += models.fieldCount.bits(fields.length) + subsetBits(FIELDS_A_DEVICE, fields.length);
      let lastMs = -1;
      for (const [key, { value, atMs }] of fields) {
        const age = Math.max(0, Math.floor((nowMs - atMs) / this.#quantumMs));
        const isSame = atMs === lastMs;
        if (lastMs >= 0) bits += models.isSameTime.bits(Number(isSame));
        if (!isSame) bits += models.ages.bits(age);
        lastMs = atMs;
        const field = key.slice(key.indexOf("/"));
        const step = Math.round((value - (known.get(key)?.value ?? 0)) * UNITS);
        bits += within(models.steps, field, () => new FrequencyModel()).bits(step);
      }
    }
    return bits;
  }

  #countBits(models: Models, totals: ReadonlyMap<string, Total>): number {
    if (totals.size === 0) return 0;
    let bits = subsetBits(this.#devices, totals.size);
    for (const [count, sum] of totals.values()) {
      const context = Math.min(count, SUM_CONTEXTS);
      bits += models.counts.bits(count);
      bits += within(models.sums, context, () => new LengthModel()).bits(sum);
    }
    return bits;
  }

  #memberBits(link: Link, ops: ReadonlyMap<string, "add" | "remove">): number {
    if (ops.size === 0) return 0;
    const present = link.knownMembers.size;
    const absent = Math.max(0, this.#members.size - present);
    const kinds = { add: 0, remove: 0, again: 0 };
    for (const [id, kind] of ops)
      kinds[kind === "add" && link.knownMembers.has(id) ? "again" : kind] += 1;
    const room = Math.max(absent, kinds.add, present);
    return (
      subsetBits(Math.max(present, kinds.remove), kinds.remove) +
      subsetBits(Math.max(present, kinds.again), kinds.again) +
      (kinds.add === 0 ? 0 : subsetBits(room, kinds.add))
    );
  }

  fields(replica: Replica): ReadonlyMap<string, number> {
    const held = replica === HUB ? this.#fields : this.#link(replica).fields;
    return new Map([...held].map(([key, { value }]) => [key, value]));
  }

  totals(replica: Replica): ReadonlyMap<string, Total> {
    const totals = new Map<string, Total>();
    if (replica === HUB) {
      for (const { toldOthers } of this.#links)
        for (const [name, total] of toldOthers)
          if (name.startsWith("own ")) add(totals, name.slice(4), total);
      return totals;
    }
    for (const [name, total] of this.#link(replica).toldOthers)
      add(totals, name.slice(name.indexOf(" ") + 1), total);
    return totals;
  }

  members(replica: Replica): ReadonlySet<string> {
    return replica === HUB ? new Set(this.#members.keys()) : this.#link(replica).members;
  }

  snapshot(): readonly Uint8Array[] {
    return [];
  }

  close(): void {
    return;
  }
}

function isLater(left: Written, right: Written): boolean {
  return left.atMs - right.atMs > 0 || (left.atMs === right.atMs && left.value > right.value);
}

/** What is another write than the one that is known. */
function changed(
  held: ReadonlyMap<string, Written>,
  known: ReadonlyMap<string, Written>,
): Map<string, Written> {
  return new Map([...held].filter(([key, written]) => known.get(key) !== written));
}

export const open = (setting: Setting): System => new Floor(setting);
