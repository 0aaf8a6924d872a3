// What do answers look like, and bodies that no parser of ours describes? Schemas for documents, and for
// the test that holds them against real answers: what is named is there, and more may be.

import * as z from "zod/mini";

const when = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/));
const count = z.int().check(z.minimum(0));
const cursor = z.nullable(z.string());
const device = z.string().check(z.regex(/^[A-Za-z0-9._-]{1,64}$/));
const counts = z.looseObject({ count, sum: z.string() });

/** An error (RFC 9457). */
export const problem = z.looseObject({
  type: z.string().check(z.regex(/^urn:skerry:problem:[a-z0-9-]+$/)),
  title: z.string(),
  status: z.int().check(z.minimum(400), z.maximum(599)),
  detail: z.string(),
  errors: z.optional(
    z.array(
      z.looseObject({
        pointer: z.optional(z.string()),
        stream: z.optional(z.string()),
        index: z.optional(count),
        code: z.string(),
        message: z.string(),
      }),
    ),
  ),
});

export const accepted = z.looseObject({
  accepted: count,
  duplicates: count,
  conflicts: count,
  rejected: count,
  late: count,
  quarantined: count,
  ackSeq: z.nullable(count),
  durable: z.literal(true),
  region: z.string(),
  errors: z.array(z.looseObject({ code: z.string(), message: z.string() })),
});

export const batchResults = z.looseObject({
  results: z.array(z.looseObject({ device: z.nullable(z.string()), status: z.int() })),
});

export const batches = z.looseObject({
  batches: z.array(
    z.looseObject({ device: z.optional(z.string()), readings: z.optional(z.any()) }),
  ),
});

const gap = z.looseObject({
  device: z.optional(z.literal("*")),
  stream: z.string(),
  from: when,
  to: when,
  readings: z.nullable(count),
  reason: z.enum(["buffer-full", "thinned", "damaged"]),
  policy: z.optional(z.string()),
});
export const gaps = z.looseObject({
  region: z.optional(z.string()),
  device,
  readings: count,
  gaps: z.array(gap),
  truncated: z.boolean(),
});

export const regionalView = z.looseObject({
  device,
  view: z.literal("regional"),
  region: z.string(),
  streams: z.record(z.string(), counts),
});
export const totals = z.looseObject({ device, streams: z.record(z.string(), counts) });
export const latest = z.looseObject({ device, region: z.string() });
export const history = z.looseObject({
  device,
  view: z.literal("regional"),
  region: z.string(),
  resolution: z.enum(["raw", "1m", "1h"]),
  from: z.nullable(when),
  to: z.nullable(when),
  series: z.record(z.string(), z.any()),
  coarser: z.array(z.any()),
  damaged: z.array(z.any()),
  gaps: z.array(gap),
  cursor,
});
export const thinned = z.looseObject({
  device,
  resolution: z.literal("1m"),
  minutes: z.array(z.looseObject({ stream: z.string(), start: when, count, sum: z.string() })),
  cursor,
});

const tree = z.record(z.string(), z.any());
export const shadow = z.looseObject({
  device,
  view: z.enum(["regional", "merged"]),
  version: count,
  desired: tree,
  reported: tree,
  delta: tree,
  updated: z.looseObject({ desired: z.nullable(when), reported: z.nullable(when) }),
});
export const shadowPatch = z.union([
  z.strictObject({ desired: tree }),
  z.strictObject({ reported: tree }),
]);

const commandFields = {
  id: z.string(),
  name: z.string(),
  state: z.enum(["queued", "sent", "accepted", "done", "failed", "expired"]),
  expires: when,
  reached: z.record(z.string(), when),
};
export const command = z.looseObject({ device, ...commandFields });
export const commands = z.looseObject({ device, commands: z.array(z.looseObject(commandFields)) });
export const givenCommand = z.strictObject({
  id: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))),
  name: z.string().check(z.regex(/^[a-z][a-z0-9_.-]{0,63}$/)),
  payload: z.optional(z.any()),
  expires: z.optional(z.union([z.string(), z.int()])),
  ttl: z.optional(z.number()),
});
export const commandAnswer = z.strictObject({
  state: z.enum(["accepted", "done", "failed"]),
  result: z.optional(z.any()),
});

const alertFields = {
  id: z.string(),
  rule: z.string(),
  device,
  stream: z.string(),
  state: z.enum(["firing", "acknowledged", "resolved"]),
  severity: z.enum(["info", "warning", "critical"]),
  reason: z.string(),
  windowStart: when,
  since: when,
};
export const alert = z.looseObject(alertFields);
export const alerts = z.looseObject({ alerts: z.array(alert), cursor });
export const rules = z.looseObject({ rules: z.array(z.looseObject({ name: z.string() })) });
export const rule = z.looseObject({ name: z.string(), device: z.string(), stream: z.string() });

export const time = z.looseObject({ now: when, nowMs: count, source: z.literal("region") });
export const place = z.looseObject({
  region: z.string(),
  reason: z.enum(["pinned", "country", "nearest", "continent", "default"]),
  because: z.string(),
  hub: z.looseObject({ region: z.string() }),
});
export const live = z.looseObject({ status: z.literal("live") });
export const ready = z.looseObject({ status: z.literal("ready") });
export const notReady = z.looseObject({ status: z.string() });
export const health = z.looseObject({ status: z.string() });

export const purged = z.looseObject({
  id: z.nullable(z.string()),
  region: z.string(),
  applied: z.array(z.string()),
  pending: z.array(z.string()),
});
export const purges = z.looseObject({
  region: z.optional(z.string()),
  purges: z.array(
    z.looseObject({ id: z.string(), writer: z.string(), at: when, scopes: z.array(z.string()) }),
  ),
  cursor,
});

export const registered = z.looseObject({ device, generation: count, disabled: z.boolean() });
export const devices = z.looseObject({ devices: z.array(registered), cursor });
export const credential = z.looseObject({
  device,
  generation: count,
  token: z.string(),
  expires: when,
});
export const deviceKey = z.looseObject({ device, version: count, key: z.string() });
export const keys = z.looseObject({
  signing: z.nullable(z.string()),
  keys: z.array(z.any()),
  retired: z.array(z.any()),
});
export const poison = z.looseObject({
  entries: count,
  entriesMax: count,
  bytes: count,
  bytesMax: count,
  dropped: count,
  listed: z.array(z.looseObject({ id: z.string(), replica: z.string(), seq: count })),
  cursor,
});
export const replayed = z.looseObject({ id: z.string(), added: count });
export const replayedAll = z.looseObject({
  replayed: count,
  added: count,
  stillPoison: count,
  cursor,
});
export const config = z.looseObject({});
export const configWritten = z.looseObject({ version: count, hash: z.string() });
export const published = z.looseObject({
  site: z.string(),
  path: z.string(),
  etag: z.string(),
  bytes: count,
  contentType: z.string(),
  cacheControl: z.string(),
});
export const applied = z.looseObject({ head: z.nullable(count), regions: z.array(z.string()) });
