// The registry of devices: which there are, and the generation of their credentials. One object.

import { DurableObject } from "cloudflare:workers";
import { openSql } from "../../storage/durable-object-sql.ts";
import { migrate, numberOf, textOf, type Sql, type SqlRow } from "../../storage/sql.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { RegisteredDevice } from "../fleet/device.ts";
import type { OriginEnv } from "../platform/env.ts";

const MIGRATIONS: readonly string[] = [
  "create table device (id text primary key, generation integer not null, registered_ms integer not null) without rowid",
];

export class Registry extends DurableObject<OriginEnv> {
  readonly #sql: Sql;

  constructor(ctx: DurableObjectState, env: OriginEnv) {
    super(ctx, env);
    this.#sql = openSql(ctx.storage);
    migrate(this.#sql, MIGRATIONS);
  }

  /** Registers a device; registering it again changes nothing. */
  async register(
    device: DeviceId,
  ): Promise<{ readonly isNew: boolean; readonly registered: RegisteredDevice }> {
    const before = await this.find(device);
    if (before !== null) return { isNew: false, registered: before };
    const registered = { device, generation: 1, registeredMs: Date.now() };
    this.#sql.exec(
      "insert into device values (?, ?, ?)",
      device,
      registered.generation,
      registered.registeredMs,
    );
    return { isNew: true, registered };
  }

  async find(device: DeviceId): Promise<RegisteredDevice | null> {
    const row = this.#sql.exec("select * from device where id = ?", device)[0];
    return row === undefined ? null : toDevice(row);
  }

  /** Lists devices by name, at most `most`, after the name `after`. */
  async list(after: string, most: number): Promise<RegisteredDevice[]> {
    return this.#sql
      .exec("select * from device where id > ? order by id limit ?", after, most)
      .map(toDevice);
  }
}

function toDevice(row: SqlRow): RegisteredDevice {
  return {
    device: textOf(row["id"]),
    generation: numberOf(row["generation"]),
    registeredMs: numberOf(row["registered_ms"]),
  };
}
