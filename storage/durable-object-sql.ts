// The Sql port over a Durable Object's storage.

import { assertStorable, type Sql, type SqlValue } from "./sql.ts";

/** Opens the port; `storage` is the object's own. */
export function openSql(storage: DurableObjectStorage): Sql {
  let rowsWritten = 0;
  return {
    exec: (statement, ...bindings) => {
      assertStorable(bindings);
      const cursor = storage.sql.exec<Record<string, SqlStorageValue>>(
        statement,
        ...bindings.map(bindable),
      );
      const rows = cursor.toArray();
      rowsWritten += cursor.rowsWritten;
      return rows;
    },
    transaction: (run) => storage.transactionSync(run),
    rowsWritten: () => rowsWritten,
  };
}

/** workerd binds ArrayBuffers; a view may be a part of a larger one. */
function bindable(value: SqlValue): SqlStorageValue {
  if (!(value instanceof Uint8Array)) return value;
  const { buffer, byteOffset, byteLength } = value;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
