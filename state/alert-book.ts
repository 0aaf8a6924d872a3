// What does a replica hold of alerts, and what does it take? Used at both ends: hubs raise alerts in
// their region, and whoever may acknowledges them there or at the origin. What is known joins:
// firing < acknowledged < resolved, and a later alert in a place is above an earlier one.

import {
  acknowledge,
  alert as lattice,
  fire,
  forget,
  resolve,
  type Alert,
} from "../sync/crdt/alert.ts";
import type { Draft } from "../sync/replica/draft.ts";
import type { Collection } from "../sync/replica/kind.ts";
import {
  ALERT_KEPT_MS,
  ALERT_KEYS_MAX,
  alertId,
  alertKey,
  type AlertIdentity,
  type AlertsElsewhere,
  ALERTS_REMEMBERED,
  ELSEWHERE_MAX,
  formatNote,
  parseAlertId,
  parseAlertKey,
  parseNote,
  shortenBy,
  type AlertState,
  type HeldAlert,
  type RaisedAlert,
} from "./alert.ts";
import { alerts } from "./region.ts";

/** A replica, of either end. */
export interface AlertReplica {
  read<View>(collection: Collection<never, View>, key: string): View | null;
  readAll<View>(collection: Collection<never, View>): ReadonlyMap<string, View>;
  held(collection: Collection<never>): ReadonlyMap<string, unknown>;
  write(nowMs: number, change: (draft: Draft) => void): number;
}

/** Which alerts are asked for; null: any. */
export interface AlertQuery {
  readonly device: string | null;
  readonly rule: string | null;
  readonly state: AlertState | null;
  readonly most: number;
  /** The id of the last alert of the page before; null: from the newest. */
  readonly cursor: string | null;
}

/** A page of alerts, the newest first; `cursor` is null on the last one. */
export interface AlertPage {
  readonly alerts: readonly HeldAlert[];
  readonly cursor: string | null;
}

/** What became of an acknowledgement. */
export type Acknowledging =
  /** Also if it was acknowledged before, by whomever. */
  | { readonly kind: "acknowledged"; readonly alert: HeldAlert }
  | { readonly kind: "over"; readonly alert: HeldAlert }
  | { readonly kind: "unknown" };

/** The alerts of a replica. */
export class AlertBook {
  readonly #replica: AlertReplica;
  readonly #keysMax: number;

  /** @param keysMax Past it only places that are in use are; others than the deployment's for tests. */
  constructor(replica: AlertReplica, keysMax: number = ALERT_KEYS_MAX / 2) {
    this.#replica = replica;
    this.#keysMax = keysMax;
  }

