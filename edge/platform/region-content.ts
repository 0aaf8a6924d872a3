// The RegionContent port over a ContentCell: which cell it is, and what its failures mean. What is stored
// within a moment of what was stored before, or while the cell is still busy with that, goes there together,
// in one call and one commit.

import type { StoredMeta, StoredResponse } from "../cache/stored-response.ts";
import type { LargeContent, RegionContent, RegionFinding } from "../content-ports.ts";
import { log } from "../../doors/access-log.ts";
import { within } from "../../doors/within.ts";
import { digestOf } from "./body-digest.ts";
import { limits } from "../limits.ts";
import { decodeHandle, encodeHandle, LargeBody, sendLarge } from "./large-body.ts";
import type { EdgeBody } from "./origin-content.ts";
import type { CellFinding, CellSave, ContentCell } from "../objects/content-cell.ts";
import type { EdgeEnv } from "./env.ts";

/** What is to be saved, and who waits for it. */
interface Waiting extends CellSave {
  /** Says that it went, or that whoever made the calls has left, and this one is to. */
  readonly done: (what: "sent" | "left") => void;
}

/** The saves of an isolate to one region's cell. */
interface Saves {
  waiting: Waiting[];
  bytes: number;
  /** When the call that is under way, or about to be made, began; null: none is. */
  sinceMs: number | null;
  /** When the last call was made. */
  sentMs: number;
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

/** What is to be saved of a stored response; null: nothing can be. */
async function saveOf(
  key: string,
  { meta, body }: StoredResponse<EdgeBody>,
  lease: string | null,
): Promise<CellSave | null> {
  if (body instanceof LargeBody) {
    // It was validated, and is in the bucket already.
    const { handle } = body;
    const large = { ...meta, isInBucket: true, bodyDigest: handle.digest } as const;
    return { key, stored: { meta: large, body: encodeHandle(handle) }, lease };
  }
  // Else only whole bodies are stored, and those are bytes.
  if (!(body instanceof Uint8Array)) return null;
  const bodyDigest = meta.bodyDigest ?? (await digestOf(body));
  return { key, stored: { meta: { ...meta, bodyDigest }, body }, lease };
}

/** Calls a cell; what its failure means is `otherwise`. */
async function attempt<T>(
  region: string,
  call: string,
  work: () => Promise<T>,
  otherwise: T,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    log("content-cell-failed", { region, call, error: String(error) });
    return otherwise;
  }
}

const pause = (ms: number): Promise<void> => new Promise((over) => setTimeout(over, ms));

/** Tells whether a body is what its digest says; what no digest is known of is taken as it is. */
async function isSound({ meta, body }: StoredResponse<Uint8Array>): Promise<boolean> {
  return meta.bodyDigest === undefined || meta.bodyDigest === (await digestOf(body));
}

/** The regions' cells, as an isolate knows them. */
export class RegionCells {
  readonly #namespace: EdgeEnv["CONTENT_CELL"];
  readonly #saves = new Map<string, Saves>();
  readonly #bucket: R2Bucket | null;
  /** How soon after a call that saves another is made: at once, where no memory has the pages meanwhile. */
  readonly #gatherMs: number;
  /** Keys of which a large body is being sent. */
  readonly #sending = new Set<string>();

  constructor(
    { CONTENT_CELL, BODIES }: Pick<EdgeEnv, "CONTENT_CELL" | "BODIES">,
    hasMemory: boolean,
  ) {
    this.#gatherMs = hasMemory ? limits.saveGatherMs : 0;
    this.#namespace = CONTENT_CELL;
    this.#bucket = BODIES ?? null;
  }

