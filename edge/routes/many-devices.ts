// How is a request with readings of many devices carried out? One has to be let in for each of them,
// and a few hubs are called at once.

import type { Guard } from "../../doors/guard.ts";
import type { Problem } from "../../http/problem.ts";
import { limits } from "../limits.ts";

/** Finds out whether the request may post for all devices; null if it may. */
export async function refusalOf(
  guard: Guard,
  request: Request,
  devices: Iterable<string>,
): Promise<Problem | null> {
  for (const device of devices) {
    const admission = await guard.requireDevice(request, device, "ingest");
    if (!admission.ok) return admission.problem;
  }
  return null;
}

/** Runs `work` for each item, a few at once; the results are in the items' order. */
export async function forEachOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const take = async (): Promise<void> => {
    for (const [at, item] of queue) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: limits.hubCallsAtOnceMax }, take));
  return results;
}
