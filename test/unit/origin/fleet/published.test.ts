// Do versions only go up, and does a publisher who has not seen the last one learn it?

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  areKeysNew,
  configOf,
  publishConfig,
  publishKeys,
} from "../../../../origin/fleet/published.ts";
import { ISSUERS, keys } from "../../../../state/region.ts";
import { openRegionHub } from "../../../support/region-replicas.ts";

const NOW_MS = Date.UTC(2026, 10, 21);
const textOf = (content: string) => ({ content, hash: `hash of ${content}` });

test("publishConfig() numbers from 1 and compares If-Match strongly with the version in force", () => {
  const replica = openRegionHub();
  const publish = (content: string, ifMatch: string | null) =>
    publishConfig(replica, textOf(content), ifMatch, NOW_MS);
  assert.equal(configOf(replica).version, 0);
  assert.deepEqual(publish("a", "*"), { kind: "outdated", version: 0 });
  assert.deepEqual(publish("a", '"0"'), { kind: "published", version: 1, hash: "hash of a" });
  assert.deepEqual(publish("b", null), { kind: "published", version: 2, hash: "hash of b" });
  for (const stale of ['"1"', 'W/"2"', "2", '"02"', ""])
    assert.deepEqual(publish("c", stale), { kind: "outdated", version: 2 }, stale);
  assert.equal(publish("c", '"1", "2"').version, 3);
  assert.equal(publish("d", " * ").version, 4);
  assert.deepEqual(configOf(replica), { version: 4, ...textOf("d") });
});

test("publishConfig() answers a document that is in force with its version, sent again or not", () => {
  const replica = openRegionHub();
  publishConfig(replica, textOf("a"), null, NOW_MS);
  const { head } = replica;
  const again = publishConfig(replica, textOf("a"), '"0"', NOW_MS);
  assert.deepEqual(again, { kind: "published", version: 1, hash: "hash of a" });
  assert.equal(replica.head, head);
});

test("publishKeys() publishes keys that differ, once", () => {
  const replica = openRegionHub();
  assert.equal(areKeysNew(replica, "k1"), true);
  for (const content of ["k1", "k1", "k2", "k2"]) publishKeys(replica, textOf(content), NOW_MS);
  assert.equal(areKeysNew(replica, "k2"), false);
  assert.deepEqual(replica.read(keys, ISSUERS), { version: 2, ...textOf("k2") });
});
