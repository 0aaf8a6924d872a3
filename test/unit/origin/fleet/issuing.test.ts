// Which keys of the issuers count after a change, and which changes are refused?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decideKeys,
  formatIssuers,
  withDeployed,
  type KeyChange,
} from "../../../../origin/fleet/issuing.ts";
import {
  ISSUER_KEYS_MAX,
  keysInForce,
  readIssuers,
  RETIRED_MAX,
  type Issuers,
} from "../../../../state/issuers.ts";

const keyOf = (kid: string, x = kid) => ({ kty: "OKP", crv: "Ed25519", kid, x });
const DEPLOYED = JSON.stringify({ keys: [keyOf("k1")] });
const START: Issuers = { keys: [keyOf("k1")], added: [], retired: [] };

function change(issuers: Issuers, ...changes: readonly KeyChange[]): Issuers {
  return changes.reduce((held, each) => {
    const decision = decideKeys(held, each);
    assert.equal(decision.kind, "changed");
    return decision.kind === "changed" ? decision.issuers : held;
  }, issuers);
}
const add = (kid: string): KeyChange => ({ kind: "add", key: keyOf(kid) });
const retire = (kid: string): KeyChange => ({ kind: "retire", kid });
const idsOf = (issuers: Issuers, deployed: readonly string[]): unknown[] =>
  keysInForce(
    deployed.map((kid) => keyOf(kid)),
    issuers,
  ).map(({ kid }) => kid);

test("the next key counts beside the old one, which retires wherever it is deployed", () => {
  const both = change(START, add("k2"));
  assert.deepEqual(idsOf(both, ["k1"]), ["k1", "k2"]);
  const rotated = change(both, retire("k1"));
  assert.deepEqual(idsOf(rotated, ["k1"]), ["k2"]);
  assert.deepEqual(idsOf(rotated, ["k1", "k0"]), ["k2", "k0"]);
});

test("what was changed survives a restart of the origin, and a deployment with other keys", () => {
  const rotated = change(START, add("k2"), add("k3"), retire("k1"));
  const text = formatIssuers(rotated, DEPLOYED);
  const held = readIssuers(text);
  assert.deepEqual(held, rotated);
  const again = withDeployed(rotated, [keyOf("k1")]);
  assert.deepEqual(
    again.keys.map(({ kid }) => kid),
    ["k2", "k3"],
  );
  const deployed = withDeployed(rotated, [keyOf("k3"), keyOf("k4")]);
  assert.deepEqual(
    [deployed.keys.map(({ kid }) => kid), deployed.added],
    [["k3", "k4", "k2"], ["k2"]],
  );
});

test("without changes the deployment's own text is replicated, also another one later", () => {
  assert.equal(formatIssuers(withDeployed(START, [keyOf("k1")]), DEPLOYED), DEPLOYED);
  const other = withDeployed(START, [keyOf("k9")]);
  assert.deepEqual(other, { keys: [keyOf("k9")], added: [], retired: [] });
});

const full = Array.from({ length: ISSUER_KEYS_MAX }, (_, i) => keyOf(`f${i}`));
const REFUSED: readonly (readonly [string, Issuers, KeyChange, string])[] = [
  ["a retired id", { ...START, retired: ["k2"] }, add("k2"), "retired"],
  ["an id that another key has", START, { kind: "add", key: keyOf("k1", "other") }, "taken"],
  ["one key too many", { ...START, keys: full }, add("k2"), "full"],
  ["an id that is not there", START, retire("k2"), "unknown"],
  ["the only key", START, retire("k1"), "last"],
  [
    "one retired key too many",
    {
      ...change(START, add("k2")),
      retired: Array.from({ length: RETIRED_MAX }, (_, i) => `r${i}`),
    },
    retire("k2"),
    "full",
  ],
];
for (const [what, issuers, asked, reason] of REFUSED)
  test(`refused: ${what}`, () =>
    assert.deepEqual(decideKeys(issuers, asked), { kind: "refused", reason }));

test("the same change again changes nothing", () => {
  assert.equal(decideKeys(START, add("k1")).kind, "same");
  assert.equal(decideKeys({ ...START, retired: ["k0"] }, retire("k0")).kind, "same");
});

test("readIssuers() takes a plain JWK set, and nothing that is none", () => {
  assert.deepEqual(readIssuers(DEPLOYED), START);
  for (const text of ["", "{}", "7", '{"keys":7}', '{"keys":[{}]}', '{"keys":[],"retired":"k1"}'])
    assert.equal(readIssuers(text), null, text);
});