  /** Opens the cell of a region; `locationHint` is where its first use places it. */
  open(region: string, locationHint: string | null): RegionContent<EdgeBody> {
    let opened: DurableObjectStub<ContentCell> | null = null;
    const cell = (): DurableObjectStub<ContentCell> =>
      (opened ??= this.#namespace.get(
        this.#namespace.idFromName(`${region}/cell/0`),
        locationHint === null ? {} : { locationHint: locationHint as DurableObjectLocationHint },
      ));
    const orElse = <T>(call: string, work: () => Promise<T>, otherwise: T): Promise<T> =>
      attempt(region, call, work, otherwise);
    const dropDamaged = async ({ meta: { bodyDigest } }: StoredResponse<Uint8Array>) => {
      log("body-damaged", { region, digest: bodyDigest ?? "" });
      if (bodyDigest !== undefined) await cell().dropBody(bodyDigest);
    };
    /** One that was found here, and then not in the bucket: the next look says so. */
    let isLost = false;
    const largeOf = this.#largeOf(region, async (digest) => {
      isLost = true;
      await orElse("dropBody", () => cell().dropBody(digest), undefined);
    });
    const large = this.#bucket === null ? {} : { large: this.#large(this.#bucket, region, cell) };
    return {
      ...large,
      get: (key, selecting, fillId) =>
        orElse<RegionFinding<EdgeBody>>(
          "load",
          async () => {
            // The call's type loses the tuples of the field list; the value is what `load` returned.
            const found = (await cell().load(key, selecting, fillId)) as CellFinding;
            const { stored, tags, isDamaged, isClaimed } = found;
            if (stored === null) return nothing(tags, isClaimed, isDamaged || isLost);
            if (stored.meta.isInBucket === true) {
              const large = largeOf(stored);
              return large === null ? nothing([], false, true) : { kind: "found", stored: large };
            }
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
            if (stored?.meta.isInBucket === true) return largeOf(stored);
            if (stored === null || (await isSound(stored))) return stored;
            await dropDamaged(stored);
            return null;
          },
          null,
        ),
      put: async (key, stored, lease) => {
        const save = await saveOf(key, stored, lease);
        if (save === null) return;
        await this.#save(region, save, (all) => orElse("save", () => cell().save(all), undefined));
      },
      delete: (key) => orElse("drop", () => cell().drop(key), undefined),
      claimFill: (id) => orElse("claimFill", () => cell().claimFill(id), "alone"),
      endFill: (id, outcome) => orElse("endFill", () => cell().endFill(id, outcome), undefined),
    };
  }

  /** Makes what a cell has of a large body one that can be read; null: it cannot. */
  #largeOf(
    region: string,
    drop: (digest: string) => Promise<void>,
  ): (found: StoredResponse<Uint8Array>) => StoredResponse<EdgeBody> | null {
    const bucket = this.#bucket;
    return ({ meta, body }) => {
      const handle = decodeHandle(body);
      if (handle === null || bucket === null) return null;
      const lost = (why: string): Promise<void> => {
        log("body-damaged", { region, digest: handle.digest, why });
        return drop(handle.digest);
      };
      return { meta, body: new LargeBody(handle, bucket, lost) };
    };
  }

  /** Sends large bodies to the bucket; the cell knows of each before it is begun. */
  #large(
    bucket: R2Bucket,
    region: string,
    cell: () => DurableObjectStub<ContentCell>,
  ): LargeContent<EdgeBody> {
    const send = async (
      key: string,
      meta: StoredMeta,
      body: ReadableStream<Uint8Array>,
      lease: string | null,
    ): Promise<void> => {
      const object = `${region}/${crypto.randomUUID()}`;
      const isBegun = await cell().beginLarge(key, object, meta.bodyBytes, meta.requestMs);
      if (!isBegun) return void body.cancel();
      const handle = await sendLarge(bucket, object, body, meta.bodyBytes);
      if (handle === null) {
        log("large-body-not-stored", { region, object, error: "it did not come to its end" });
        return cell().abandonLarge(object);
      }
      await cell().saveLarge({ key, meta, handle, lease });
    };
    return {
      bytesMax: limits.largeBodyBytesMax,
      hasRoom: (key) => this.#sending.size < limits.largeFillsMax && !this.#sending.has(key),
      put: async (key, meta, body, lease) => {
        if (!(body instanceof ReadableStream)) return;
        if (this.#sending.has(key)) return body.cancel();
        this.#sending.add(key);
        try {
          await send(key, meta, body, lease);
        } catch (error) {
          log("large-body-not-stored", { region, error: String(error) });
          void body.cancel().catch(() => undefined);
        } finally {
          this.#sending.delete(key);
        }
      },
    };
  }

  /** Saves now, or with what comes within a moment, or while the cell is busy. Never rejects. */
  async #save(
    region: string,
    save: CellSave,
    send: (all: readonly CellSave[]) => Promise<void>,
  ): Promise<void> {
    const saves = this.#saves.get(region) ?? {
      waiting: [],
      bytes: 0,
      sinceMs: null,
      sentMs: -Infinity,
    };
    this.#saves.set(region, saves);
    const nowMs = Date.now();
    const isFull = saves.bytes + save.stored.body.length > limits.waitingSavesBytesMax;
    if (isFull) return send([save]);
    const { promise, resolve } = Promise.withResolvers<"sent" | "left">();
    saves.waiting.push({ ...save, done: resolve });
    saves.bytes += save.stored.body.length;
    // The request that the call belongs to may have been cut off: after a while another one goes.
    const isBusy = saves.sinceMs !== null && Math.abs(nowMs - saves.sinceMs) < limits.saveMsMax;
    // With a timer, or the runtime takes a request for hung that waits for another's call.
    if (isBusy && (await within(promise, limits.saveMsMax)) !== "left") return;
    await this.#lead(saves, send);
  }

  /** Sends what waits until nothing does; a request does so for others only so many times. */
  async #lead(saves: Saves, send: (all: readonly CellSave[]) => Promise<void>): Promise<void> {
    saves.sinceMs = Date.now();
    for (let calls = 0; saves.waiting.length > 0 && calls < limits.savesLedMax; calls += 1) {
      const sinceSentMs = Math.abs(Date.now() - saves.sentMs);
      if (sinceSentMs < this.#gatherMs) await pause(this.#gatherMs - sinceSentMs);
      const all = saves.waiting;
      [saves.waiting, saves.bytes] = [[], 0];
      saves.sinceMs = saves.sentMs = Date.now();
      await send(all.map(({ done: _done, ...one }) => one));
      for (const { done } of all) done("sent");
    }
    saves.sinceMs = null;
    saves.waiting[0]?.done("left");
  }
}
