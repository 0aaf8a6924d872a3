// Goal: links in the coded encoding as tests and vectors begin them.

import { FORM_MAX, LinkMemory } from "../../sync/wire/range/memory.ts";

/** 2026-09-10T01:46:40Z. */
export const START_MS = 1_789_000_000_000;

/** What an opened link is left with. */
export function newMemory(): LinkMemory {
  return new LinkMemory({
    link: 4_660,
    version: 1,
    form: FORM_MAX,
    digest: 0x01020304,
    at: { seq: 0, digest: 0 },
    told: { seq: 0, digest: 0 },
    hubNowMs: START_MS,
  });
}
