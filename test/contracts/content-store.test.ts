// Goal: the contract of ContentStore holds over node:sqlite; test/runtime/contracts.test.ts runs the same
// cases, those of content-store.cases.ts, in a Durable Object.

import { testInNode } from "./in-node.ts";

testInNode("content-store");
