// What does a listener want to hear? The parameters of /v1/live, read strictly: a misspelt filter
// must not look like one that nothing matches.

import type { Problem } from "../../http/problem.ts";
import { parseDeviceId } from "../../sync/brand.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { Column } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import { parsePositions, type LivePositions } from "./position.ts";

/** What there is to hear. */
export type LiveKind = "readings" | "alerts" | "status";

/** What a listener wants; plain, so that it can be sent between objects. */
export interface LiveQuery {
  /** Null: of all devices. */
  readonly devices: readonly string[] | null;
  readonly streams: readonly string[] | null;
  /** How the names of streams begin; null: anyhow. */
  readonly prefix: string | null;
  readonly kinds: readonly LiveKind[];
}

/** A query, and from where it goes on; null: from now. */
export interface ReadQuery {
  readonly query: LiveQuery;
  readonly after: LivePositions | null;
}

/** What is read of a request's parameters: URLSearchParams has it. */
export interface Parameters {
  keys(): Iterable<string>;
  get(name: string): string | null;
  getAll(name: string): string[];
}

/** Reads the parameters of a request and its Last-Event-ID. */
export function readLiveQuery(
  parameters: Parameters,
  lastEventId: string | null,
): Result<ReadQuery, Problem> {
  const devices = parameters.getAll("device");
  const streams = parameters.getAll("stream");
  const prefixes = parameters.getAll("prefix");
  const kinds = (parameters.get("events") ?? KINDS.join(",")).split(",");
  const id = lastEventId ?? parameters.get("last-event-id") ?? "";
  const after = id === "" ? null : parsePositions(id);
  const stranger = [...parameters.keys()].find((name) => !PARAMETERS.includes(name));
  const faults: readonly (readonly [isFault: boolean, detail: string])[] = [
    [
      stranger !== undefined,
      `There is no "${stranger?.slice(0, 40)}", only ${PARAMETERS.join(", ")}`,
    ],
    [Math.max(devices.length, streams.length) > limits.liveFiltersMax, TOO_MANY],
    [devices.some((device) => parseDeviceId(device) === null), DEVICE],
    [[...streams, ...prefixes].some((name) => !STREAM.test(name)) || prefixes.length > 1, NAMES],
    [kinds.some((kind) => !KINDS.some((known) => known === kind)), EVENTS],
    [after === null && id !== "", LAST_ID],
  ];
  const fault = faults.find(([isFault]) => isFault);
  if (fault !== undefined) return err(bad(fault[1]));
  const query = {
    devices: devices.length === 0 ? null : devices,
    streams: streams.length === 0 ? null : streams,
    prefix: prefixes[0] ?? null,
    kinds: kinds as LiveKind[],
  };
  return ok({ query, after });
}

/** Tells whether a listener wants to hear of a device's readings. */
export function wantsDevice({ devices, kinds }: LiveQuery, device: string): boolean {
  return kinds.includes("readings") && (devices === null || devices.includes(device));
}

/** Tells whether a listener wants to hear of an alert of a device's stream. */
export function wantsAlert(
  { devices, streams, prefix, kinds }: LiveQuery,
  device: string,
  stream: string,
): boolean {
  return (
    kinds.includes("alerts") &&
    (devices === null || devices.includes(device)) &&
    (streams === null || streams.includes(stream)) &&
    (prefix === null || stream.startsWith(prefix))
  );
}

/** Finds the columns of a batch that a listener wants to hear. */
export function wantedColumns(
  { streams, prefix }: LiveQuery,
  columns: readonly Column[],
): readonly Column[] {
  if (streams === null && prefix === null) return columns;
  return columns.filter(
    ({ stream }) =>
      (streams === null || streams.includes(stream)) &&
      (prefix === null || stream.startsWith(prefix)),
  );
}

const PARAMETERS: readonly string[] = ["device", "stream", "prefix", "events", "last-event-id"];
const KINDS: readonly LiveKind[] = ["readings", "alerts", "status"];
const TOO_MANY = `At most ${limits.liveFiltersMax} of device, and of stream`;
const DEVICE = "device is a device's name, 1 to 64 characters of A-Z, a-z, 0-9, ., _ and -";
const NAMES = "stream is a stream's name, and prefix, once, how such a name begins";
const EVENTS = `events is a list, with commas, of ${KINDS.join(", ")}`;
const LAST_ID = "Last-Event-ID is the id of an event of this door, as it came, or left out";
const STREAM = /^[a-z][a-z0-9_]{0,63}$/;

function bad(detail: string): Problem {
  return { code: "live-query", status: 400, title: "Not a filter of this door", detail };
}
