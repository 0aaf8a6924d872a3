// Are the bindings parsed whole, and is everything that is missing or wrong named?

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTA } from "../../../../edge/buffer/quota.ts";
import { parseEdgeEnv } from "../../../../edge/platform/env.ts";

const LINK_KEY = "A".repeat(43);
const GOOD = {
  ORIGIN_URL: "https://origin.example",
  ISSUER_KEYS: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"k1"}]}',
  LINK_KEY,
};
const REGIONS = '[{"id":"hel","latitude":60.2,"longitude":24.9}]';

test("parseEdgeEnv() of the least bindings has nothing missing, and defaults for the rest", () => {
  const config = parseEdgeEnv(GOOD);
  assert.deepEqual(config.missing, []);
  assert.deepEqual(JSON.parse(config.issuerKeys ?? ""), JSON.parse(GOOD.ISSUER_KEYS));
  const { pinnedRegion, regions, place, hubs, isDev, apiHosts, sites } = config;
  assert.deepEqual(
    { pinnedRegion, regions, place, hubs, isDev, apiHosts, sites },
    {
      pinnedRegion: null,
      regions: [],
      place: null,
      hubs: 1,
      isDev: false,
      apiHosts: [],
      sites: { "*": "main" },
    },
  );
});

test("parseEdgeEnv() takes which requests are logged, and names what is none", () => {
  assert.equal(parseEdgeEnv(GOOD).logged, "all");
  assert.equal(parseEdgeEnv({ ...GOOD, LOG: "errors" }).logged, "errors");
  assert.match(parseEdgeEnv({ ...GOOD, LOG: "some" }).missing.join(), /LOG/);
});

test("parseEdgeEnv() of all bindings takes each", () => {
  const config = parseEdgeEnv({
    ...GOOD,
    REGION: "hel",
    REGIONS,
    PLACE: '{"country":"FI"}',
    SITES: '{"www.example.com":"shop"}',
    HUBS: "16",
    DEV: "1",
    API_HOSTS: '["api.example.com"]',
    ORIGIN_URL: "https://origin.example/base//",
    DEVICE_HUB: {},
    ANOTHER: "var",
  });
  assert.deepEqual(config.missing, []);
  assert.deepEqual(
    [config.pinnedRegion, config.regions[0]?.id, config.place?.country, config.hubs, config.isDev],
    ["hel", "hel", "FI", 16, true],
  );
  assert.deepEqual(config.sites, { "www.example.com": "shop" });
  assert.deepEqual(config.apiHosts, ["api.example.com"]);
  assert.equal(config.originUrl, "https://origin.example/base");
});

for (const name of ["ISSUER_KEYS", "LINK_KEY"] as const) {
  for (const value of [undefined, null, ""])
    test(`parseEdgeEnv() names ${name} as missing if it is ${JSON.stringify(value)}`, () => {
      const config = parseEdgeEnv({ ...GOOD, [name]: value });
      assert.equal(config.missing.length, 1);
      assert.match(config.missing[0] ?? "", new RegExp(`^${name} \\(the `));
    });
}

test("parseEdgeEnv() names each missing secret, in development too", () => {
  const config = parseEdgeEnv({ ORIGIN_URL: GOOD.ORIGIN_URL, DEV: "1" });
  assert.deepEqual(
    config.missing.map((text) => text.split(" ")[0]),
    ["ISSUER_KEYS", "LINK_KEY"],
  );
  assert.deepEqual([config.isDev, config.linkKey, config.issuerKeys], [true, null, null]);
});

const WRONG: readonly (readonly [string, unknown])[] = [
  ["REGION", "origin"],
  ["REGIONS", '[{"id":"origin","latitude":1,"longitude":1}]'],
  ["ORIGIN_URL", undefined],
  ["ORIGIN_URL", "origin.example"],
  ["ORIGIN_URL", "ftp://origin.example"],
  ["ORIGIN_URL", "https://"],
  ["ORIGIN_URL", "https://a b"],
  ["REGION", "Hel"],
  ["REGION", "a/b"],
  ["REGIONS", "hel"],
  ["REGIONS", "[]"],
  ["REGIONS", "{}"],
  ["REGIONS", '[{"id":"hel","latitude":91,"longitude":0}]'],
  ["REGIONS", '[{"id":"hel","latitude":60}]'],
  ["PLACE", "Helsinki"],
  ["PLACE", '{"latitude":"60"}'],
  ["SITES", "main"],
  ["SITES", '{"a":"Not A Name"}'],
  ["SITES", '{"a":5}'],
  ["HUBS", "3"],
  ["HUBS", "0"],
  ["HUBS", "512"],
  ["HUBS", 2],
  ["DEV", 1],
  ["API_HOSTS", "api.example.com"],
  ["API_HOSTS", "[1]"],
  ["ISSUER_KEYS", "secret"],
  ["ISSUER_KEYS", "{}"],
  ["ISSUER_KEYS", '{"keys":[{}]}'],
  ["LINK_KEY", "short"],
  ["LINK_KEY", "A".repeat(45)],
  ["LINK_KEY", `${"A".repeat(42)}+/`],
  ["LINK_KEY", `${"A".repeat(43)}=`],
];

