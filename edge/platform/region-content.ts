// The RegionContent port over a ContentCell: which cell it is, and what its failures mean. What is stored
// while the cell is still busy with what was stored before goes there together, in one call and one
// commit.

import type { StoredResponse } from "../cache/stored-response.ts";
import type { RegionContent, RegionFinding } from "../content-ports.ts";
import { log } from "../../doors/access-log.ts";
import { digestOf } from "./body-digest.ts";
import { limits } from "../limits.ts";
import type { EdgeBody } from "./origin-content.ts";
import type { CellFinding, CellSave, ContentCell } from "../objects/content-cell.ts";
import type { EdgeEnv } from "./env.ts";

/** What is to be saved, and who waits for it. */
interface Waiting extends CellSave {
  readonly done: () => void;
}

/** The saves of an isolate to one region's cell. */
interface Saves {
  waiting: Waiting[];
  bytes: number;
  /** When the call that is under way began; null: none is. */
  sinceMs: number | null;
}

const nothing = (
  tags: readonly string[],
  isClaimed: boolean,
  isDamaged: boolean,
): RegionFinding<never> => ({
  kind: "none",
  tags,
  isClaimed,
  ...(isDamaged ? { fault: "body-damaged" } : {}),
});

/** Tells whether a body is what its digest says; what no digest is known of is taken as it is. */
async function isSound({ meta, body }: StoredResponse<Uint8Array>): Promise<boolean> {
  return meta.bodyDigest === undefined || meta.bodyDigest === (await digestOf(body));
}

/** The regions' cells, as an isolate knows them. */
export class RegionCells {
  readonly #namespace: EdgeEnv["CONTENT_CELL"];
  readonly #saves = new Map<string, Saves>();

  constructor(namespace: EdgeEnv["CONTENT_CELL"]) {
    this.#namespace = namespace;
  }

  /** Opens the cell of a region; `locationHint` is where its first use places it. */
  open(region: string, locationHint: string | null): RegionContent<EdgeBody> {
    let opened: DurableObjectStub<ContentCell> | null = null;
    const cell = (): DurableObjectStub<ContentCell> =>
      (opened ??= this.#namespace.get(
        this.#namespace.idFromName(`${region}/cell/0`),
        locationHint === null ? {} : { locationHint: locationHint as DurableObjectLocationHint },
      ));
    const orElse = async <T>(call: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        log("content-cell-failed", { region, call, error: String(error) });
        return otherwise;
      }
    };
    const dropDamaged = async ({ meta: { bodyDigest } }: StoredResponse<Uint8Array>) => {
      log("body-damaged", { region, digest: bodyDigest ?? "" });
      if (bodyDigest !== undefined) await cell().dropBody(bodyDigest);
    };
    return {
      get: (key, selecting, fillId) =>
        orElse<RegionFinding<EdgeBody>>(
          "load",
          async () => {
            // The call's type loses the tuples of the field list; the value is what `load` returned.
            const found = (await cell().load(key, selecting, fillId)) as CellFinding;
            const { stored, tags, isDamaged, isClaimed } = found;
            if (stored === null) return nothing(tags, isClaimed, isDamaged);
            if (await isSound(stored)) return { kind: "found", stored };
            await dropDamaged(stored);
            return nothing([], false, true);
          },
          { kind: "unavailable" },
        ),
      getTagged: (key, tag) =>
        orElse(
          "loadTagged",
          async () => {
            const stored = (await cell().loadTagged(key, tag)) as StoredResponse<Uint8Array> | null;
            if (stored === null || (await isSound(stored))) return stored;
            await dropDamaged(stored);
            return null;
          },
          null,
        ),
      put: async (key, { meta, body }, lease) => {
        // Only whole bodies are stored, and those are bytes.
        if (!(body instanceof Uint8Array)) return;
        const bodyDigest = meta.bodyDigest ?? (await digestOf(body));
        const save: CellSave = { key, stored: { meta: { ...meta, bodyDigest }, body }, lease };
        await this.#save(region, save, (all) => orElse("save", () => cell().save(all), undefined));
      },
      delete: (key) => orElse("drop", () => cell().drop(key), undefined),
      claimFill: (id) => orElse("claimFill", () => cell().claimFill(id), "alone"),
      endFill: (id, outcome) => orElse("endFill", () => cell().endFill(id, outcome), undefined),
    };
  }

  /** Saves now, or with what comes while the cell is busy. Never rejects. */
  async #save(
    region: string,
    save: CellSave,
    send: (all: readonly CellSave[]) => Promise<void>,
  ): Promise<void> {
    const saves = this.#saves.get(region) ?? { waiting: [], bytes: 0, sinceMs: null };
    this.#saves.set(region, saves);
    const nowMs = Date.now();
    // The request that the call belongs to may have been cut off: after a while another one goes.
    const isBusy = saves.sinceMs !== null && Math.abs(nowMs - saves.sinceMs) < limits.saveMsMax;
    const isFull = saves.bytes + save.stored.meta.bodyBytes > limits.waitingSavesBytesMax;
    if (!isBusy || isFull) {
      saves.sinceMs = nowMs;
      await send([save]);
      // Those that came meanwhile go together, until none has.
      while (saves.waiting.length > 0) {
        const all = saves.waiting;
        [saves.waiting, saves.bytes, saves.sinceMs] = [[], 0, Date.now()];
        await send(all.map(({ done: _done, ...one }) => one));
        for (const { done } of all) done();
      }
      saves.sinceMs = null;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    saves.waiting.push({ ...save, done: resolve });
    saves.bytes += save.stored.meta.bodyBytes;
    await promise;
  }
}
