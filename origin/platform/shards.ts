// Which object holds a device's readings? One holds those of all shards.

import type { DeviceShard } from "../objects/device-shard.ts";
import type { OriginEnv } from "./env.ts";

/** The range of shards that the one object serves. */
export const ALL_DEVICES = "00-ff";

/** Opens the object of a range. */
export function openShard(env: OriginEnv, range: string): DurableObjectStub<DeviceShard> {
  return env.DEVICE_SHARD.get(env.DEVICE_SHARD.idFromName(`shard/${range}`));
}
