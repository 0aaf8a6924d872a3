// Is every mark of the origin above those before it, also above those that only a region remembers?

import assert from "node:assert/strict";
import { test } from "node:test";
import { OriginPurges } from "../../../../origin/fleet/purging.ts";
import { sharedMark } from "../../../../state/purge-scope.ts";
import { purgeKey, purges } from "../../../../state/region.ts";
import { openRegionHub } from "../../../support/region-replicas.ts";

const NOW_MS = Date.UTC(2026, 10, 21);

test("purge() numbers all scopes in one row, above the clock and whatever the clock does", () => {
  const replica = openRegionHub();
  const marks = new OriginPurges(replica, 10);
  assert.equal(marks.purge("url main/a", NOW_MS), NOW_MS);
  assert.equal(marks.purge("url main/b", NOW_MS - 5_000), NOW_MS + 1);
  assert.equal(marks.purge("url main/a", NOW_MS), NOW_MS + 2);
  assert.equal(replica.read(purges, purgeKey("origin", "url main/a")), NOW_MS + 2);
  assert.equal(replica.read(purges, purgeKey("origin", "url main/b")), NOW_MS + 1);
});

test("purge() goes above a mark of its own that a region sends back, not above a region's", () => {
  const replica = openRegionHub();
  const marks = new OriginPurges(replica, 10);
  marks.purge("url main/a", NOW_MS);
  replica.write(NOW_MS, (draft) => {
    draft.write(purges, purgeKey("origin", "url main/b"), NOW_MS + 70);
    draft.write(purges, purgeKey("hel", "url main/b"), NOW_MS + 90);
  });
  assert.equal(marks.purge("url main/a", NOW_MS), NOW_MS + 71);
});

test("P8: past the bound of scopes another one shares a mark; a known one is still itself", () => {
  const replica = openRegionHub();
  const marks = new OriginPurges(replica, 2);
  for (const scope of ["a", "b", "c", "d"]) marks.purge(scope, NOW_MS);
  marks.purge("a", NOW_MS);
  const held = [...replica.readAll(purges).keys()].toSorted();
  assert.deepEqual(
    held,
    ["a", "b", ...new Set(["c", "d"].map(sharedMark))].map((scope) => purgeKey("origin", scope)),
  );
  assert.equal(replica.read(purges, purgeKey("origin", sharedMark("d"))), NOW_MS + 3);
  assert.equal(replica.read(purges, purgeKey("origin", "a")), NOW_MS + 4);
});
