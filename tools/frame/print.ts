// What does a frame or an image say, in lines that a person reads?

import { SEAL_BYTES } from "../../doors/seal.ts";
import * as region from "../../state/region.ts";
import { formatDecimal } from "../../sync/decimal.ts";
import type { Collection } from "../../sync/replica/kind.ts";
import { decodeBatches, type ReadingBatch } from "../../sync/wire/batch.ts";
import { ByteReader, ByteWriter } from "../../sync/wire/bytes.ts";
import { writeKeys } from "../../sync/wire/dictionary.ts";
import type { ReceivedDownFrame } from "../../sync/wire/down-frame.ts";
import type { NewKeys } from "../../sync/wire/dictionary.ts";
import type { Group, Position } from "../../sync/wire/frame.ts";
import { UP_HEAD_BYTES } from "../../sync/wire/range/frames.ts";
import type { ReceivedUpFrame } from "../../sync/wire/up-frame.ts";
import type { Image } from "../../sync/replica/image.ts";
import { kindOf, nameOfKind } from "./kinds.ts";
import type { Opened } from "./open.ts";

/** Makes text stand out; gives it back as it is where there are no colours. */
export type Paint = (text: string) => string;

/** Values of a stream that are printed. */
const VALUES_MAX = 8;
/** Magic, version, direction, flags, checksum. */
const ENVELOPE_BYTES = 8;
const CRC_BYTES = 4;

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString("hex")}`;

/** What can be said of a frame that only the two ends of its link can read: they remember what it stands on. */
function codedLines({ bytes, way }: Extract<Opened, { kind: "coded" }>): string[] {
  const head = way === "up" ? UP_HEAD_BYTES : 1;
  const sizesWith = (seal: number): string =>
    `head ${head}, coded ${Math.max(0, bytes.length - head - CRC_BYTES - seal)}, checksum ${CRC_BYTES}`;
  const link = [bytes[2] ?? 0, bytes[1] ?? 0];
  const up = [
    `link: a number that ends in ${hex(Uint8Array.from(link))}`,
    `stands on an exchange whose answer has a checksum that ends in ${hex(bytes.subarray(3, 4))}`,
  ];
  return [
    ...(way === "up" ? up : ["answers the last request of its link, on whose checksum it stands"]),
    `bytes: ${sizesWith(0)}; or, if it is sealed, ${sizesWith(SEAL_BYTES)}, seal ${SEAL_BYTES}`,
    "what it says can be read only at the two ends of the link: turn the coded encoding off to look at it",
  ];
}

/** Prints what was opened. */
export function print(opened: Opened, isSealed: boolean, bold: Paint): string[] {
  const sealed = isSealed ? " and a seal of 16, not checked" : "";
  const size = `${opened.bytes.length} bytes${sealed}`;
  switch (opened.kind) {
    case "up":
      return [
        bold(`up-frame, version ${opened.frame.version}, ${size}`),
        ...upLines(opened.frame, bold),
        ...sizes(opened.bytes, opened.frame),
      ];
    case "down":
      return [
        bold(`down-frame, ${size}`),
        ...downLines(opened.frame, bold),
        ...sizes(opened.bytes, {
          log: [],
          groups: opened.frame.state?.groups ?? [],
          newKeys: opened.frame.newKeys,
        }),
      ];
    case "coded":
      return [bold(`coded ${opened.way}-frame, ${size}`), ...codedLines(opened)];
    case "image":
      return [bold(`stored image of ${opened.end}, ${size}`), ...imageLines(opened.image, bold)];
  }
}

function upLines(frame: ReceivedUpFrame, bold: Paint): string[] {
  const { speaker, floor, head, sentMs, from, to, ack, isKeyless, log } = frame;
  const who =
    speaker.kind === "link"
      ? field("link", speaker.link)
      : field("hello", `${speaker.replica}, life ${speaker.replicaEpoch}`);
  return [
    who,
    field("interval", `after ${position(from)} to ${to}`),
    field("floor", floor),
    field("head", head),
    field("sent", time(sentMs)),
    field("ack", position(ack)),
    field("keys held", isKeyless ? "none: the answer is to begin anew" : "as told"),
    ...(log.length > 0 ? [bold(`  log, ${log.length} entries`)] : []),
    ...log.flatMap(({ seq, stampMs, body }) => [
      `    ${seq}  ${time(stampMs)}  ${body.length} bytes`,
      ...batchLines(body),
    ]),
    ...groupLines(frame.groups, frame.newKeys, "up", bold),
  ];
}

function downLines(frame: ReceivedDownFrame, bold: Paint): string[] {
  const { outcome, link, at, hubNowMs, state } = frame;
  const head = [
    field("outcome", outcome),
    field(outcome === "unsupported" ? "newest" : "link", link),
    field("at", position(at)),
    field("hub's clock", time(hubNowMs)),
  ];
  if (state === null) return [...head, field("state", "none")];
  const { horizon } = state;
  return [
    ...head,
    field("interval", `after ${state.from} to ${state.to}, of ${state.head}`),
    field("stable", state.stable),
    ...(horizon === null
      ? []
      : [field("horizon", `${horizon.seq} (${show(horizon.stamp)}), known to ${horizon.known}`)]),
    ...groupLines(state.groups, frame.newKeys, "down", bold),
  ];
}

function imageLines({ facts, entries }: Image, bold: Paint): string[] {
  return [
    ...[...facts].map(([name, value]) => field(name, show(value))),
    ...[...entries].flatMap(([id, held]) => [
      bold(`  ${nameOfCollection(id)}, ${held.size} entries`),
      ...[...held].map(([key, entry]) =>
        entry === null
          ? `    ${key}  gone`
          : `    ${key}  seq ${entry.seq} mark ${entry.mark}  ${show(entry.value)}`,
      ),
    ]),
  ];
}

function groupLines(
  groups: readonly Group[],
  newKeys: NewKeys | null,
  way: "up" | "down",
  bold: Paint,
): string[] {
  if (newKeys === null) return [];
  return [
    field("keys", `${newKeys.added.length} new after ${newKeys.base}`),
    ...groups.flatMap((group) => {
      const { collection, kind, keys, body } = group;
      const title = `${nameOfCollection(collection, kind)}, ${nameOfKind(kind)}`;
      return [
        bold(`  ${title}: ${keys.length} entries, ${body.length} bytes`),
        ...valueLines(group, way),
      ];
    }),
  ];
}

function valueLines({ kind, keys, body }: Group, way: "up" | "down"): string[] {
  const reader = new ByteReader(body);
  const values = kindOf(kind)?.[way].read(reader, keys.length);
  if (values === undefined) return keys.map((key) => `    ${key}  (a kind that is not known here)`);
  if (reader.broken || reader.remaining > 0)
    return [`    broken: these are not ${keys.length} values of this kind`];
  return keys.map((key, i) => `    ${key}  ${show(values[i])}`);
}

function batchLines(body: Uint8Array): string[] {
  const batches = decodeBatches(body);
  if (!batches.ok) return ["      broken: not batches of readings"];
  if (batches.value.length === 0) return ["      no batches"];
  return batches.value.flatMap((batch) => [
    `      ${batch.device}  ${identity(batch)}  hash ${batch.contentHash}`,
    ...batch.columns.map(({ stream, kind, rows, values }) => {
      const shown = rows.slice(0, VALUES_MAX).map((row, i) => {
        const value = kind === "boolean" ? values[i] !== 0 : values[i];
        return `${time(batch.times[row] ?? 0)} ${String(value)}`;
      });
      const more = rows.length > VALUES_MAX ? [`and ${rows.length - VALUES_MAX} more`] : [];
      return `        ${stream}: ${[...shown, ...more].join(", ")}`;
    }),
  ]);
}

function identity({ identity: named, isTimeAssigned }: ReadingBatch): string {
  const name = {
    none: () => "no name",
    boot: () => (named.kind === "boot" ? `boot ${named.boot} batch ${named.seq}` : ""),
    key: () => (named.kind === "key" ? `key ${named.key}` : ""),
  }[named.kind]();
  return isTimeAssigned ? `${name}, time by the hub` : name;
}

function sizes(
  { length }: Uint8Array,
  { log, groups, newKeys }: Pick<ReceivedUpFrame, "log" | "groups" | "newKeys">,
): string[] {
  const bytes = (bodies: readonly { readonly body: Uint8Array }[]): number =>
    bodies.reduce((sum, { body }) => sum + body.length, 0);
  const keys = new ByteWriter();
  writeKeys(keys, newKeys?.added ?? []);
  const keyBytes = newKeys === null ? 0 : keys.length;
  const rest = length - ENVELOPE_BYTES - bytes(log) - bytes(groups) - keyBytes;
  const parts = `envelope ${ENVELOPE_BYTES}, fields ${rest}, log ${bytes(log)}`;
  return [field("bytes", `${parts}, keys ${keyBytes}, values ${bytes(groups)}`)];
}

/** Names the collections of a region's link as the source does; `kind` is known of a frame's. */
function nameOfCollection(id: number, kind: number | null = null): string {
  const named = Object.entries(region).find(
    ([, value]) =>
      isCollection(value) && value.id === id && (kind === null || value.kind.code === kind),
  );
  return named === undefined ? `collection ${id}` : `${id} ${named[0]}`;
}

function isCollection(value: unknown): value is Collection {
  return typeof value === "object" && value !== null && "kind" in value && "id" in value;
}

function field(name: string, value: string | number): string {
  return `  ${name.padEnd(12)} ${value}`;
}

function position({ seq, digest }: Position): string {
  return `${seq} (${digest.toString(16).padStart(8, "0")})`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

/** Formats a value on one line: stamps as times, exact sums as decimals, maps as objects. */
function show(value: unknown): string {
  return JSON.stringify(plain(value)) ?? "";
}

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, held]) => [key, plain(held)]));
  if (Array.isArray(value)) return value.map(plain);
  const { wallMs, logical, mantissa, scale } = value as Record<string, unknown>;
  if (typeof wallMs === "number") return `${time(wallMs)}+${String(logical)}`;
  if (typeof mantissa === "bigint" && typeof scale === "number")
    return formatDecimal({ mantissa, scale });
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]));
}
