// How fast do frames become bytes, and bytes frames? One full frame of a fleet's changes, whose keys the
// link has numbered.

import type { LwwRegister } from "../../../sync/crdt/lww-register.ts";
import { lwwKind } from "../../../sync/replica/kinds.ts";
import { ByteReader, ByteWriter } from "../../../sync/wire/bytes.ts";
import { KeyDictionary } from "../../../sync/wire/dictionary.ts";
import { ORIGIN_POSITION, type Group } from "../../../sync/wire/frame.ts";
import { readUp, writeUp } from "../../../sync/wire/range/frames.ts";
import { FORM_MAX, LinkMemory } from "../../../sync/wire/range/memory.ts";
import { decodeUpFrame, encodeUpFrame, type UpFrame } from "../../../sync/wire/up-frame.ts";
import type { Figures, Stage } from "../stage.ts";
import { fieldKey } from "../system.ts";
import { Fleet, START_MS } from "./fleet.ts";

const ENTRIES = 4_096;
const MEASURED_MS = 500;
const ROUNDS = 3;
const QUANTUM_MS = 16;

/** Millions of times a second of a core: the best of a few rounds. */
function perSecond(work: () => void): number {
  let best = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    let [done, tookUs] = [0, 0];
    while (tookUs < MEASURED_MS * 1_000) {
      work();
      done += 1;
      const { user, system } = process.cpuUsage(before);
      tookUs = user + system;
    }
    best = Math.max(best, (done / tookUs) * 1e6);
  }
  return best;
}

export function runCodec({ tick }: Stage): Promise<Figures> {
  const fleet = new Fleet(ENTRIES / 2, 7);
  const keys: string[] = [];
  const values: LwwRegister[] = [];
  for (const [device] of fleet.devices.entries()) {
    const op = fleet.report(device, START_MS + fleet.draw.below(60_000), 2);
    if (op.kind !== "report") continue;
    const stamp = { wallMs: op.atMs - (op.atMs % QUANTUM_MS), logical: 0 };
    for (const [field, value] of op.fields) {
      keys.push(fieldKey(op.device, field));
      values.push({ stamp, value, isDeleted: false });
    }
  }
  const groupOf = (list: readonly LwwRegister[]): Group => {
    const writer = new ByteWriter();
    lwwKind.up.write(writer, list);
    return { collection: 1, kind: lwwKind.code, keys, body: writer.bytes() };
  };
  const dictionary = new KeyDictionary();
  for (const key of keys) dictionary.add(key);
  const encode = (): Uint8Array =>
    encodeUpFrame({ ...FRAME, groups: [groupOf(values)] }, dictionary, keys.length);
  const bytes = encode();
  const decode = (): void => {
    const decoded = decodeUpFrame(bytes, () => dictionary);
    readAll(decoded.ok ? decoded.value.groups : []);
  };
  tick("encoding");
  const encoded = perSecond(encode) * ENTRIES;
  tick("decoding");
  const decoded = perSecond(decode) * ENTRIES;
  tick("coding");
  const coded = codedFigures(() => ({ ...FRAME, groups: [groupOf(values)] }));
  const bytesAnEntry = bytes.length / ENTRIES;
  return Promise.resolve({ encodedPerS: encoded, decodedPerS: decoded, bytesAnEntry, ...coded });
}

function readAll(groups: readonly Group[]): void {
  const [group] = groups;
  const read = group ? lwwKind.up.read(new ByteReader(group.body), group.keys.length) : [];
  if (read.length !== ENTRIES) throw new Error("A frame did not come back as it was");
}

/**
 * The same in the coded encoding. Each frame stands on the one before, so what is read was written
 * just before it, and both are timed by turns. The values stay; a step of them would cost three bits.
 */
function codedFigures(frameOf: () => UpFrame): Figures {
  const [edge, hub] = [newMemory(), newMemory()];
  let bytes: Uint8Array = new Uint8Array(0);
  const encode = (): void => {
    bytes = writeUp(edge, frameOf()) ?? bytes;
  };
  const decode = (): void => readAll(readUp(hub, bytes)?.groups ?? []);
  let best = { codedPerS: 0, uncodedPerS: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const spent = { encodeUs: 0, decodeUs: 0, done: 0 };
    while (spent.encodeUs + spent.decodeUs < MEASURED_MS * 2_000) {
      spent.encodeUs += took(encode);
      spent.decodeUs += took(decode);
      spent.done += ENTRIES;
    }
    best = {
      codedPerS: Math.max(best.codedPerS, (spent.done / spent.encodeUs) * 1e6),
      uncodedPerS: Math.max(best.uncodedPerS, (spent.done / spent.decodeUs) * 1e6),
    };
  }
  return { ...best, codedBytesAnEntry: bytes.length / ENTRIES };
}

/** Microseconds of the processor. */
function took(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function newMemory(): LinkMemory {
  const { from: at, ack: told, sentMs: hubNowMs } = FRAME;
  return new LinkMemory({ link: 1, version: 1, form: FORM_MAX, digest: 1, at, told, hubNowMs });
}

const FRAME: UpFrame = {
  speaker: { kind: "link", link: 1 },
  floor: 1,
  head: ENTRIES,
  sentMs: START_MS + 60_000,
  from: ORIGIN_POSITION,
  to: ENTRIES,
  ack: ORIGIN_POSITION,
  isKeyless: false,
  log: [],
  groups: [],
};
