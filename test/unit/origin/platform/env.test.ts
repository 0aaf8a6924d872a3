// Are the origin's secrets parsed, and is each that is missing or wrong named?

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOriginEnv } from "../../../../origin/platform/env.ts";

const GOOD = {
  ISSUER_KEYS: '{"keys":[{"kty":"OKP"}]}',
  ISSUER_PRIVATE_KEY: '{"kty":"OKP","d":"AA","kid":"k1"}',
  LINK_KEY: "A".repeat(43),
};

test("parseOriginEnv() of all secrets has nothing missing", () => {
  assert.deepEqual(parseOriginEnv({ ...GOOD, CONTENT: {} }), {
    issuerKeys: GOOD.ISSUER_KEYS,
    issuerPrivateKey: GOOD.ISSUER_PRIVATE_KEY,
    linkKey: GOOD.LINK_KEY,
    deviceRootKey: null,
    isDev: false,
    missing: [],
  });
});

for (const name of Object.keys(GOOD)) {
  for (const value of [undefined, null, ""])
    test(`parseOriginEnv() names ${name} as missing if it is ${JSON.stringify(value)}`, () => {
      const { missing } = parseOriginEnv({ ...GOOD, [name]: value });
      assert.equal(missing.length, 1);
      assert.match(missing[0] ?? "", new RegExp(`^${name} \\(the `));
    });
}

const WRONG: readonly (readonly [string, unknown])[] = [
  ["ISSUER_KEYS", "secret"],
  ["ISSUER_KEYS", "[]"],
  ["ISSUER_KEYS", '{"keys":{}}'],
  ["ISSUER_PRIVATE_KEY", "secret"],
  ["ISSUER_PRIVATE_KEY", '{"kty":"OKP","kid":"k1"}'],
  ["ISSUER_PRIVATE_KEY", '{"kty":"OKP","d":"AA"}'],
  ["LINK_KEY", "short"],
  ["LINK_KEY", "A".repeat(45)],
  ["DEV", 1],
];

for (const [name, value] of WRONG)
  test(`parseOriginEnv() names ${name} as wrong if it is ${JSON.stringify(value)}`, () => {
    const config = parseOriginEnv({ ...GOOD, DEV: "1", [name]: value });
    assert.match(config.missing.join(), new RegExp(`^${name} `));
    assert.doesNotMatch(config.missing.join(), /secret/);
    assert.equal(config.isDev, false);
  });

test("parseOriginEnv() names all of an empty deployment, in development too", () => {
  const config = parseOriginEnv({ DEV: "1" });
  assert.deepEqual([config.isDev, config.missing.length], [true, 3]);
});
