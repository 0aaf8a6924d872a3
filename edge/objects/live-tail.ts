// Who listens to a hub? Each listener pulls lines out of the journal as fast as it takes them; a
// commit only tells them that there is more. Without listeners a commit costs nothing.

import { isoTime } from "../../doors/respond.ts";
import { within } from "../../doors/within.ts";
import type { RaisedAlert } from "../../state/alert.ts";
import type { LogEntry } from "../../sync/crdt/batch-log.ts";
import { decodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import { alertData, type LiveLine, type LiveStatus } from "../live/live-line.ts";
import type { LivePosition } from "../live/position.ts";
import { wantsAlert, type LiveQuery } from "../live/query.ts";
import { TailReader, type TailJournal } from "../live/tail-reader.ts";
import type { HubStore } from "../ports.ts";

/** What listeners need of their hub. */
export interface ListenedHub {
  readonly store: Pick<HubStore, "extent" | "entriesAfter">;
  /** Resolves when what was written before is on disk. */
  readonly sync: () => Promise<void>;
  readonly status: () => LiveStatus;
  /** What fires now. */
  readonly firing: () => readonly RaisedAlert[];
}

interface Listener {
  readonly query: LiveQuery;
  readonly reader: TailReader;
  /** What is to be told before anything else. */
  status: LiveStatus | null;
  /** Alerts that it was not told; past `liveAlertsMax` the oldest is left out. */
  alerts: RaisedAlert[];
  /** True until it was told anything. */
  isFirst: boolean;
  wake: () => void;
}

/** The listeners of one hub. */
export class LiveTail {
  readonly #hub: ListenedHub;
  readonly #journal: TailJournal;
  readonly #listeners = new Set<Listener>();
  /** The last entry that is known to be on disk. */
  #head = 0;
  #refreshing: Promise<void> | null = null;
  #isOriginAway: boolean | null = null;
  /** The entry that was decoded last: listeners that keep up share it. */
  #decoded: { readonly entry: LogEntry; readonly batches: readonly ReadingBatch[] } | null = null;

  constructor(hub: ListenedHub) {
    this.#hub = hub;
    this.#journal = {
      extent: () => hub.store.extent(),
      entriesAfter: (after, bytes, most) => hub.store.entriesAfter(after, bytes, most),
      batchesOf: (entry) => this.#batchesOf(entry),
    };
  }

  /** Something was committed. */
  committed(): void {
    if (this.#listeners.size > 0) void this.#refresh();
  }

  /** Alerts fired, or are over, on disk. */
  raised(alerts: readonly RaisedAlert[]): void {
    for (const listener of this.#listeners) {
      const heard = alerts.filter((alert) => isWanted(listener, alert));
      if (heard.length === 0) continue;
      listener.alerts = [...listener.alerts, ...heard].slice(-limits.liveAlertsMax);
      listener.wake();
    }
  }

  /** The link has run: tells listeners if the origin went away, or came back. */
  linkRan(): void {
    if (this.#listeners.size === 0) return;
    const status = this.#hub.status();
    if (status.originAway === this.#isOriginAway) return;
    this.#isOriginAway = status.originAway;
    for (const listener of this.#listeners) {
      listener.status = status;
      listener.wake();
    }
  }

  /** Opens a stream of lines; null: there are as many as there may be. */
  async listen(
    query: LiveQuery,
    after: LivePosition | null,
  ): Promise<ReadableStream<Uint8Array> | null> {
    if (this.#listeners.size >= limits.liveListenersMax) return null;
    await this.#look();
    // Others may have come meanwhile.
    if (this.#listeners.size >= limits.liveListenersMax) return null;
    const reader = new TailReader(this.#journal, query, after, this.#head);
    const status = this.#hub.status();
    this.#isOriginAway = status.originAway;
    const listener: Listener = {
      query,
      reader,
      status,
      alerts: [],
      isFirst: true,
      wake: () => undefined,
    };
    listener.alerts = this.#hub
      .firing()
      .filter((alert) => isWanted(listener, alert))
      .slice(-limits.liveAlertsMax);
    this.#listeners.add(listener);
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        try {
          const lines = await this.#lines(listener);
          if (this.#listeners.has(listener)) controller.enqueue(encode(lines));
        } catch (error) {
          this.#listeners.delete(listener);
          controller.error(error);
        }
      },
      cancel: () => {
        this.#listeners.delete(listener);
        listener.wake();
      },
    });
  }

  /** Waits for lines that a listener wants; a heartbeat if there are none for a while. */
  async #lines(listener: Listener): Promise<readonly LiveLine[]> {
    const { reader, query } = listener;
    for (;;) {
      const { status, isFirst } = listener;
      listener.status = null;
      listener.isFirst = false;
      // The first line says where the listener begins, so that it can come back to there.
      if (status !== null && query.kinds.includes("status"))
        return [{ at: reader.at, event: "status", data: status }];
      if (isFirst) return [{ at: reader.at, event: "heartbeat", data: null }];
      const told = listener.alerts;
      listener.alerts = [];
      if (told.length > 0)
        return told.map((alert) => ({
          at: reader.at,
          event: "alert",
          data: alertData(alert, isoTime),
        }));
      const { lines, isMore } = reader.next(this.#head);
      if (lines.length > 0) return lines;
      // Other work is let in between what it does not want to hear.
      if (isMore) await scheduler.wait(0);
      else if (!(await this.#news(listener)))
        return [{ at: reader.at, event: "heartbeat", data: null }];
    }
  }

  async #news(listener: Listener): Promise<boolean> {
    if (!this.#listeners.has(listener)) return false;
    const news = new Promise<true>((resolve) => {
      listener.wake = () => resolve(true);
    });
    const isNews = (await within(news, limits.liveHeartbeatMs)) === true;
    return isNews && this.#listeners.has(listener);
  }

  /** Finds up to where the journal is on disk, and wakes whoever waits for more. */
  #refresh(): Promise<void> {
    const following =
      this.#refreshing ??
      this.#follow()
        // What the disk does not say now, it says when there is more.
        .catch(() => undefined)
        .finally(() => {
          this.#refreshing = null;
        });
    this.#refreshing = following;
    return following;
  }

  async #follow(): Promise<void> {
    while (this.#hub.store.extent().head !== this.#head && this.#listeners.size > 0) {
      await this.#look();
      for (const listener of this.#listeners) listener.wake();
    }
  }

  async #look(): Promise<void> {
    const { head } = this.#hub.store.extent();
    if (head === this.#head) return;
    await this.#hub.sync();
    // A disk that failed meanwhile has taken the end of the journal with it.
    this.#head = Math.min(head, this.#hub.store.extent().head);
  }

  #batchesOf(entry: LogEntry): readonly ReadingBatch[] {
    const held = this.#decoded;
    if (held?.entry.seq === entry.seq && held.entry.stampMs === entry.stampMs) return held.batches;
    const decoded = decodeBatches(entry.body);
    const batches = decoded.ok ? decoded.value : [];
    this.#decoded = { entry, batches };
    return batches;
  }
}

function isWanted({ query }: Listener, { device, reason }: RaisedAlert): boolean {
  return wantsAlert(query, device, reason.stream);
}

const encoder = new TextEncoder();

function encode(lines: readonly LiveLine[]): Uint8Array {
  return encoder.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
