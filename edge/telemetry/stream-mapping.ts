// Which stream does a name from elsewhere stand for? Lower-case, with `_` for every character that a
// stream's name does not have; what does not begin with a letter then, or is too long, is no name.

import { parseStreamName, type StreamName } from "../../sync/brand.ts";

/** The rule, for those whose name it does not fit. */
export const MAPPING_RULE =
  "it is lower-cased, every character but a-z, 0-9 and _ becomes _, and then it has to begin with a letter and have at most 64 characters";

/** Maps a name; null if no stream's name comes out. */
export function mapStreamName(name: string): StreamName | null {
  return parseStreamName(name.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_"));
}
