// Are both checksums, the core's and the archive's, the one of RFC 3720, whatever the length and
// however it is cut?

import assert from "node:assert/strict";
import { test } from "node:test";
import * as archive from "../../../../edge/segment/crc32c.ts";
import * as core from "../../../../sync/wire/crc32c.ts";

/** Bit by bit, as the standard defines it. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

for (const [whose, { crc32c }] of Object.entries({ core, archive })) {
  test(`${whose}: crc32c() gives the check value and the vectors of RFC 3720 B.4`, () => {
    assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
  });

  test(`${whose}: crc32c() is the one that is computed bit by bit, at every length and offset`, () => {
    const bytes = Uint8Array.from({ length: 80 }, (_, at) => (at * 151 + 7) & 0xff);
    for (let from = 0; from < 9; from += 1)
      for (let to = from; to <= bytes.length; to += 1)
        assert.equal(crc32c(bytes.subarray(from, to)), bitwise(bytes.subarray(from, to)));
  });

  test(`${whose}: crc32c() goes on from where it was`, () => {
    const bytes = Uint8Array.from({ length: 50 }, (_, at) => (at * 97) & 0xff);
    for (let cut = 0; cut <= bytes.length; cut += 1)
      assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), bitwise(bytes));
  });
}
