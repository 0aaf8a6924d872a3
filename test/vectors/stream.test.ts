// Goal: a device that writes a binary message as docs/ingest-protocol.md says is understood, for
// ever, and what was refused stays refused. Method: golden vectors; new ones are added, old ones
// never changed. And the document's bounds and codes are those of the code.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { limits } from "../../edge/limits.ts";
import { collect, decodeBinary, entryOf } from "../../edge/stream/binary-message.ts";
import { ENDINGS, SUBPROTOCOL } from "../../edge/stream/protocol.ts";
import { buildBatches } from "../../edge/telemetry/build-batches.ts";
import { encodeBatches } from "../../sync/wire/batch.ts";
import { deviceId } from "../support/arbitraries.ts";
import { readFile } from "../support/repository.ts";
import { bytesOf, hexOf } from "../support/wire.ts";

interface Vector {
  readonly name: string;
  readonly input: string;
  readonly note: string;
  /** What it says, if it is good as it stands. */
  readonly value?: unknown;
  /** How many of its readings are rejected, if it has any wrong ones. */
  readonly rejected?: number;
  /** The pointer of the problem, if it is refused. */
  readonly refused?: string;
}

const device = deviceId("boat-1");
const text = readFile("docs/ingest-protocol.md");
const vectors = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "stream/binary.json"), "utf8"),
) as readonly Vector[];

for (const { name, input, value, rejected, refused } of vectors) {
  test(`binary message: ${name}`, () => {
    const decoded = decodeBinary(bytesOf(input), device);
    if (refused !== undefined) {
      assert.ok(!decoded.ok);
      return assert.equal(decoded.error.errors?.[0]?.pointer, refused);
    }
    assert.ok(decoded.ok);
    const { batch, content, sentMs, isClean } = decoded.value;
    const { readings } = collect(decoded.value);
    assert.equal(readings.rejected, rejected ?? 0);
    if (value === undefined) return assert.ok(!isClean);
    assert.deepEqual(JSON.parse(JSON.stringify({ ...batch, sentMs })), value);
    assert.ok(isClean);
    // The same readings in JSON have the same content, and so the same hash.
    assert.equal(
      hexOf(content),
      hexOf(encodeBatches(buildBatches(device, batch.identity, readings).batches)),
    );
    const plain = hexOf(content);
    const entry = hexOf(entryOf(decoded.value, "0123456789abcdef"));
    assert.equal(entry.replace("0123456789abcdef", "0".repeat(16)), plain);
  });
}

test("there are vectors of every kind", () => {
  assert.ok(vectors.filter(({ value }) => value !== undefined).length >= 4);
  assert.ok(vectors.filter(({ refused }) => refused !== undefined).length >= 8);
  assert.ok(vectors.some(({ rejected }) => rejected !== undefined));
});

test("the document is about the protocol that is spoken, with its bounds and codes", () => {
  assert.ok(text.startsWith(`# The ingest protocol, \`${SUBPROTOCOL}\`\n`));
  const codes = [...text.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code));
  const ours = Object.values(ENDINGS).map(({ code }) => code);
  assert.deepEqual(codes, [1006, ...ours]);
  const plain = text.replaceAll(",", "");
  for (const bound of [
    `${limits.streamWindowMessages} messages and ${limits.streamWindowBytes} bytes unanswered`,
    `room for ${limits.streamHubBytesMax} unanswered bytes`,
    `once in ${limits.streamUnseenMessagesMax} answered messages`,
    `at most ${limits.streamsOfDeviceMax} streams`,
    `the hub has ${limits.streamsPerHubMax} streams open`,
    `0 to ${limits.streamLingerMsMax} milliseconds`,
    `${limits.streamIdleSMin} to ${limits.streamIdleSMax} seconds`,
  ])
    assert.ok(plain.includes(bound), bound);
});

test("the worked example is a golden vector, byte by byte", () => {
  const [, dump = ""] = /```text\n(.*?)```/s.exec(text) ?? [];
  let hex = "";
  for (const line of dump.trim().split("\n")) {
    const [, offset = "", bytes = ""] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )+)/.exec(line) ?? [];
    assert.equal(parseInt(offset, 16), hex.length / 2, line);
    hex += bytes.replaceAll(" ", "");
  }
  assert.equal(hex, vectors.find(({ name }) => name === "the worked example")?.input);
});
