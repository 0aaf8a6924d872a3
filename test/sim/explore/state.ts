// What is there in a world of the explorer, what is its name, and what must never be?

import type { ReplicaId } from "../../../sync/brand.ts";
import type { EdgeLink, EdgeLinkRecord } from "../../../sync/link/edge.ts";
import type { EdgeReplica } from "../../../sync/replica/edge-replica.ts";
import type { HubReplica } from "../../../sync/replica/hub-replica.ts";
import type { Disk } from "./disk.ts";
import { COLLECTIONS } from "./model.ts";

/** An edge, and its end of the link. */
export interface Edge {
  readonly number: number;
  readonly id: ReplicaId;
  disk: Disk;
  saved: Disk | null;
  replica: EdgeReplica;
  link: EdgeLink;
  /** Of its script, what has been done; lives that it began. */
  done: number;
  lives: number;
  opened: number;
  /** The connection that an answer is awaited on. */
  awaited: number;
}

/** A request that is on its way. */
export interface Request {
  readonly edge: number;
  readonly connection: number;
  readonly bytes: Uint8Array;
  /** Writes that its sender knew. */
  readonly carried: readonly number[];
}

/** An answer to it; `told` are the writes that the hub knew. */
export interface Answer {
  readonly edge: number;
  readonly connection: number;
  readonly bytes: Uint8Array;
  readonly told: readonly number[];
}

/** A check that failed. */
export class Violation extends Error {}

/** Throws unless a replica shows what it has to. */
export function assertShown(name: string, shown: object, wanted: object): void {
  const [found, due] = [textOf(shown), textOf(wanted)];
  if (found !== due) throw new Violation(`${name} shows ${found}, not ${due}`);
}

/** On one link what the hub has confirmed never becomes less. */
export function assertForward(before: EdgeLinkRecord, after: EdgeLinkRecord): void {
  const isSame = before.link === after.link && before.replicaEpoch === after.replicaEpoch;
  if (isSame && after.cursor.seq < before.cursor.seq)
    throw new Violation(`A cursor went back from ${before.cursor.seq} to ${after.cursor.seq}`);
}

/** Everything of an edge that its future depends on. */
export function nameEdge(edge: Edge, requests: readonly Request[]): unknown {
  const { number, replica, link, disk, saved, done, lives, opened, awaited } = edge;
  const { phase, keys } = link;
  return {
    record: replica.record,
    held: heldBy(replica),
    head: replica.head,
    phase: phase.kind === "waiting" ? hex(phase.request) : phase.kind,
    keys: [keys.up.size, keys.up.digest(keys.up.size), keys.upBase, keys.down.size],
    known: sorted(disk.known),
    saved: saved && [[...saved.load().rows].map(hex), [...saved.load().pages].map(hex)],
    isAwaiting: requests.some((each) => each.edge === number && each.connection === awaited),
    counts: [done, lives, opened],
  };
}

/**
 * The same of the hub.
 *
 * @param heard What it has heard on each link since it was opened: its dictionaries follow from that.
 */
export function nameHub(
  hub: HubReplica,
  disk: Disk,
  heard: ReadonlyMap<number, readonly string[]>,
): unknown {
  return {
    held: heldBy(hub),
    head: hub.head,
    links: hub.links(),
    heard: [...heard].toSorted(([a], [b]) => a - b),
    known: sorted(disk.known),
  };
}

function heldBy(replica: Pick<EdgeReplica, "held">): unknown {
  return COLLECTIONS.map((each) =>
    [...replica.held(each)].toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
}

/** Messages in no order. */
export function nameMessages(messages: readonly (Request | Answer)[]): string[] {
  return messages.map(({ edge, bytes }) => `${edge}${hex(bytes)}`).toSorted();
}

/** Writes a name as text. */
export function textOf(name: unknown): string {
  return JSON.stringify(name, (_key, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
}

function sorted(ids: Iterable<number>): number[] {
  return [...ids].toSorted((left, right) => left - right);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
