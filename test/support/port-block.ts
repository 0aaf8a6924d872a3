// Which ports can a start take? Seven in a row that are free, below the ones that are handed out one
// by one, so that another test does not take one in between.

import { claimPort } from "../../tools/launcher/ports.ts";

const FIRST = 11_000;
const LAST = 19_900;
const BLOCK = 7;
const TRIES = 50;

/** Finds the first of seven free ports in a row. */
export async function claimPortBlock(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const first = FIRST + BLOCK * Math.floor((Math.random() * (LAST - FIRST)) / BLOCK);
    const ports = Array.from({ length: BLOCK }, (_, i) => first + i);
    const claims = await Promise.allSettled(ports.map((port) => claimPort(port)));
    if (claims.every(({ status }) => status === "fulfilled")) return first;
  }
  throw new Error(`No ${BLOCK} free ports in a row from ${FIRST} to ${LAST}`);
}
