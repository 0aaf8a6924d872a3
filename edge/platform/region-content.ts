// The RegionContent port over a ContentCell: which cell it is, and what its failures mean.

import type { StoredResponse } from "../cache/stored-response.ts";
import type { RegionContent } from "../content-ports.ts";
import { log } from "../../doors/access-log.ts";
import type { EdgeBody } from "./origin-content.ts";
import type { CellFinding } from "../objects/content-cell.ts";
import type { EdgeEnv } from "./env.ts";

/** Opens the cell of a region; `locationHint` is where its first use places it. */
export function openRegionContent(
  namespace: EdgeEnv["CONTENT_CELL"],
  region: string,
  locationHint: string | null,
): RegionContent<EdgeBody> {
  const cell = namespace.get(
    namespace.idFromName(`${region}/cell/0`),
    locationHint === null ? {} : { locationHint: locationHint as DurableObjectLocationHint },
  );
  return {
    async get(key, selecting) {
      try {
        // The call's type loses the tuples of the field list; the value is what `load` returned.
        const { stored, tags } = (await cell.load(key, selecting)) as CellFinding;
        return stored === null ? { kind: "none", tags } : { kind: "found", stored };
      } catch (error) {
        log("content-cell-failed", { region, call: "load", error: String(error) });
        return { kind: "unavailable" };
      }
    },
    async getTagged(key, tag) {
      try {
        return (await cell.loadTagged(key, tag)) as StoredResponse<Uint8Array> | null;
      } catch (error) {
        log("content-cell-failed", { region, call: "loadTagged", error: String(error) });
        return null;
      }
    },
    async put(key, { meta, body }, lease) {
      // Only whole bodies are stored, and those are bytes.
      if (!(body instanceof Uint8Array)) return;
      try {
        await cell.save(key, { meta, body }, lease);
      } catch (error) {
        log("content-cell-failed", { region, call: "save", error: String(error) });
      }
    },
    async delete(key) {
      try {
        await cell.drop(key);
      } catch (error) {
        log("content-cell-failed", { region, call: "drop", error: String(error) });
      }
    },
    async claimFill(id) {
      try {
        return await cell.claimFill(id);
      } catch (error) {
        log("content-cell-failed", { region, call: "claimFill", error: String(error) });
        return "alone";
      }
    },
    async endFill(id, outcome) {
      try {
        await cell.endFill(id, outcome);
      } catch (error) {
        log("content-cell-failed", { region, call: "endFill", error: String(error) });
      }
    },
  };
}
