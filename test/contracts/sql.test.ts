// Goal: the contract of Sql holds over node:sqlite; test/runtime/contracts.test.ts runs the same
// cases, those of sql.cases.ts, in a Durable Object.

import { testInNode } from "./in-node.ts";

testInNode("sql");
