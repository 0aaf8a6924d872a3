// How does a hub bring its journal to the origin? Runs the link's state machine: reads what it asks
// for, sends what it says, stores the cursor it confirms. One exchange at a time; ingest goes on
// between two steps.

import { FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX } from "../sync/limits.ts";
import {
  stepEdgeLink,
  type EdgeLink,
  type EdgeLinkEffect,
  type EdgeLinkEvent,
} from "../sync/link/edge.ts";
import { limits } from "./limits.ts";
import type { HubStore, OriginLink } from "./ports.ts";

/** What the link needs beside the journal. */
export interface ReplicatePorts {
  readonly store: HubStore;
  readonly origin: OriginLink;
  now(): number;
  /** Uniform in [0, 1). */
  chance(): number;
  /** A new replicaEpoch: random, 1 to 2^32 - 1. */
  newEpoch(): number;
  log(event: string, fields: Record<string, string | number>): void;
}

/** Where a run ended. */
export interface Replication {
  readonly link: EdgeLink;
  /** When to go on, milliseconds from now; null: everything is held by the origin. */
  readonly againInMs: number | null;
  /** True if the last exchange failed. */
  readonly isOriginAway: boolean;
}

/** An exchange takes two steps: entries, then the answer. */
const STEPS_MAX = limits.exchangesPerAlarmMax * 2 + 1;

const RETRY = { retryMsMin: limits.syncRetryMsMin, retryMsMax: limits.syncRetryMsMax };

/** Exchanges frames until the origin holds everything, an exchange fails, or the bound is met. */
export async function replicate(
  link: EdgeLink,
  ports: ReplicatePorts,
  isHeartbeat = false,
): Promise<Replication> {
  let state = link;
  let event: EdgeLinkEvent | null = {
    kind: "wake",
    journal: ports.store.extent(),
    nowMs: ports.now(),
    isHeartbeat,
  };
  for (let steps = 0; event !== null && steps < STEPS_MAX; steps += 1) {
    const step = stepEdgeLink(state, event, RETRY);
    state = step.state;
    event = null;
    for (const effect of step.effects) {
      const end = endOf(effect, state, ports);
      if (end !== null) return end;
      event = (await interpret(effect, ports)) ?? event;
    }
  }
  // An answer that is not stepped on is lost, which costs a repetition and never a reading.
  return { link: { ...state, phase: { kind: "idle" } }, againInMs: 0, isOriginAway: false };
}

function endOf(effect: EdgeLinkEffect, link: EdgeLink, ports: ReplicatePorts): Replication | null {
  if (effect.kind === "set-timer") return { link, againInMs: effect.delayMs, isOriginAway: true };
  if (effect.kind === "at-rest") return { link, againInMs: null, isOriginAway: false };
  if (effect.kind !== "renew-epoch") return null;
  return { link: renew(link, ports), againInMs: 0, isOriginAway: false };
}

async function interpret(
  effect: EdgeLinkEffect,
  ports: ReplicatePorts,
): Promise<EdgeLinkEvent | null> {
  const { store } = ports;
  switch (effect.kind) {
    case "save-cursor":
      store.saveCursor(effect.cursor);
      return null;
    case "read-entries": {
      const entries = store.entriesAfter(effect.after, FRAME_BYTES_TARGET, FRAME_ENTRIES_MAX);
      return { kind: "entries", entries, journal: store.extent(), nowMs: ports.now() };
    }
    case "send": {
      const outcome = await ports.origin.exchange(effect.request);
      if (outcome.kind === "answered")
        return { kind: "answer", frame: outcome.frame, journal: store.extent() };
      ports.log("exchange-failed", { reason: outcome.reason });
      return { kind: "failed", chance: ports.chance() };
    }
    case "set-timer":
    case "at-rest":
    case "renew-epoch":
      return null;
  }
}

function renew(state: EdgeLink, ports: ReplicatePorts): EdgeLink {
  const replicaEpoch = ports.newEpoch();
  ports.store.renewEpoch(replicaEpoch);
  ports.log("epoch-renewed", {
    replica: state.replica,
    before: state.replicaEpoch,
    after: replicaEpoch,
  });
  return { ...state, replicaEpoch, cursor: 0, attempt: 0, phase: { kind: "idle" } };
}
