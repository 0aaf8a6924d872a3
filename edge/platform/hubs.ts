// Which DeviceHub object serves a device? The one of its region whose range has the device's shard.

import { rangeOf, SHARD_COUNT, shardOf } from "../../sync/hash.ts";
import type { EdgeConfig } from "../config.ts";
import type { DeviceHub } from "../objects/device-hub.ts";
import type { EdgeEnv } from "./env.ts";

/** Opens the hub of a device in a region. */
export function hubOf(
  env: EdgeEnv,
  config: EdgeConfig,
  region: string,
  device: string,
): DurableObjectStub<DeviceHub> {
  return openHub(env, config, region, rangeOf(shardOf(device), config.hubs));
}

/** Opens all hubs of a region. */
export function hubsOf(
  env: EdgeEnv,
  config: EdgeConfig,
  region: string,
): DurableObjectStub<DeviceHub>[] {
  const size = SHARD_COUNT / config.hubs;
  return Array.from({ length: config.hubs }, (_, i) =>
    openHub(env, config, region, rangeOf(i * size, config.hubs)),
  );
}

function openHub(
  env: EdgeEnv,
  config: EdgeConfig,
  region: string,
  range: string,
): DurableObjectStub<DeviceHub> {
  const hint = config.regions.find((spec) => spec.id === region)?.locationHint ?? null;
  const id = env.DEVICE_HUB.idFromName(`${region}/hub/${range}`);
  return env.DEVICE_HUB.get(
    id,
    hint === null ? {} : { locationHint: hint as DurableObjectLocationHint },
  );
}
