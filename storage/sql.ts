// What does an object of ours expect of its database? A narrow, synchronous port to SQLite, so that
// the same statements run in a Durable Object, and in Node under tests and a simulator.

/** What SQLite takes and gives back for a column. */
export type SqlValue = string | number | ArrayBuffer | Uint8Array | null;

export type SqlRow = Record<string, SqlValue>;

/** Bytes of a value: Cloudflare refuses larger rows, local runtimes do not. */
const VALUE_BYTES_MAX = 2_000_000;
/** Bindings of one statement: SQLite takes 32,766 elsewhere. */
const BINDINGS_MAX = 100;

/** Throws for what only a local runtime would store, so that all behave alike (P10). */
export function assertStorable(bindings: readonly SqlValue[]): void {
  if (bindings.length > BINDINGS_MAX)
    throw new RangeError(
      `Cannot run statement: ${bindings.length} bindings exceed ${BINDINGS_MAX}`,
    );
  for (const value of bindings) {
    const size = typeof value === "string" ? value.length : byteLengthOf(value);
    if (size > VALUE_BYTES_MAX) {
      throw new RangeError(`Cannot store value: ${size} bytes exceed ${VALUE_BYTES_MAX}`);
    }
  }
}

function byteLengthOf(value: Exclude<SqlValue, string>): number {
  return value === null || typeof value === "number" ? 0 : value.byteLength;
}

/**
 * The SQLite database of one Durable Object.
 *
 * - Order: statements run one after the other, synchronously.
 * - Atomicity: statements of one turn without `await` commit together; `transaction` also undoes
 *   them all if it throws.
 * - Durability: an answer leaves the object only after what was written before it is on disk.
 * - Limits: one statement a call, 100 bindings a statement, one for each parameter; 2 MB a row;
 *   whole numbers below 2^53.
 */
export interface Sql {
  exec(statement: string, ...bindings: SqlValue[]): SqlRow[];
  transaction<T>(run: () => T): T;
  /** Rows that were written through this port, those of indexes too where the runtime counts them. */
  rowsWritten(): number;
}

/**
 * Applies what of `migrations` the database does not have yet; each once, in order, whole.
 *
 * @param migrations Statements separated by semicolons, one text a version; never edited once
 *   released, only added to.
 */
export function migrate(sql: Sql, migrations: readonly string[]): void {
  sql.exec("create table if not exists schema_version (version integer primary key)");
  const applied = numberOf(sql.exec("select max(version) as n from schema_version")[0]?.["n"]);
  for (const [index, statements] of migrations.entries()) {
    if (index < applied) continue;
    sql.transaction(() => {
      for (const statement of statements.split(";"))
        if (statement.trim() !== "") sql.exec(statement);
      sql.exec("insert into schema_version values (?)", index + 1);
    });
  }
}

/** Reads a column that holds a number; null and absent are 0, as for aggregates of no rows. */
export function numberOf(value: SqlValue | undefined): number {
  return typeof value === "number" ? value : 0;
}

/** Reads a column that holds a text. */
export function textOf(value: SqlValue | undefined): string {
  if (typeof value !== "string") throw new TypeError("Cannot read column: it holds no text");
  return value;
}

/** Reads a column that holds a blob. */
export function bytesOf(value: SqlValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError("Cannot read column: it holds no blob");
}
