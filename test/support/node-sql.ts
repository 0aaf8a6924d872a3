// The Sql port over node:sqlite, so that the statements of Durable Objects run in Node. Where
// node:sqlite would let pass what workerd refuses, this refuses it too.

import { DatabaseSync } from "node:sqlite";
import { assertStorable, type Sql } from "../../storage/sql.ts";
import { savepoints } from "../../tools/savepoints.ts";

/** The port, and what an operator may do to a database. */
export interface NodeSql extends Sql {
  close(): void;
  /** Copies the whole database. */
  copy(): Uint8Array;
  /** Puts a copy in the place of what the database holds. */
  restore(copy: Uint8Array): void;
}

/** Opens a database; ":memory:" or a file. Transactions may nest, as in Durable Objects. */
export function openNodeSql(path = ":memory:"): NodeSql {
  const database = new DatabaseSync(path);
  return {
    exec: (statement, ...bindings) => {
      assertStorable(bindings);
      const values = bindings.map((value) =>
        value instanceof ArrayBuffer ? new Uint8Array(value) : value,
      );
      const prepared = database.prepare(statement);
      assertWhole(statement, prepared.sourceSQL);
      assertBound(statement, values.length);
      return prepared.all(...values) as ReturnType<Sql["exec"]>;
    },
    transaction: savepoints(database),
    rowsWritten: () => Number(database.prepare("select total_changes() as n").get()?.["n"]),
    close: () => database.close(),
    copy: () => database.serialize(),
    restore: (copy) => database.deserialize(copy),
  };
}

/** node:sqlite runs the first of several statements and forgets the others. */
function assertWhole(text: string, prepared: string): void {
  if (text.slice(prepared.length).trim() !== "")
    throw new TypeError(`Cannot run statement: there is more behind "${prepared}"`);
}

/** node:sqlite binds null to a parameter that nothing is given for. */
function assertBound(statement: string, bindings: number): void {
  const code = statement.replace(/'[^']*'|--[^\n]*|\/\*[^]*?\*\//g, "");
  let parameters = 0;
  for (const [, number] of code.matchAll(/\?(\d*)/g))
    parameters = number ? Math.max(parameters, Number(number)) : parameters + 1;
  if (parameters !== bindings)
    throw new TypeError(`Cannot run statement: ${bindings} bindings for ${parameters} parameters`);
}
