// What does it cost to purge a tag, and does that depend on how much is stored with it? The region's tier
// over a database file, with a few and with a million responses of one tag, and the region's replica that
// the purge is marked in: statements and rows are counted, time is told. Then some of the responses are
// held against the mark, as each is when it is next asked for. The last line is JSON.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PurgeBook } from "../edge/cache/purge-book.ts";
import type { StoredMeta } from "../edge/cache/stored-response.ts";
import { SqlContentStore } from "../edge/platform/sql-content-store.ts";
import { RegionReplica } from "../edge/region-replica.ts";
import { tagScope } from "../edge/purge-scopes.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../storage/sql-replica-store.ts";
import { migrate, type Sql } from "../storage/sql.ts";
import type { ReplicaId } from "../sync/brand.ts";
import { openFileSql } from "./storage/file-sql.ts";

const ENTRIES = Number(process.argv[2] ?? 1_000_000);
const SAMPLE = 1_000;
const NOW_MS = Date.UTC(2026, 10, 21);

interface Counted {
  readonly sql: Sql;
  statements: number;
}

function counting(sql: Sql): Counted {
  const counted: Counted = {
    sql: {
      ...sql,
      exec: (statement, ...bindings) => {
        counted.statements += 1;
        return sql.exec(statement, ...bindings);
      },
    },
    statements: 0,
  };
  return counted;
}

const META: StoredMeta = {
  status: 200,
  fields: [["cache-tag", "news"]],
  bodyBytes: 1,
  requestMs: NOW_MS,
  responseMs: NOW_MS,
  freshnessLifetimeS: 3_600,
  initialAgeMs: 0,
  staleForbiddenBy: null,
  isValidatedAlways: false,
  staleWhileRevalidateS: 0,
  staleIfErrorS: 0,
  isImmutable: false,
  hiddenFields: [],
  variant: [],
  part: null,
  purgeView: [],
};

function measure(entries: number, dir: string): Record<string, number> {
  const tier = openFileSql(path.join(dir, `tier-${entries}.sqlite`));
  const cells = counting(tier);
  const store = new SqlContentStore(cells.sql, {
    bytesMax: Number.MAX_SAFE_INTEGER,
    variantsMax: 4,
    staleMsMax: 0,
  });
  const body = new Uint8Array(1);
  const keyOf = (i: number): string => `main|/p${i}`;
  tier.transaction(() => {
    for (let i = 0; i < entries; i += 1) store.put(keyOf(i), { meta: META, body }, NOW_MS);
  });
  const marks = counting(openFileSql(path.join(dir, `marks-${entries}.sqlite`)));
  migrate(marks.sql, [REPLICA_TABLES]);
  let epoch = 0;
  const id = "hel/region" as ReplicaId;
  const replica = new RegionReplica("hel", id, new SqlReplicaStore(marks.sql), () => (epoch += 1));
  [cells.statements, marks.statements] = [0, 0];
  const startedMs = performance.now();
  replica.purge(NOW_MS, [tagScope("news")]);
  const purgeMs = performance.now() - startedMs;
  const [tierStatements, markStatements] = [cells.statements, marks.statements];
  const lease = replica.lease("");
  if (lease === null) throw new Error("A region that was never told anything has a lease");
  const book = new PurgeBook(lease);
  let dead = 0;
  const lookedMs = performance.now();
  for (let i = 0; i < SAMPLE; i += 1) {
    const key = keyOf(Math.floor((i * entries) / SAMPLE));
    const stored = store.get(key, NOW_MS);
    if (stored !== null && book.isPurged(key, stored.meta)) dead += 1;
  }
  const usPerLookup = ((performance.now() - lookedMs) * 1_000) / SAMPLE;
  return { entries, tierStatements, markStatements, purgeMs, sampled: SAMPLE, dead, usPerLookup };
}

const dir = mkdtempSync(path.join(tmpdir(), "skerry-bench-purge-"));
try {
  const runs = [Math.min(1_000, ENTRIES), ENTRIES].map((entries) => measure(entries, dir));
  console.table(runs);
  const [few, many] = runs;
  const isSame =
    few?.["markStatements"] === many?.["markStatements"] &&
    runs.every(({ tierStatements, dead }) => tierStatements === 0 && dead === SAMPLE);
  const report = { ok: isSame, runs };
  const results = path.join(import.meta.dirname, "results");
  mkdirSync(results, { recursive: true });
  if (ENTRIES >= 1_000_000)
    writeFileSync(path.join(results, "purge.json"), `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
  process.exitCode = isSame ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
