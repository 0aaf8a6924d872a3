// Who of a region's isolates asks the upstream, and what becomes of who waits?

import assert from "node:assert/strict";
import { test } from "node:test";
import { FillLeases, type FillClaim } from "../../../../edge/cache/fill-leases.ts";

const BOUNDS = { leaseMs: 100, unsharedMs: 1_000, targetsMax: 2, waitersMax: 2 };

function waitOf(claim: FillClaim): Extract<FillClaim, { kind: "wait" }> {
  assert.equal(claim.kind, "wait");
  return claim as Extract<FillClaim, { kind: "wait" }>;
}

test("claim() gives the first the fill, and tells the others when it is stored", async () => {
  const leases = new FillLeases(BOUNDS);
  assert.equal(leases.claim("a", 0).kind, "fill");
  const waiting = waitOf(leases.claim("a", 40));
  assert.equal(waiting.waitMs, 60);
  leases.settle("a", "stored", 50);
  assert.equal(await waiting.settled, "stored");
  assert.equal(leases.claim("a", 51).kind, "fill");
});

test("claim() gives the fill to the next once a lease is over", () => {
  const leases = new FillLeases(BOUNDS);
  leases.claim("a", 0);
  assert.equal(leases.claim("a", 99).kind, "wait");
  assert.equal(leases.claim("a", 100).kind, "fill");
  assert.equal(leases.claim("a", 101).kind, "wait");
});

test("settle() of what is not shared lets nobody wait for a while", async () => {
  const leases = new FillLeases(BOUNDS);
  leases.claim("a", 0);
  const waiting = waitOf(leases.claim("a", 1));
  leases.settle("a", "unshared", 10);
  assert.equal(await waiting.settled, "unshared");
  assert.equal(leases.claim("a", 1_009).kind, "alone");
  assert.equal(leases.claim("a", 1_010).kind, "fill");
});

test("P8 past the bounds of targets and of who waits, each asks for itself", () => {
  const leases = new FillLeases(BOUNDS);
  leases.claim("a", 0);
  leases.claim("b", 50);
  assert.equal(leases.claim("c", 60).kind, "alone");
  assert.equal(leases.claim("c", 120).kind, "fill", "the lease of a is over");
  assert.equal(leases.claim("b", 121).kind, "wait");
  assert.equal(leases.claim("b", 121).kind, "wait");
  assert.equal(leases.claim("b", 121).kind, "alone");
  leases.leave();
  assert.equal(leases.claim("b", 121).kind, "wait");
});
