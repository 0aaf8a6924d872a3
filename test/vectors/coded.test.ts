// Goal: what one version has written in the coded encoding, every later one reads and writes, byte for
// byte. Method: golden vectors, each a link from its first coded frame on; new ones are added, old ones
// never changed. Bytes are in hexadecimal.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { digestOf } from "../../sync/wire/frame.ts";
import { askedBy, readDown, readUp, writeDown, writeUp } from "../../sync/wire/range/frames.ts";
import { LinkMemory, toldBy, type Exchanged } from "../../sync/wire/range/memory.ts";
import { bytesOf, hexOf, text } from "../support/wire.ts";
import * as document from "./coded-reader.ts";
import { Memory } from "./coded-reader.ts";

interface CodedExchange {
  readonly up: string;
  readonly upValue: unknown;
  readonly down: string;
  readonly downValue: unknown;
}

interface CodedVector {
  readonly name: string;
  readonly source: string;
  readonly note: string;
  /** What the plain exchange before has left both ends with. */
  readonly begun: Exchanged;
  readonly exchanges: readonly CodedExchange[];
  /** Requests that are read as none after that. */
  readonly refused: readonly { readonly up: string; readonly because: string }[];
}

const COUNT_MIN = 9;
const CHECKSUM = 3922757556;

const file = path.join(import.meta.dirname, "wire/coded.json");
const vectors = JSON.parse(readFileSync(file, "utf8")) as readonly CodedVector[];

/** Reads an exchange at one end, and writes it at the other. */
function follow(edge: LinkMemory, hub: LinkMemory, exchange: CodedExchange): void {
  const request = bytesOf(exchange.up);
  const frame = readUp(hub, request);
  assert.ok(frame !== null, "the request is refused");
  assert.deepEqual(text(frame), exchange.upValue);
  assert.equal(hexOf(writeUp(edge, frame) ?? new Uint8Array(0)), exchange.up);
  const asked = askedBy(frame, digestOf(request));
  const answer = bytesOf(exchange.down);
  const told = readDown(edge, asked, answer);
  assert.ok(told !== null, "the answer is refused");
  assert.deepEqual(text(told), exchange.downValue);
  assert.equal(hexOf(writeDown(hub, asked, told) ?? new Uint8Array(0)), exchange.down);
  const digest = digestOf(answer);
  const { at, hubNowMs, state } = told;
  const left = { digest, at, hubNowMs, told: toldBy(frame.ack, state, digest) };
  for (const memory of [edge, hub]) memory.settle(left);
}

for (const { name, begun, exchanges, refused } of vectors)
  test(`wire/coded.json: ${name}`, () => {
    const [edge, hub] = [new LinkMemory(begun), new LinkMemory(begun)];
    for (const exchange of exchanges) follow(edge, hub, exchange);
    for (const { up, because } of refused) {
      const memory = new LinkMemory(begun);
      assert.equal(readUp(memory, bytesOf(up)), null, because);
    }
  });

for (const { name, begun, exchanges } of vectors)
  test(`wire/coded.json: ${name}, as docs/wire-format.md says it is read`, () => {
    const { digest, at, told, hubNowMs, form = 2 } = begun;
    const memory = new Memory({ digest, at: at.seq, told: told.seq, hubNowMs }, form);
    for (const { up, upValue, down, downValue } of exchanges) {
      const asked = document.readUp(memory, bytesOf(up));
      const told = document.readDown(memory, bytesOf(down), asked);
      assert.deepEqual([asked.isSound, told.isSound], [true, true]);
      const { isKeyless, ...said } = asked.fields;
      const { groups, ...given } = upValue as Said;
      assert.deepEqual({ ...given, ...said, isKeyless: isKeyless === 1 }, given);
      const { state, hubNowMs: answeredMs } = downValue as { state: Said; hubNowMs: number };
      const { hubNowMs: nowMs, from, to, head, stable } = told.fields;
      const stands = { from: state["from"], to: state["to"], head: state["head"] };
      assert.deepEqual([nowMs, { from, to, head }, stable], [answeredMs, stands, state["stable"]]);
      assert.deepEqual([asked.groups, told.groups], [groups, state.groups].map(withoutBodies));
    }
  });

/** A frame of a vector. */
interface Said extends Readonly<Record<string, unknown>> {
  readonly groups: readonly document.ReadGroup[];
}

function withoutBodies(groups: Said["groups"]): unknown {
  return groups.map(({ collection, kind, keys }) => ({ collection, kind, keys }));
}

test(`wire/coded.json holds its first ${COUNT_MIN} vectors unchanged, and names each once`, () => {
  const first = vectors
    .slice(0, COUNT_MIN)
    .map((vector) =>
      Object.entries(vector).filter(([field]) => !["note", "source"].includes(field)),
    );
  assert.equal(first.length, COUNT_MIN);
  assert.equal(crc32c(new TextEncoder().encode(JSON.stringify(first))), CHECKSUM);
  assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
  assert.ok(vectors.every(({ source, note }) => source !== "" && note !== ""));
});
