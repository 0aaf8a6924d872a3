// A readings request as the hub gets it, made by the real parser and builder from its JSON.

import type { IngestCommand } from "../../edge/ingest.ts";
import { buildBatches } from "../../edge/telemetry/build-batches.ts";
import { parseReadings, type ParsedReadings } from "../../edge/telemetry/parse-readings.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { fnv1a32 } from "../../sync/hash.ts";
import { encodeWithPlaces, withHash } from "../../sync/wire/batch.ts";
import { deviceId } from "./arbitraries.ts";

export const DEVICE: DeviceId = deviceId("boat-1");

/** Parses a body that is right as a whole. */
export function parsed(body: unknown, key: string | null = null): ParsedReadings {
  const result = parseReadings(body, DEVICE, key);
  if (!result.ok) throw new TypeError(result.error.detail);
  return result.value;
}

/** Makes the hub's command of a body. */
export function commandOf(
  body: unknown,
  options: {
    readonly key?: string | null;
    readonly device?: DeviceId;
    readonly isStrict?: true;
  } = {},
): IngestCommand {
  const { key = null, device = DEVICE, isStrict = false } = options;
  const { identity, readings, sentMs } = parsed(body, key);
  const { batches } = buildBatches(device, identity, readings);
  // Any hash will do where nobody attacks it; the door takes SHA-256.
  const content = encodeWithPlaces(batches);
  const contentHash = fnv1a32(Array.from(content.bytes).join()).toString(16).padStart(16, "0");
  const entry = withHash(content, contentHash);
  return { device, identity, contentHash, entry, sentMs, isStrict };
}
