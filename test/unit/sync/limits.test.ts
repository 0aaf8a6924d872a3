// Do the bounds of the replication core fit together? They are constants, so that this is asked here
// and not at every start.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as limits from "../../../sync/limits.ts";

const { FRAME_BYTES_MAX, DICTIONARY_BYTES_MAX } = limits;

test("the link that speaks finds room, whatever the others hold", () => {
  assert.ok(limits.SESSIONS_BYTES_MAX > 2 * (DICTIONARY_BYTES_MAX + FRAME_BYTES_MAX));
});

test("a dictionary that begins anew has room for the keys of a frame", () => {
  const bytesEach = limits.KEY_BYTES_MAX + limits.DICTIONARY_KEY_ROOM;
  assert.ok(limits.FRAME_KEYS_MAX * bytesEach < DICTIONARY_BYTES_MAX);
});

test("all that a hub notes beside its entries can be read again", () => {
  // A character of a kept key may take six as JSON; a byte of its body takes two.
  const bytes = limits.LINKS_MAX * limits.LINK_BYTES_MAX + limits.KEPT_BYTES_MAX * 6 + 65_536;
  assert.ok(bytes < limits.IMAGE_BYTES_MAX);
});

test("concurrent values travel in one frame", () => {
  assert.ok(limits.MV_WRITE_BYTES_MAX * 127 < FRAME_BYTES_MAX);
});

test("a frame has room for its entries", () => {
  assert.ok(Math.max(limits.FRAME_BYTES_TARGET, limits.ENTRY_BYTES_MAX) < FRAME_BYTES_MAX);
});