for (const [name, value] of WRONG)
  test(`parseEdgeEnv() names ${name} as wrong if it is ${JSON.stringify(value)?.slice(0, 50)}`, () => {
    const config = parseEdgeEnv({ ...GOOD, DEV: "1", [name]: value });
    assert.equal(config.missing.length, 1);
    assert.match(config.missing[0] ?? "", new RegExp(`^${name}[. ]`));
    assert.equal(config.isDev, false, "a wrong variable refuses every door");
  });

test("parseEdgeEnv() never shows the value of a secret", () => {
  const config = parseEdgeEnv({ ...GOOD, LINK_KEY: "hunter2", ISSUER_KEYS: "hunter3" });
  assert.doesNotMatch(config.missing.join(), /hunter/);
});

test("parseEdgeEnv() takes hosts in lower case and without a port, as they are compared", () => {
  const hosts = { SITES: '{"WWW.Example.com:8787":"shop"}', API_HOSTS: '["API.example.com:443"]' };
  const { sites, apiHosts } = parseEdgeEnv({ ...GOOD, ...hosts });
  assert.deepEqual(sites, { "www.example.com": "shop" });
  assert.deepEqual(apiHosts, ["api.example.com"]);
});

test("parseEdgeEnv() reads rates, and wants a trusted header for those of addresses", () => {
  const rates = {
    DEVICE_RATE: '{"readings":10}',
    TRUSTED_ADDRESS_HEADER: "cf-connecting-ip",
    ADDRESS_RATE: "20",
  };
  const config = parseEdgeEnv({ ...GOOD, ...rates });
  assert.deepEqual(
    [config.deviceRate, config.addressHeader, config.addressRate, config.missing],
    [{ readings: 10, requests: null }, "cf-connecting-ip", 20, []],
  );
  const { missing } = parseEdgeEnv({ ...GOOD, ADDRESS_RATE: "20" });
  assert.match(missing[0] ?? "", /^TRUSTED_ADDRESS_HEADER /);
  for (const wrong of ['{"readings":0}', '{"readings":"1"}', '{"reading":1}', "7"])
    assert.match(parseEdgeEnv({ ...GOOD, DEVICE_RATE: wrong }).missing[0] ?? "", /^DEVICE_RATE/);
});

test("parseEdgeEnv() knows the grace and the root key, or says that they are wrong", () => {
  assert.deepEqual(
    [parseEdgeEnv(GOOD).graceMs, parseEdgeEnv(GOOD).deviceRootKey],
    [604_800_000, null],
  );
  assert.equal(parseEdgeEnv({ ...GOOD, GRACE_SECONDS: "0" }).graceMs, 0);
  for (const wrong of ["-1", "1.5", "a week"])
    assert.match(
      parseEdgeEnv({ ...GOOD, GRACE_SECONDS: wrong }).missing[0] ?? "",
      /^GRACE_SECONDS/,
    );
  assert.match(
    parseEdgeEnv({ ...GOOD, DEVICE_ROOT_KEY: "short" }).missing[0] ?? "",
    /^DEVICE_ROOT/,
  );
});

test("parseEdgeEnv() reads the buffer's quota, and names it where it is wrong", () => {
  const buffer = (value: string) => parseEdgeEnv({ ...GOOD, BUFFER: value });
  assert.deepEqual(buffer('{"bytes":65536,"ageSeconds":60}').buffer, {
    bytesMax: 65_536,
    ageMsMax: 60_000,
    policy: "reject",
    rollups: DEFAULT_QUOTA.rollups,
    events: DEFAULT_QUOTA.events,
  });
  const thin =
    '{"policy":"thin","rollups":{"bytes":65536,"ageSeconds":3600},"events":{"bytes":1000000}}';
  assert.deepEqual(buffer(thin).buffer, {
    ...DEFAULT_QUOTA,
    policy: "thin",
    rollups: { bytesMax: 65_536, ageMsMax: 3_600_000 },
    events: { bytesMax: 1_000_000 },
  });
  assert.deepEqual(parseEdgeEnv(GOOD).buffer, DEFAULT_QUOTA);
  for (const wrong of [
    '{"bytes":65535}',
    '{"ageSeconds":1}',
    '{"policy":"shed"}',
    '{"byte":1}',
    '{"rollups":{"bytes":1}}',
    "7",
  ])
    assert.match(buffer(wrong).missing[0] ?? "", /^BUFFER/);
});
