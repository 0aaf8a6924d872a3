// Where does a hub keep what its rules have begun? A row for each episode that is not over, and one for
// each alert that the region's cell has not taken: written in the transaction of the journal's entry.

import { textOf, type Sql } from "../../storage/sql.ts";
import { ALERTS_REMEMBERED, type RaisedAlert } from "../../state/alert.ts";
import { limits } from "../limits.ts";
import type { AlertStore, Episode, HeldEpisode } from "../ports.ts";

export const ALERT_TABLES = `create table episode (device text not null, rule text not null, body text not null,
    primary key (device, rule)) without rowid;
  create table alert (device text not null, rule text not null, since_ms integer not null, body text not null,
    primary key (device, rule, since_ms)) without rowid;
  create table rules (id integer primary key check (id = 1), body text not null) without rowid`;

/** The rules that a hub goes by, as it was told last; null: it was never told of any. */
export function storedRules(sql: Sql): string | null {
  const [row] = sql.exec("select body from rules");
  return row === undefined ? null : textOf(row["body"]);
}

export function storeRules(sql: Sql, body: string): void {
  sql.exec("insert or replace into rules values (1, ?)", body);
}

/** What is in memory of a hub's episodes and alerts, and on disk. */
export class SqlAlerts implements AlertStore {
  readonly #sql: Sql;
  /** By device and rule. */
  readonly #episodes = new Map<string, Map<string, Episode>>();
  /** By device and rule together, and by start; in the order in which they began. */
  readonly #alerts = new Map<string, Map<number, RaisedAlert>>();
  #open = 0;
  #waiting = 0;
  /** What is to be written, by its key. */
  readonly #put = new Map<string, Pick<HeldEpisode, "device" | "rule">>();
  readonly #raised = new Map<string, RaisedAlert>();
  #refused = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const row of sql.exec("select device, rule, body from episode")) {
      const episode = JSON.parse(textOf(row["body"])) as Episode;
      this.#place(textOf(row["device"]), textOf(row["rule"]), episode);
    }
    for (const row of sql.exec("select body from alert order by device, rule, since_ms"))
      this.#add(JSON.parse(textOf(row["body"])) as RaisedAlert);
  }

  episodes(): HeldEpisode[] {
    return [...this.#episodes].flatMap(([device, rules]) =>
      [...rules].map(([rule, episode]) => ({ device, rule, episode })),
    );
  }

  /** What fires as far as it is on disk, as it was raised. */
  firing(): RaisedAlert[] {
    return this.episodes().flatMap(({ device, rule, episode: { sinceMs, reason } }) =>
      reason === null || this.#put.has(pairOf(device, rule))
        ? []
        : [{ device, rule, sinceMs, reason, end: null }],
    );
  }

  episodesOf(device: string): ReadonlyMap<string, Episode> | undefined {
    return this.#episodes.get(device);
  }

  put(device: string, rule: string, episode: Episode | null): void {
    if (episode === null && !this.#isOpen(device, rule)) return;
    if (episode !== null && !this.hasRoom(device, rule)) return;
    this.#place(device, rule, episode);
    this.#put.set(pairOf(device, rule), { device, rule });
  }

  hasRoom(device: string, rule: string): boolean {
    const hasRoom = this.#isOpen(device, rule) || this.#open < limits.episodesMax;
    if (!hasRoom) this.#refused += 1;
    return hasRoom;
  }

  #isOpen(device: string, rule: string): boolean {
    return this.#episodes.get(device)?.has(rule) === true;
  }

  raise(alert: RaisedAlert): boolean {
    const { device, rule, sinceMs } = alert;
    const known = this.#alerts.get(pairOf(device, rule));
    const isNew = known?.has(sinceMs) !== true;
    if (isNew && known !== undefined && known.size > ALERTS_REMEMBERED) this.#dropOld(known);
    // Of what ends the cell may hold the beginning; there are no more of them than episodes.
    if (isNew && alert.end === null && this.#waiting >= limits.alertsWaitingMax) {
      this.#refused += 1;
      return false;
    }
    this.#add(alert);
    this.#raised.set(keyOf(alert), alert);
    return true;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get refused(): number {
    return this.#refused;
  }

  unsent(countMax: number): RaisedAlert[] {
    const first: RaisedAlert[] = [];
    for (const alike of this.#alerts.values())
      for (const alert of alike.values()) {
        if (first.length >= countMax) return first;
        if (!this.#raised.has(keyOf(alert))) first.push(alert);
      }
    return first;
  }

  /** One that has changed meanwhile is sent again. */
  sent(alerts: readonly RaisedAlert[]): void {
    const taken = alerts.filter(
      (alert) => this.#alerts.get(pairOf(alert.device, alert.rule))?.get(alert.sinceMs) === alert,
    );
    this.#sql.transaction(() => {
      for (const alert of taken) this.#delete(alert);
    });
    for (const alert of taken) this.#take(alert);
  }

  /** Writes what was put and raised; within the transaction of what made it so. */
  write(): void {
    for (const { device, rule } of this.#put.values()) {
      const episode = this.#episodes.get(device)?.get(rule);
      if (episode === undefined)
        this.#sql.exec("delete from episode where device = ? and rule = ?", device, rule);
      else
        this.#sql.exec(
          "insert or replace into episode values (?, ?, ?)",
          device,
          rule,
          JSON.stringify(episode),
        );
    }
    for (const alert of this.#raised.values()) {
      const { device, rule, sinceMs } = alert;
      const isHeld = this.#alerts.get(pairOf(device, rule))?.get(sinceMs) === alert;
      if (!isHeld) this.#delete(alert);
      else
        this.#sql.exec(
          "insert or replace into alert values (?, ?, ?, ?)",
          device,
          rule,
          sinceMs,
          JSON.stringify(alert),
        );
    }
    this.#put.clear();
    this.#raised.clear();
  }

  #delete({ device, rule, sinceMs }: RaisedAlert): void {
    this.#sql.exec(
      "delete from alert where device = ? and rule = ? and since_ms = ?",
      device,
      rule,
      sinceMs,
    );
  }

  #place(device: string, rule: string, episode: Episode | null): void {
    const rules = this.#episodes.get(device) ?? new Map<string, Episode>();
    this.#open -= rules.size;
    if (episode === null) rules.delete(rule);
    else rules.set(rule, episode);
    this.#open += rules.size;
    if (rules.size === 0) this.#episodes.delete(device);
    else this.#episodes.set(device, rules);
  }

  #add(alert: RaisedAlert): void {
    const pair = pairOf(alert.device, alert.rule);
    const alike = this.#alerts.get(pair) ?? new Map<number, RaisedAlert>();
    this.#waiting -= alike.size;
    alike.set(alert.sinceMs, alert);
    this.#waiting += alike.size;
    this.#alerts.set(pair, alike);
  }

  #take({ device, rule, sinceMs }: RaisedAlert): void {
    const pair = pairOf(device, rule);
    const alike = this.#alerts.get(pair);
    if (alike?.delete(sinceMs) !== true) return;
    this.#waiting -= 1;
    if (alike.size === 0) this.#alerts.delete(pair);
  }

  /**
   * Drops the second of the alerts of a rule and a device that wait: it is over, and the cell would not
   * remember it beside those that came after it. The first may be one that the cell holds as firing.
   */
  #dropOld(alike: ReadonlyMap<number, RaisedAlert>): void {
    const [, second] = alike.values();
    if (second === undefined) return;
    this.#take(second);
    this.#raised.set(keyOf(second), second);
  }
}

function pairOf(device: string, rule: string): string {
  return `${device} ${rule}`;
}

function keyOf({ device, rule, sinceMs }: RaisedAlert): string {
  return `${device} ${rule} ${sinceMs}`;
}
