// Skerry over its WebSocket, skerry.ingest.1 (docs/ingest-protocol.md): the same columnar JSON as over
// HTTP in a text message, or a batch in the journal's encoding in a binary one. Frames are RFC 6455's.

import { parseDeviceId, parseStreamName } from "../../../sync/brand.ts";
import { encodeBatches, type ReadingBatch } from "../../../sync/wire/batch.ts";
import type { Dialect, Verdict } from "../dialect.ts";
import type { Device, Readings } from "../readings.ts";
import { columnar } from "./skerry-http.ts";

const TEXT = 0x81;
const BINARY = 0x82;
/** Any 16 bytes: the server's answer to them proves that it read them, which is not in doubt here. */
const KEY = "c2tlcnJ5LmJlbmNoLjEuLg==";
const MASK = Buffer.from([0x5a, 0xc3, 0x17, 0x88]);
/** Answers between two confirmations; the protocol closes a stream after 1,024 without one. */
const SEEN_EVERY = 512;
const NO_HASH = "0".repeat(16);

export const skerryStream: Dialect = {
  hello: { bytes: upgrade, judge: (answer) => judgeHello(answer) },
  batch: (device, _token, seq, count) =>
    withSeen(frame(TEXT, Buffer.from(columnar(device.next(count), seq), "latin1")), seq),
  judge,
};

export const skerryBinary: Dialect = {
  ...skerryStream,
  batch: (device, _token, seq, count) =>
    withSeen(frame(BINARY, binary(device.id, device.next(count), seq)), seq),
};

function upgrade(device: Device, token: string): Buffer {
  const fields = [
    `GET /v1/devices/${device.id}/stream HTTP/1.1`,
    "host: localhost",
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${KEY}`,
    "sec-websocket-protocol: skerry.ingest.1",
    `authorization: Bearer ${token}`,
  ];
  return Buffer.from(`${fields.join("\r\n")}\r\n\r\n`, "latin1");
}

function judgeHello(answer: Buffer): Verdict {
  const head = answer.indexOf("\r\n\r\n");
  if (head === -1) return "more";
  const text = answer.toString("latin1");
  if (!text.startsWith("HTTP/1.1 101 ")) return { wrong: text.slice(0, 500) };
  return judgeFrame(answer.subarray(head + 4), '"hello":"skerry.ingest.1"');
}

function judge(answer: Buffer, count: number): Verdict {
  return judgeFrame(answer, `"accepted":${count},`);
}

/** Judges a frame of the server's, which is not masked and in one piece. */
function judgeFrame(bytes: Buffer, expected: string): Verdict {
  if (bytes.length < 2) return "more";
  const short = (bytes[1] ?? 0) & 0x7f;
  if (short === 126 && bytes.length < 4) return "more";
  const length = short === 126 ? bytes.readUInt16BE(2) : short;
  const start = short === 126 ? 4 : 2;
  if (bytes.length < start + length) return "more";
  const isGood = bytes[0] === TEXT && bytes.indexOf(expected, start, "latin1") !== -1;
  return isGood ? "good" : { wrong: bytes.toString("utf8", start).slice(0, 500) };
}

/** Confirms the answers before this batch from time to time. */
function withSeen(message: Buffer, seq: number): Buffer {
  if (seq % SEEN_EVERY !== 0) return message;
  return Buffer.concat([frame(TEXT, Buffer.from(`{"seen":${seq - 1}}`)), message]);
}

/** Writes a frame of a client's, masked as every one is. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  const masked = Buffer.from(payload);
  for (let i = 0; i < length; i += 1) masked[i] = (payload[i] ?? 0) ^ (MASK[i & 3] ?? 0);
  return Buffer.concat([head, MASK, masked]);
}

/** Writes a binary message: its version, no clock, and one batch as an entry. */
function binary(id: string, { times, columns }: Readings, seq: number): Buffer {
  const device = parseDeviceId(id);
  if (device === null) throw new TypeError(`"${id}" is not a device`);
  const rows = times.map((_, row) => row);
  const batch: ReadingBatch = {
    device,
    identity: { kind: "boot", boot: "b1", seq },
    contentHash: NO_HASH,
    isTimeAssigned: false,
    times,
    columns: columns.flatMap(({ stream: name, values }) => {
      const stream = parseStreamName(name);
      return stream === null ? [] : [{ stream, kind: "number", rows, values: values.map(Number) }];
    }),
  };
  return Buffer.concat([Buffer.from([1, 0]), encodeBatches([batch])]);
}
