// Goal: the contract of HubStore holds over node:sqlite; test/runtime/contracts.test.ts runs the same
// cases, those of hub-store.cases.ts, in a Durable Object.

import { testInNode } from "./in-node.ts";

testInNode("hub-store");
