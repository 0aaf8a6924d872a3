// Which contracts are there, and who has to keep them? The one list: every suite in it runs over
// node:sqlite, in memory and in a file, and in a Durable Object under workerd. A new port gets a
// file of cases, an entry here, and a test file of one line.

import { EVICTIONS, type EvictionName } from "../../edge/cache/eviction/policies.ts";
import { weightOf } from "../../edge/cache/stored-response.ts";
import type { ContentStore } from "../../edge/content-ports.ts";
import { MemoryStore } from "../../edge/platform/memory-store.ts";
import { diskWeightOf, SqlContentStore } from "../../edge/platform/sql-content-store.ts";
import type { HubStoreOptions } from "../../edge/platform/hub-memory.ts";
import { SqlHubStore } from "../../edge/platform/sql-hub-store.ts";
import { SqlShardStore } from "../../origin/platform/sql-shard-store.ts";
import { REPLICA_TABLES, SqlReplicaStore } from "../../storage/sql-replica-store.ts";
import { migrate, type Sql } from "../../storage/sql.ts";
import { MemoryReplicaStore, type ReplicaStore } from "../../sync/replica/store.ts";
import {
  contentStoreCases,
  durableContentStoreCases,
  STALE_MS,
  VARIANTS_MAX,
  type OpenContentStore,
} from "./content-store.cases.ts";
import { casesOf, type Suite } from "./contract.ts";
import { FIRST_EPOCH, hubStoreCases, type OpenHubStore } from "./hub-store.cases.ts";
import {
  durableReplicaStoreCases,
  replicaStoreCases,
  type OpenReplicaStore,
} from "./replica-store.cases.ts";
import {
  POISON_ROOM,
  REPLICAS_MAX,
  shardStoreCases,
  TIMELESS_MAX,
  type OpenShardStore,
} from "./shard-store.cases.ts";
import { sqlCases } from "./sql.cases.ts";

export const SUITES: readonly Suite[] = [
  { port: "sql", cases: casesOf("Sql", sqlCases, (sql) => sql) },
  { port: "hub-store", cases: casesOf("SqlHubStore", hubStoreCases, sqlHubStore) },
  { port: "shard-store", cases: casesOf("SqlShardStore", shardStoreCases, sqlShardStore) },
  {
    port: "content-store",
    cases: [
      ...EVICTIONS.flatMap((name) =>
        casesOf(`MemoryStore (${name})`, contentStoreCases, () => memoryStore(name)),
      ),
      ...casesOf("SqlContentStore", contentStoreCases, sqlContentStore),
      ...casesOf("SqlContentStore", durableContentStoreCases, sqlContentStore),
    ],
  },
  {
    port: "replica-store",
    cases: [
      ...casesOf("MemoryReplicaStore", replicaStoreCases, memoryReplicaStore),
      ...casesOf("SqlReplicaStore", replicaStoreCases, sqlReplicaStore),
      ...casesOf("SqlReplicaStore", durableReplicaStoreCases, sqlReplicaStore),
    ],
  },
];

/** A new epoch whenever the store is opened, as the DeviceHub does. */
function sqlHubStore(sql: () => Sql): OpenHubStore {
  let epoch = FIRST_EPOCH;
  const open = (options?: HubStoreOptions) => new SqlHubStore(sql(), epoch++, options);
  return Object.assign(open, { sql });
}

function sqlShardStore(sql: () => Sql): OpenShardStore {
  return () => ({
    store: new SqlShardStore(sql(), TIMELESS_MAX, REPLICAS_MAX, POISON_ROOM),
  });
}

const memoryStore = (eviction: EvictionName): OpenContentStore => {
  const open = (bytesMax: number): ContentStore<Uint8Array> =>
    new MemoryStore({
      bytesMax,
      entriesMax: 1_000,
      variantsMax: VARIANTS_MAX,
      staleMsMax: STALE_MS,
      eviction,
    });
  return Object.assign(open, { weigh: weightOf });
};

function sqlContentStore(sql: () => Sql): OpenContentStore {
  const open = (bytesMax: number): ContentStore<Uint8Array> =>
    new SqlContentStore(sql(), { bytesMax, variantsMax: VARIANTS_MAX, staleMsMax: STALE_MS });
  return Object.assign(open, { weigh: diskWeightOf });
}

function memoryReplicaStore(): OpenReplicaStore {
  const store = new MemoryReplicaStore();
  return () => ({ store, tableRows: () => 0 });
}

function sqlReplicaStore(sql: () => Sql): OpenReplicaStore {
  return () => {
    migrate(sql(), [REPLICA_TABLES]);
    return {
      store: new SqlReplicaStore(sql()) satisfies ReplicaStore,
      tableRows: () =>
        ["replica_page", "replica_row"].reduce(
          (sum, table) => sum + sql().exec(`select 1 from ${table}`).length,
          0,
        ),
    };
  };
}
