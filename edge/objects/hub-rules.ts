// How does a hub come to know the rules, and the region's cell its alerts? The cell says when rules have
// changed, and the hub asks; what fired is told as soon as it is on disk, again until the cell has it.

import { log } from "../../doors/access-log.ts";
import { within } from "../../doors/within.ts";
import type { AlertsElsewhere, RaisedAlert } from "../../state/alert.ts";
import type { Sql } from "../../storage/sql.ts";
import { limits } from "../limits.ts";
import { storedRules, storeRules } from "../platform/sql-alerts.ts";
import type { SqlHubStore } from "../platform/sql-hub-store.ts";
import type { PublishedRules } from "../rules/rule-set.ts";
import { RuleWatch } from "../rules/watch.ts";

/** What a hub asks its region's cell, and tells it. */
export interface AlertedCell {
  /** The rules as JSON; null if they are what `known` is. */
  rulesUnless(known: string): Promise<string | null>;
  /** What fires elsewhere, or was found there to be over, as JSON; null if it is what `known` is. */
  elsewhereUnless(known: string): Promise<string | null>;
  /** Returns how many found no room. */
  raiseAlerts(alerts: readonly RaisedAlert[]): Promise<number>;
}

/** The rules of one hub, and what they have raised. */
export class HubRules {
  readonly #replica: string;
  readonly #store: SqlHubStore;
  readonly #sql: Sql;
  readonly #cell: () => AlertedCell;
  readonly #onRaised: (alerts: readonly RaisedAlert[]) => void;
  /** What listeners were told, though the cell may not have taken it. */
  readonly #heard = new WeakSet<RaisedAlert>();
  readonly watch: RuleWatch;
  /** As JSON; null: it was never told. */
  #known: string | null;
  /** As JSON; empty: it was never told. */
  #elsewhere = "";
  #lookedMs = -Infinity;
  #telling: Promise<boolean> | null = null;
  #refused = 0;

  /** @param onRaised Told once of what fired, or is over, when it is on disk. */
  constructor(
    replica: string,
    store: SqlHubStore,
    sql: Sql,
    cell: () => AlertedCell,
    onRaised: (alerts: readonly RaisedAlert[]) => void = () => undefined,
  ) {
    this.#onRaised = onRaised;
    this.#replica = replica;
    this.#store = store;
    this.#sql = sql;
    this.#cell = cell;
    const [region = ""] = replica.split("/");
    this.watch = new RuleWatch(() => store.alerts, region);
    this.#known = storedRules(sql);
    if (this.#known !== null) this.watch.follow(JSON.parse(this.#known) as PublishedRules);
  }

  /** True until the hub has heard of any rules, or that there are none. */
  get isUntold(): boolean {
    return this.#known === null;
  }

  /** Asks what the rules are, if that was not done of late. Never throws. */
  async look(isForced = false): Promise<void> {
    const sinceMs = Date.now() - this.#lookedMs;
    if (!isForced && sinceMs >= 0 && sinceMs < limits.rulesLookMs) return;
    this.#lookedMs = Date.now();
    try {
      const asking = Promise.resolve(this.#cell().rulesUnless(this.#known ?? ""));
      const told = await within(asking, limits.rulesTimeoutMs);
      if (told === "late") log("rules-late", { replica: this.#replica });
      else if (told !== null && told !== this.#known) this.#adopt(told);
      await this.#lookElsewhere();
    } catch (error) {
      log("rules-unknown", { replica: this.#replica, error: String(error) });
    }
  }

  /** Something was committed: tells the cell what fired. Null: there is nothing to tell. */
  committed(): Promise<boolean> | null {
    return this.#store.alerts.waiting === 0 ? null : this.tell();
  }

  /** Tells the cell what it has not taken; false: it did not take it all. Never throws. */
  tell(): Promise<boolean> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = null;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<boolean> {
    const store = this.#store;
    try {
      for (;;) {
        const alerts = store.alerts.unsent(limits.alertsPerCallMax);
        if (alerts.length === 0) break;
        const news = alerts.filter((alert) => !this.#heard.has(alert));
        for (const alert of news) this.#heard.add(alert);
        this.#onRaised(news);
        const telling = Promise.resolve(this.#cell().raiseAlerts(alerts));
        const refused = await within(telling, limits.rulesTimeoutMs);
        if (refused === "late") return false;
        if (refused > 0) log("alerts-refused", { replica: this.#replica, count: refused });
        store.alerts.sent(alerts);
      }
    } catch (error) {
      log("alerts-not-told", { replica: this.#replica, error: String(error) });
      return false;
    }
    const { refused } = store.alerts;
    if (refused > this.#refused)
      log("alerts-full", { replica: this.#replica, count: refused - this.#refused });
    this.#refused = refused;
    return store.alerts.waiting === 0;
  }

  async #lookElsewhere(): Promise<void> {
    const asking = Promise.resolve(this.#cell().elsewhereUnless(this.#elsewhere));
    const told = await within(asking, limits.rulesTimeoutMs);
    if (told === "late" || told === null || told === this.#elsewhere) return;
    const store = this.#store;
    store.write();
    store.transaction(() => {
      this.watch.hear(JSON.parse(told) as AlertsElsewhere);
      store.alerts.write();
    });
    this.#elsewhere = told;
  }

  #adopt(text: string): void {
    const store = this.#store;
    const published = JSON.parse(text) as PublishedRules;
    // What the rules before have staged is written with its cause.
    store.write();
    store.transaction(() => {
      storeRules(this.#sql, text);
      this.watch.follow(published);
      store.alerts.write();
    });
    this.#known = text;
    void this.committed();
  }
}
