// What is an entry that a replica holds, and how are maps of maps kept that hold them?

import type { Collection } from "./kind.ts";

/** An entry. Change seq 0: it has no place in the order of changes. */
export interface Entry<Value = unknown> {
  readonly value: Value;
  /** The replica's seq of the last change. */
  readonly seq: number;
  /** At the hub: the link that it came from, 0 if none. At an edge: the hub's seq when they agreed. */
  readonly mark: number;
}

/** An entry that is held. */
export interface Held {
  readonly collection: Collection;
  readonly key: string;
  readonly entry: Entry;
}

/** Sets what a map has under a key; null: nothing. */
export function place<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

/** What a map of maps has under a key. */
export function within<Key, Inner, Value>(
  maps: Map<Key, Map<Inner, Value>>,
  key: Key,
): Map<Inner, Value> {
  let inner = maps.get(key);
  if (!inner) maps.set(key, (inner = new Map()));
  return inner;
}
