// How does a contract run on the real runtime? A Worker for tests: each case gets a Durable Object
// of its own, with an empty database, and where it wants a restart that object is aborted, and
// constructed again from what is on disk. The rest of the case waits in the isolate meanwhile, which
// outlives the object; the connection that the case held does not.

import { DurableObject } from "cloudflare:workers";
import { openSql } from "../../storage/durable-object-sql.ts";
import type { Sql } from "../../storage/sql.ts";
import type { BoundCase, Steps } from "./contract.ts";
import { SUITES } from "./suites.ts";

/** How a case ended. */
export interface CaseReport {
  /** What was thrown, and where; null if the case passed. */
  readonly failure: string | null;
  readonly restarts: number;
  /** How often the object was constructed: once more than it was restarted. */
  readonly constructions: number;
}

interface ContractEnv {
  readonly OBJECTS: DurableObjectNamespace<ContractObject>;
}

/** A case that is under way in an object, with the object's present connection. */
interface Run {
  readonly steps: Steps;
  sql: Sql;
}

/** The cases under way, and how often each object was constructed, by the object's id. */
const runs = new Map<string, Run>();
const constructions = new Map<string, number>();

/** The object whose database a case runs in. */
export class ContractObject extends DurableObject<ContractEnv> {
  readonly #sql: Sql;
  readonly #id: string;

  constructor(ctx: DurableObjectState, env: ContractEnv) {
    super(ctx, env);
    this.#sql = openSql(ctx.storage);
    this.#id = ctx.id.toString();
    constructions.set(this.#id, this.constructions() + 1);
  }

  constructions(): number {
    return constructions.get(this.#id) ?? 0;
  }

  /** Runs a case up to its next restart, or to its end; `failure` is what it threw. */
  step(port: string, name: string): { isDone: boolean; failure: string | null } {
    try {
      return { isDone: this.#resume(port, name).steps.next().done === true, failure: null };
    } catch (error) {
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { isDone: true, failure };
    }
  }

  /** Runs statements in one turn, which may be cut off behind them; counts the last one's rows. */
  turn(statements: readonly string[], isCutOff: boolean): number {
    const rows = statements.map((statement) => this.#sql.exec(statement).length);
    if (isCutOff) this.restart();
    return rows.at(-1) ?? 0;
  }

  /** Ends the object at once. The caller's call fails. */
  restart(): void {
    this.ctx.abort("The case wants a restart");
  }

  #resume(port: string, name: string): Run {
    const run = runs.get(this.#id) ?? {
      steps: findCase(port, name).start(() => this.#connection()),
      sql: this.#sql,
    };
    run.sql = this.#sql;
    runs.set(this.#id, run);
    return run;
  }

  /** The connection of whichever object runs the case now, which may be this one's successor. */
  #connection(): Sql {
    return runs.get(this.#id)?.sql ?? this.#sql;
  }
}

function findCase(port: string, name: string): BoundCase {
  const suite = SUITES.find((each) => each.port === port);
  const found = suite?.cases.find((each) => each.name === name);
  if (found === undefined) throw new TypeError(`No case of ${port} is called "${name}"`);
  return found;
}

async function runCase({ OBJECTS }: ContractEnv, port: string, name: string): Promise<CaseReport> {
  // A stub of an object that was aborted stays broken: each call takes a new one.
  const object = () => OBJECTS.getByName(`${port}: ${name}`);
  for (let restarts = 0; ; restarts += 1) {
    const { isDone, failure } = await object().step(port, name);
    if (isDone) return { failure, restarts, constructions: await object().constructions() };
    await object()
      .restart()
      .catch(() => undefined);
  }
}

/** Counts the rows of a table with one row after a turn that added two was cut off. */
async function rowsOfCutTurn({ OBJECTS }: ContractEnv): Promise<number> {
  const object = () => OBJECTS.getByName("cut off");
  await object().turn(["create table row (n)", "insert into row values (1)"], false);
  const insert = "insert into row values (2)";
  await object()
    .turn([insert, insert], true)
    .catch(() => undefined);
  return object().turn(["select * from row"], false);
}

// oxlint-disable-next-line import/no-default-export -- workerd finds a Worker's handlers there
export default {
  async fetch(request: Request, env: ContractEnv): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/cut-turn") return Response.json(await rowsOfCutTurn(env));
    const port = searchParams.get("port") ?? "";
    return Response.json(await runCase(env, port, searchParams.get("case") ?? ""));
  },
};
