// How is a port's contract written down so that every implementation is held to it on every runtime?
// As cases that know no test runner and no runtime; suites.ts lists them, and a runner hands each
// one an empty database.

import type { Sql } from "../../storage/sql.ts";

/**
 * A case yields this where the object that owns the database ends and is constructed again. Only the
 * database outlives that: what the case opened before must not be used any more.
 */
export const RESTART = "restart" as const;

/** What is left to do of a case; each step ends where a restart is due. */
export type Steps = Generator<typeof RESTART, void, void>;

/** One sentence of a contract. `open` gives the port over what the database holds at that time. */
export interface ContractCase<Open> {
  readonly name: string;
  /** Throws if the sentence is not true. */
  readonly run: (open: Open) => Steps | undefined;
}

/** A case that knows which implementation it tries. */
export interface BoundCase {
  readonly name: string;
  /** Prepares the case; `sql` gives the database's only connection, another one after a restart. */
  readonly start: (sql: () => Sql) => Steps;
}

/** The contract of one port, for each of its implementations. */
export interface Suite {
  /** The port, as its cases' file is named: `hub-store` for hub-store.cases.ts. */
  readonly port: string;
  readonly cases: readonly BoundCase[];
}

/** Binds the cases of a port to an implementation; `bind` makes what the cases open it with. */
export function casesOf<Open>(
  implementation: string,
  cases: readonly ContractCase<Open>[],
  bind: (sql: () => Sql) => Open,
): readonly BoundCase[] {
  return cases.map(({ name, run }) => ({
    name: `${implementation}: ${name}`,
    *start(sql) {
      const steps = run(bind(sql));
      if (steps !== undefined) yield* steps;
    },
  }));
}
