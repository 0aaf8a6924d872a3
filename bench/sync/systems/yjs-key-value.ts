// Yjs with y-utility's YKeyValue in place of the Y.Map: it leaves less behind when keys are overwritten.

import { YKeyValue } from "y-utility/y-keyvalue";
import type * as Y from "yjs";
import type { Setting, System } from "../system.ts";
import { openYjs, type KeyValues } from "./yjs.ts";

type Value = Exclude<ReturnType<KeyValues["get"]>, undefined>;

function mapOf(doc: Y.Doc): KeyValues {
  const values = new YKeyValue<Value>(doc.getArray("state"));
  // It shows what a transaction wrote only after it, and each write of a key looks through all.
  const written = new Map<string, Value>();
  return {
    get: (key) => written.get(key) ?? values.get(key),
    set: (key, value) => {
      written.set(key, value);
    },
    delete: (key) => {
      written.delete(key);
      values.delete(key);
    },
    finish: () => {
      for (const [key, value] of written) values.set(key, value);
      written.clear();
    },
    entries: () => [...values.map].map(([key, { val }]): [string, Value] => [key, val]),
  };
}

export const open = (setting: Setting): System => openYjs(setting, mapOf);
