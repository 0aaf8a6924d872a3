// Goal: the contract of ReplicaStore holds over node:sqlite; test/runtime/contracts.test.ts runs the
// same cases, those of replica-store.cases.ts, in a Durable Object.

import { testInNode } from "./in-node.ts";

testInNode("replica-store");
