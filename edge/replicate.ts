// How does a replica at the edge come to agree with the origin? Runs its link's state machine: cuts
// what it asks for, sends what it says, stores what it confirms. One exchange at a time; the replica
// is written to between two steps.

import {
  openEdgeLink,
  stepEdgeLink,
  type Cut,
  type EdgeLink,
  type EdgeLinkEffect,
  type EdgeLinkEvent,
  type EdgeLinkRecord,
  type HeldLog,
} from "../sync/link/edge.ts";
import type { EdgeEncoding } from "../sync/wire/encoding.ts";
import { LOG_LANE } from "../sync/wire/log-lane.ts";
import type { DownState } from "../sync/wire/down-frame.ts";
import { limits } from "./limits.ts";
import type { OriginLink } from "./ports.ts";

/** What a link needs of the replica that it serves; each call is one transaction. */
export interface LinkedReplica {
  /** The record as it is stored. */
  readonly record: EdgeLinkRecord;
  /** Cuts what follows `after`; without `isWhole` only log entries. */
  cut(isWhole: boolean, after: number): Cut;
  /** None: it has no log. */
  readonly log?: HeldLog | undefined;
  save(record: EdgeLinkRecord): void;
  /** Takes in what the hub told; false if it cannot be read. */
  absorb(state: DownState, record: EdgeLinkRecord): boolean;
  /** Begins another life; of the one before the hub holds no more than up to `heldTo`. */
  renew(heldTo?: number): void;
  /** Stamps anew, by the hub's clock, what the hub does not hold, and begins another life. */
  restamp(hubNowMs: number): void;
}

/** What the link needs beside the replica. */
export interface ReplicatePorts {
  /** Another way to say its frames, of this link alone; none: plainly. */
  readonly encoding?: EdgeEncoding | undefined;
  readonly origin: OriginLink;
  now(): number;
  /** Uniform in [0, 1). */
  chance(): number;
  log(event: string, fields: Record<string, string | number>): void;
}

/** Where a run ended. */
export interface Replication {
  readonly link: EdgeLink;
  /** When to go on, milliseconds from now; null: everything is held by both ends. */
  readonly againInMs: number | null;
  /** True if the last exchange failed. */
  readonly isOriginAway: boolean;
}

/** An exchange takes two steps: what was cut, then the answer. */
const STEPS_MAX = limits.exchangesPerAlarmMax * 2 + 1;

const LINK = {
  retryMsMin: limits.syncRetryMsMin,
  retryMsMax: limits.syncRetryMsMax,
  lane: LOG_LANE,
};

/** Exchanges frames until both ends hold everything, an exchange fails, or the bound is met. */
export async function replicate(
  link: EdgeLink,
  replica: LinkedReplica,
  ports: ReplicatePorts,
  isHeartbeat = false,
): Promise<Replication> {
  let state = link;
  let event: EdgeLinkEvent | null = { kind: "wake", isHeartbeat };
  for (let steps = 0; event !== null && steps < STEPS_MAX; steps += 1) {
    const step = stepEdgeLink(state, event, { ...LINK, ...ports.encoding });
    state = step.state;
    event = null;
    for (const effect of step.effects) {
      const end = endOf(effect, state, replica, ports);
      if (end !== null) return end;
      event = (await interpret(effect, replica, ports)) ?? event;
    }
  }
  // A request that is not answered yet is sent again; an answer that is not stepped on is asked for.
  return { link: state, againInMs: 0, isOriginAway: false };
}

/** Tells whether an effect ends the run, and how. */
function endOf(
  effect: EdgeLinkEffect,
  link: EdgeLink,
  replica: LinkedReplica,
  ports: ReplicatePorts,
): Replication | null {
  switch (effect.kind) {
    case "set-timer":
      return { link, againInMs: effect.delayMs, isOriginAway: true };
    case "at-rest":
      return { link, againInMs: null, isOriginAway: false };
    case "absorb":
      if (replica.absorb(effect.state, effect.record)) return null;
      ports.log("answer-unreadable", { replica: effect.record.replica });
      return {
        link: openEdgeLink(replica.record),
        againInMs: limits.syncRetryMsMax,
        isOriginAway: true,
      };
    case "renew":
    case "restamp":
      return {
        link: beginLife(effect, replica, ports),
        againInMs: limits.syncRetryMsMin,
        isOriginAway: false,
      };
    case "cut":
    case "save":
    case "send":
      return null;
  }
}

function beginLife(
  effect: Extract<EdgeLinkEffect, { kind: "renew" | "restamp" }>,
  replica: LinkedReplica,
  ports: ReplicatePorts,
): EdgeLink {
  const before = replica.record.replicaEpoch;
  if (effect.kind === "renew") replica.renew(effect.heldTo);
  else replica.restamp(effect.hubNowMs);
  const { record } = replica;
  ports.log("epoch-renewed", {
    replica: record.replica,
    reason: effect.kind === "renew" ? "another history" : "clock ahead",
    before,
    after: record.replicaEpoch,
  });
  return openEdgeLink(record);
}

async function interpret(
  effect: EdgeLinkEffect,
  replica: LinkedReplica,
  ports: ReplicatePorts,
): Promise<EdgeLinkEvent | null> {
  switch (effect.kind) {
    case "save":
      replica.save(effect.record);
      return null;
    case "cut":
      return { kind: "cut", cut: replica.cut(effect.isWhole, effect.after), nowMs: ports.now() };
    case "send": {
      const outcome = await ports.origin.exchange(effect.request);
      if (outcome.kind === "answered")
        return {
          kind: "answer",
          frame: outcome.frame,
          nowMs: ports.now(),
          log: replica.log,
        };
      ports.log("exchange-failed", { reason: outcome.reason });
      return { kind: "failed", chance: ports.chance() };
    }
    case "absorb":
    case "renew":
    case "restamp":
    case "set-timer":
    case "at-rest":
      return null;
  }
}
