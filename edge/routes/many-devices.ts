// How is a request with readings of many devices carried out? It has to be let in for each of them;
// then a few hubs are called at once, and for one device what is its own, in its order.

import type { Identity } from "../../doors/claims.ts";
import type { Guard } from "../../doors/guard.ts";
import type { Problem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";
import { err, type Result } from "../../sync/result.ts";
import { limits } from "../limits.ts";
import type { DeviceReport } from "../objects/device-hub.ts";
import type { hubOf } from "../platform/hubs.ts";
import { bodyKey } from "../telemetry/body-key.ts";
import type { ParsedReadings } from "../telemetry/parsed-readings.ts";
import { sha256Of } from "./ingest-body.ts";
import { encodeIngest, settleIngest, type IngestAnswer } from "./readings.ts";

/** What became of one batch. */
export type Settled = Result<IngestAnswer, Problem>;

/** One device's part of a request; a problem says why there is none. */
export interface DevicePart {
  readonly device: DeviceId | null;
  readonly parsed: Result<ParsedReadings, Problem>;
}

/** What the parts of a request came in, and where they go. */
export interface PartsRequest {
  /** The request that carries the token. */
  readonly request: Request;
  readonly guard: Guard;
  readonly body: Uint8Array;
  readonly isStrict: boolean;
  readonly region: string;
  readonly hubOf: (device: DeviceId) => ReturnType<typeof hubOf>;
}

/** Stores the parts, or says why the request may not post for one of the devices. */
export async function storeParts(
  parts: readonly DevicePart[],
  asked: PartsRequest,
): Promise<Result<readonly Settled[], Problem>> {
  const byDevice = [...Map.groupBy(parts.entries(), ([, { device }]) => device)];
  // The same whoever of the devices is asked for: one request has one credential.
  let poster: Identity | null = null;
  for (const [device] of byDevice) {
    if (device === null) continue;
    const admission = await asked.guard.requireDevice(asked.request, device, "ingest");
    if (!admission.ok) return err(admission.problem);
    poster = admission.identity;
  }
  const value: Settled[] = [];
  const queue = byDevice.values();
  const work = async (): Promise<void> => {
    for (const [device, own] of queue)
      for (const [at, { parsed }] of own)
        value[at] =
          parsed.ok && device !== null && poster !== null
            ? await store(device, parsed.value, asked, poster)
            : (parsed as Settled);
  };
  await Promise.all(Array.from({ length: limits.hubCallsAtOnceMax }, work));
  return { ok: true, value };
}

async function store(
  device: DeviceId,
  parsed: ParsedReadings,
  { body, isStrict, region, hubOf }: PartsRequest,
  poster: Identity,
): Promise<Settled> {
  const hub = hubOf(device);
  const isNameless = parsed.identity.kind === "none" && parsed.readings.timeless.size > 0;
  // RPC's own types turn the tuples inside a report into arrays; what arrives is what was sent.
  const report = isNameless ? ((await hub.report(device)) as unknown as DeviceReport) : null;
  const keys = report?.state?.memory.keys ?? [];
  const key = isNameless ? bodyKey(await sha256Of(body), keys, Date.now()) : "";
  const named = isNameless ? { ...parsed, identity: { kind: "key", key } as const } : parsed;
  const read = await encodeIngest(device, named, isStrict, body, poster);
  if (!read.ok) return read;
  return settleIngest(read.value, await hub.ingest(read.value.command), region);
}
