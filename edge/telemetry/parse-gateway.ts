// What does a gateway's request say, which has the batches of many devices? Each is parsed as if it
// had come alone; only the shape around them and the number of readings are everyone's.

import type { Problem } from "../../http/problem.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import { parseReadings } from "./parse-readings.ts";
import { isObject, malformed, tooMany, type ParsedReadings } from "./parsed-readings.ts";
import type { ReadingCollector } from "./reading-collector.ts";

/** One of the batches; a device without a legal name has a problem. */
export interface GatewayBatch {
  readonly device: DeviceId | null;
  readonly parsed: Result<ParsedReadings, Problem>;
}

/** Parses `{ "batches": [...] }`; a batch without boot and seq is named by the key and its place. */
export function parseGateway(
  body: unknown,
  key: string | null,
): Result<readonly GatewayBatch[], Problem> {
  const list = isObject(body) && Object.keys(body).length === 1 ? body["batches"] : null;
  if (!Array.isArray(list) || list.length === 0)
    return err(malformed("", 'The body is { "batches": [...] } with at least one, and no more'));
  if (list.length > limits.devicesPerRequestMax)
    return err(malformed("/batches", `At most ${limits.devicesPerRequestMax} go into one request`));
  const batches: GatewayBatch[] = [];
  let count = 0;
  for (const [index, entry] of (list as readonly unknown[]).entries()) {
    const batch = parseEntry(entry, key === null ? null : `${key}/${index}`);
    batches.push(batch);
    if (batch.parsed.ok) count += countOf(batch.parsed.value.readings);
    if (count > limits.readingsPerRequestMax) return err(tooMany());
  }
  return ok(batches);
}

function parseEntry(entry: unknown, key: string | null): GatewayBatch {
  const name = isObject(entry) ? entry["device"] : null;
  const device = typeof name === "string" ? parseDeviceId(name) : null;
  if (device === null) return { device, parsed: err(malformed("/device", DEVICE)) };
  return { device, parsed: parseReadings(entry, device, key) };
}

function countOf({ timed, timeless, rejected }: ReadingCollector): number {
  return [...timed.values()].reduce(
    (sum, { times }) => sum + times.length,
    rejected + timeless.size,
  );
}

const DEVICE =
  "A batch names its device: 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen";
