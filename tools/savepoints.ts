// How do transactions nest over node:sqlite, as they do in a Durable Object? Each is a savepoint.

import type { DatabaseSync } from "node:sqlite";

/** Gives a function that runs its argument as a transaction: if it throws, nothing of it is left. */
export function savepoints(database: DatabaseSync): <T>(run: () => T) => T {
  let depth = 0;
  return (run) => {
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
  };
}
