// The Sql port over a Durable Object's storage.

import { assertStorable, type Sql, type SqlValue } from "./sql.ts";

/** Opens the port; `storage` is the object's own. */
export function openSql(storage: DurableObjectStorage): Sql {
  return {
    exec: (statement, ...bindings) => {
      assertStorable(bindings);
      return storage.sql
        .exec<Record<string, SqlStorageValue>>(statement, ...bindings.map(bindable))
        .toArray();
    },
    transaction: (run) => storage.transactionSync(run),
  };
}

/** workerd binds ArrayBuffers; a view may be a part of a larger one. */
function bindable(value: SqlValue): SqlStorageValue {
  if (!(value instanceof Uint8Array)) return value;
  const { buffer, byteOffset, byteLength } = value;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
