// Goal: the contract of ShardStore holds over node:sqlite; test/runtime/contracts.test.ts runs the same
// cases, those of shard-store.cases.ts, in a Durable Object.

import { testInNode } from "./in-node.ts";

testInNode("shard-store");
