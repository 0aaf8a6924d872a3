// The Sql port over node:sqlite, so that the statements of Durable Objects run in Node.

import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../../storage/sql.ts";

/** Opens a database; ":memory:" or a file. Transactions may nest, as in Durable Objects. */
export function openNodeSql(path = ":memory:"): Sql & { close(): void } {
  const database = new DatabaseSync(path);
  let depth = 0;
  return {
    exec: (statement, ...bindings) => {
      const values = bindings.map((value) =>
        value instanceof ArrayBuffer ? new Uint8Array(value) : value,
      );
      return database.prepare(statement).all(...values) as ReturnType<Sql["exec"]>;
    },
    transaction: (run) => {
      const name = `t${depth}`;
      database.exec(`savepoint ${name}`);
      depth += 1;
      try {
        const value = run();
        database.exec(`release ${name}`);
        return value;
      } catch (error) {
        database.exec(`rollback to ${name}`);
        database.exec(`release ${name}`);
        throw error;
      } finally {
        depth -= 1;
      }
    },
    close: () => database.close(),
  };
}
