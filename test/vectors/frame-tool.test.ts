// Goal: a person can read any frame or image that there is, and hears what is wrong with any other.
// Method: the tool on every vector; its words on a few.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { open } from "../../tools/frame/open.ts";
import { print } from "../../tools/frame/print.ts";
import { runTool } from "../support/run-tool.ts";
import { bytesOf } from "../support/wire.ts";

interface Vector {
  readonly name: string;
  readonly input: string;
  readonly decoder?: string;
  readonly error?: string;
}

function vectorsOf(file: string): readonly Vector[] {
  const json = readFileSync(path.join(import.meta.dirname, "wire", `${file}.json`), "utf8");
  return JSON.parse(json) as readonly Vector[];
}

function printed(bytes: Uint8Array): string {
  const opening = open(bytes);
  if (opening.kind === "refused") return opening.reasons.join("\n");
  return print(opening.opened, opening.isSealed, (text) => text).join("\n");
}

for (const [file, title] of [
  ["up-frames", "up-frame, version 1"],
  ["down-frames", "down-frame"],
  ["images", "stored image"],
  ["images-2", "stored image"],
] as const)
  test(`every one of wire/${file}.json is printed, sealed or not`, () => {
    for (const { name, input } of vectorsOf(file)) {
      const bytes = bytesOf(input);
      const sealed = Uint8Array.of(...bytes, ...new Uint8Array(16).fill(7));
      assert.ok(printed(bytes).startsWith(title), name);
      assert.ok(printed(sealed).includes("a seal of 16"), name);
    }
  });

test("of every one of wire/coded.json is said what can be, by its parts", () => {
  interface Coded {
    readonly exchanges: readonly { readonly up: string; readonly down: string }[];
  }
  const links = vectorsOf("coded") as unknown as readonly Coded[];
  for (const { up, down } of links.flatMap(({ exchanges }) => exchanges)) {
    const said = printed(bytesOf(up));
    assert.ok(said.startsWith(`coded up-frame, ${up.length / 2} bytes`));
    assert.ok(said.includes("ends in 0x1234"), said);
    assert.ok(said.includes(`head 4, coded ${up.length / 2 - 8}, checksum 4`));
    assert.ok(printed(bytesOf(down)).includes(`head 1, coded ${down.length / 2 - 5}, checksum 4`));
  }
});

test("frames that are refused are refused with their reason, whatever the dictionary", () => {
  const refused = vectorsOf("refused").filter(
    ({ decoder, error }) => (decoder === "up" || decoder === "down") && error !== "no-dictionary",
  );
  const unsaid = refused.filter(
    ({ input, decoder, error = "" }) =>
      error !== "not-a-frame" && decoder === "up" && !printed(bytesOf(input)).includes(error),
  );
  assert.ok(refused.length > 50);
  assert.deepEqual(
    unsaid.map(({ name }) => name),
    [],
  );
});

test("a region's frame is told by its collections, and its parts by their sizes", () => {
  const example = vectorsOf("up-frames").find(({ name }) => name === "two devices revoked");
  assert.equal(
    printed(bytesOf(example?.input ?? "")),
    `up-frame, version 1, 54 bytes
  link         4660
  interval     after 0 (00000000) to 2
  floor        1
  head         2
  sent         2026-09-10T00:26:40.000Z
  ack          0 (00000000)
  keys held    none: the answer is to begin anew
  keys         2 new after 0
  3 revoked, max: 2 entries, 4 bytes
    pump-7  1
    pump-12  2
  bytes        envelope 8, fields 29, log 0, keys 13, values 4`,
  );
});

test("npm run frame prints a file in hexadecimal without colours, and fails with one line", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "skerry-frame-"));
  try {
    const [good, bad] = [path.join(folder, "good"), path.join(folder, "bad")];
    writeFileSync(good, vectorsOf("down-frames")[0]?.input ?? "");
    writeFileSync(bad, "53010100");
    const run = await runTool("tools/frame.ts", ["--hex", good], 30_000);
    assert.deepEqual([run.exitCode, run.output.split("\n")[1]], [0, "  outcome      open"]);
    assert.ok(!run.output.includes("\u001b"));
    const failed = await runTool("tools/frame.ts", ["--hex", bad], 30_000);
    assert.equal(failed.exitCode, 1);
    assert.match(
      failed.output,
      /^Cannot read it: as an up-frame of 4 bytes: not-a-frame, [^\n]+\n$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
