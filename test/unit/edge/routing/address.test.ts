// Who is counted together? What a proxy writes, in the forms that proxies write it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { addressKey } from "../../../../edge/routing/address.ts";

const CASES: readonly (readonly [string | null, string])[] = [
  ["192.0.2.1", "192.0.2.1"],
  ["192.0.2.1:4711", "192.0.2.1"],
  ["203.0.113.9, 192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:0001:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::ffff:192.0.2.1", "0:0:0:0::/64"],
  [null, ""],
  ["", ""],
  ["unknown", ""],
  ["_hidden", ""],
  ["a".repeat(4_000), ""],
];
for (const [field, key] of CASES)
  test(`addressKey(${JSON.stringify(field)?.slice(0, 40)}) is ${JSON.stringify(key)}`, () =>
    assert.equal(addressKey(field), key));