  /** Takes what a hub has raised; again, it changes nothing. Returns how many found no room. */
  raise(raised: readonly RaisedAlert[], nowMs: number): number {
    let refused = 0;
    this.#replica.write(nowMs, (draft) => {
      for (const one of raised) if (!this.#take(draft, one)) refused += 1;
    });
    return refused;
  }

  acknowledge(id: string, by: string, nowMs: number): Acknowledging {
    const firing = [...this.#replica.readAll(alerts)].filter(
      ([key, alert]) => alert.rank === "firing" && idOf(key, alert) === id,
    );
    if (firing.length > 0)
      this.#replica.write(nowMs, (draft) => {
        const acknowledged = { by: shortenBy(by), atMs: draft.stamp.wallMs };
        for (const [key, alert] of firing) {
          const note = parseNote(alert.note);
          if (note === null) continue;
          const text = formatNote({ ...note, acknowledged });
          draft.write(alerts, key, acknowledge(alert, draft.stamp, text));
        }
      });
    const alert = this.#all().find((one) => alertId(one) === id);
    if (alert === undefined) return { kind: "unknown" };
    return { kind: alert.state === "resolved" ? "over" : "acknowledged", alert };
  }

  list({ device, rule, state, most, cursor }: AlertQuery): AlertPage {
    const after = cursor === null ? null : parseAlertId(cursor);
    const rest = this.#all()
      .filter(
        (alert) =>
          (device === null || alert.device === device) &&
          (rule === null || alert.rule === rule) &&
          (state === null || alert.state === state) &&
          (after === null || newestFirst(after, alert) < 0),
      )
      .toSorted(newestFirst);
    const listed = rest.slice(0, most);
    const last = listed.at(-1);
    return {
      alerts: listed,
      cursor: last === undefined || rest.length <= most ? null : alertId(last),
    };
  }

  /** Tells what the hubs of a region have to know of alerts of devices that moved. */
  elsewhere(region: string): AlertsElsewhere {
    const open: HeldAlert[] = [];
    const over: HeldAlert[] = [];
    for (const [key, alert] of this.#replica.readAll(alerts)) {
      const held = heldAlert(key, alert);
      if (held === null) continue;
      const isHere = held.note.region === region;
      if (held.state !== "resolved" && !isHere) open.push(held);
      else if (isHere && held.note.end !== undefined && held.note.end.region !== region)
        over.push(held);
    }
    return {
      open: open.toSorted(newestFirst).slice(0, ELSEWHERE_MAX).map(asRaised),
      over: over.toSorted(newestFirst).slice(0, ELSEWHERE_MAX).map(identityOf),
    };
  }

  /** Forgets what has been over for long enough; if there is little room left, the oldest of it. */
  sweep(nowMs: number): void {
    const over = [...this.#replica.readAll(alerts)]
      .filter(([, { rank }]) => rank === "resolved")
      .toSorted(([, a], [, b]) => a.stamp.wallMs - b.stamp.wallMs);
    const { size } = this.#replica.held(alerts);
    const many = size < this.#keysMax * 1.5 ? 0 : size - this.#keysMax;
    const old = over.filter(
      ([, { stamp }], at) => at < many || stamp.wallMs < nowMs - ALERT_KEPT_MS,
    );
    this.#forget(old, nowMs);
  }

  /** Forgets all alerts of a device. */
  forget(device: string, nowMs: number): void {
    const own = [...this.#replica.readAll(alerts)].filter(
      ([key]) => parseAlertKey(key)?.device === device,
    );
    this.#forget(own, nowMs);
  }

  #forget(gone: readonly (readonly [key: string, alert: Alert])[], nowMs: number): void {
    if (gone.length === 0) return;
    this.#replica.write(nowMs, (draft) => {
      for (const [key, alert] of gone) draft.write(alerts, key, forget(alert, draft.stamp));
    });
  }

  /** Everything, once: two regions may have raised the same alert. */
  #all(): HeldAlert[] {
    const byId = new Map<string, { readonly key: string; readonly alert: Alert }>();
    for (const [key, alert] of this.#replica.readAll(alerts)) {
      const id = idOf(key, alert);
      if (id === null) continue;
      const known = byId.get(id);
      byId.set(id, { key, alert: known === undefined ? alert : lattice.join(known.alert, alert) });
    }
    return [...byId.values()].flatMap(({ key, alert }) => heldAlert(key, alert) ?? []);
  }

  #take(draft: Draft, raised: RaisedAlert): boolean {
    const { sinceMs, reason, end } = raised;
    const places = placesOf(raised).map((key) => ({ key, alert: draft.read(alerts, key) }));
    const known = places.find(({ alert }) => alert?.episode === sinceMs);
    const key = known?.key ?? this.#placeFor(places, sinceMs);
    if (key === null) return false;
    // The episode is when it began: one that begins now is the next of one that never was.
    const held = known?.alert ?? { ...lattice.bottom, episode: sinceMs - 1 };
    const note = parseNote(held.note) ?? reason;
    const fired = fire(held, draft.stamp, formatNote(note));
    // An alert that is over is not raised anew: what fires later has another start.
    if (end === null) {
      if (held.rank === "none") draft.write(alerts, key, fired);
      return true;
    }
    if (held.rank !== "resolved")
      draft.write(alerts, key, resolve(fired, draft.stamp, formatNote({ ...note, end })));
    return true;
  }

  /** Where an alert goes: to a place that is free, or to that of the oldest, first of those over. */
  #placeFor(places: readonly Place[], sinceMs: number): string | null {
    const { size } = this.#replica.held(alerts);
    const free = places.find(({ alert }) => alert === null);
    if (free !== undefined && size < this.#keysMax) return free.key;
    const [oldest] = places
      .flatMap(({ key, alert }) =>
        alert === null || alert.episode >= sinceMs ? [] : [{ key, alert }],
      )
      .toSorted(
        (a, b) =>
          Number(a.alert.rank !== "resolved") - Number(b.alert.rank !== "resolved") ||
          a.alert.episode - b.alert.episode,
      );
    return oldest?.key ?? null;
  }
}

/** A place, and what is seen there. */
interface Place {
  readonly key: string;
  readonly alert: Alert | null;
}

/** The places of the region where an alert fired. */
function placesOf({ device, rule, reason }: RaisedAlert): string[] {
  return Array.from({ length: ALERTS_REMEMBERED }, (_, place) =>
    alertKey(device, rule, reason.region, place),
  );
}

function idOf(key: string, { episode }: Alert): string | null {
  const at = parseAlertKey(key);
  return at === null ? null : alertId({ ...at, sinceMs: episode });
}

function heldAlert(key: string, alert: Alert): HeldAlert | null {
  const at = parseAlertKey(key);
  const note = parseNote(alert.note);
  if (at === null || note === null || alert.rank === "none") return null;
  const { episode: sinceMs, rank: state, stamp } = alert;
  return { ...at, sinceMs, state, changedMs: stamp.wallMs, note };
}

function identityOf({ device, rule, sinceMs }: HeldAlert): AlertIdentity {
  return { device, rule, sinceMs };
}

function asRaised(alert: HeldAlert): RaisedAlert {
  const { acknowledged: _, end = null, ...reason } = alert.note;
  return { ...identityOf(alert), reason, end };
}

type Ordered = Pick<HeldAlert, "device" | "rule" | "sinceMs">;

function newestFirst(a: Ordered, b: Ordered): number {
  return b.sinceMs - a.sinceMs || (alertId(a) < alertId(b) ? -1 : Number(alertId(a) > alertId(b)));
}
