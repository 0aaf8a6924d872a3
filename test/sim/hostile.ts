// What may somebody send who means harm, or a wire that flips bits? Bytes that no decoder may throw at,
// and that may change nothing.

import type { Collection } from "../../sync/replica/kind.ts";
import { decodeDownFrame } from "../../sync/wire/down-frame.ts";
import { crc32c } from "../../sync/wire/crc32c.ts";
import { Violation } from "./checks/checker.ts";
import { canonical } from "./checks/canonical.ts";
import { cursorsOf, type HubNode } from "./hub-node.ts";
import type { Prng } from "./prng.ts";
import type { World } from "./world.ts";

/** Everything of the hub that a reader could see. */
export function contentOf({ release, replica }: Pick<HubNode, "release" | "replica">): string {
  const views = release.collections.map((collection) => [
    collection.id,
    replica.readAll(collection as Collection<never>),
  ]);
  return canonical([views, replica.head, [...cursorsOf(replica)]]);
}

/** Feeds the hub and a decoder something broken. */
export function sendHostile(world: World, rng: Prng): void {
  const old = world.network.old(rng);
  const bytes = spoil(old === null ? new Uint8Array(20) : old.bytes, rng);
  const before = contentOf(world.hub);
  world.trace.note("hub takes hostile bytes");
  try {
    world.hubTurn(
      rng,
      () => world.hub.exchange(bytes),
      () => undefined,
    );
    decodeDownFrame(bytes);
  } catch (error) {
    throw new Violation("sync.hostile-frames", `The hub throws at hostile bytes: ${String(error)}`);
  }
  if (contentOf(world.hub) !== before)
    throw new Violation("sync.hostile-frames", "Hostile bytes have changed what the hub holds");
}

function spoil(good: Uint8Array, rng: Prng): Uint8Array {
  const bytes = good.slice(0, rng.chance(0.3) ? rng.below(good.length + 1) : good.length);
  for (let i = rng.between(1, 4); i > 0 && bytes.length > 0; i -= 1) {
    const at = rng.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.below(8));
  }
  // Two flips of one bit spoil nothing.
  return bytes.every((byte, at) => byte === good[at]) ? bytes.slice(1) : bytes;
}

/** Gives spoiled bytes a right checksum. */
export function reseal(bytes: Uint8Array): Uint8Array {
  const sealed = bytes.slice();
  if (sealed.length >= 4)
    new DataView(sealed.buffer).setUint32(sealed.length - 4, crc32c(sealed.subarray(0, -4)), true);
  return sealed;
}
