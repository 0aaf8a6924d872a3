// How is a key of the issuers rotated while the deployment runs? The next one is added and replicated,
// then the origin signs with it, then the old one is retired: no edge is deployed again.

import { ISSUERS, keys } from "../../state/region.ts";
import {
  ISSUER_KEYS_MAX,
  readIssuers,
  RETIRED_MAX,
  type IssuerKey,
  type Issuers,
} from "../../state/issuers.ts";
import type { HubReplica } from "../../sync/replica/hub-replica.ts";

const NO_ISSUERS: Issuers = { keys: [], added: [], retired: [] };

/** A change of the issuers' keys. */
export type KeyChange =
  | { readonly kind: "add"; readonly key: IssuerKey & { readonly kid: string } }
  | { readonly kind: "retire"; readonly kid: string };

export type KeyDecision =
  | { readonly kind: "changed"; readonly issuers: Issuers }
  | { readonly kind: "same"; readonly issuers: Issuers }
  | {
      readonly kind: "refused";
      readonly reason: "retired" | "taken" | "unknown" | "last" | "full";
    };

/** The document that is replicated. */
export function issuersOf(replica: HubReplica): Issuers {
  return readIssuers(replica.read(keys, ISSUERS)?.content ?? "") ?? NO_ISSUERS;
}

/** Writes a document; one without changes since the deployment is the deployment's own text. */
export function formatIssuers({ keys: held, added, retired }: Issuers, deployed: string): string {
  const isDeployed = added.length === 0 && retired.length === 0;
  return isDeployed ? deployed : JSON.stringify({ keys: held, added, retired });
}

/** Joins the keys that the origin is deployed with and what was changed while it ran. */
export function withDeployed(held: Issuers, deployed: readonly IssuerKey[]): Issuers {
  const own = new Set(deployed.map(({ kid }) => kid));
  const retired = new Set(held.retired);
  const added = held.added.filter((kid) => !own.has(kid) && !retired.has(kid));
  const more = held.keys.filter(({ kid }) => kid !== undefined && added.includes(kid));
  const counted = deployed.filter(({ kid }) => kid === undefined || !retired.has(kid));
  return { keys: [...counted, ...more], added, retired: held.retired };
}

/** Decides on a change of the keys in force. */
export function decideKeys(issuers: Issuers, change: KeyChange): KeyDecision {
  const { keys: held, added, retired } = issuers;
  if (change.kind === "add") {
    const { kid } = change.key;
    // An id names one key for ever: tokens of the old one must not begin to count again.
    if (retired.includes(kid)) return { kind: "refused", reason: "retired" };
    const same = held.find((key) => key.kid === kid);
    if (same !== undefined)
      return same["x"] === change.key["x"]
        ? { kind: "same", issuers }
        : { kind: "refused", reason: "taken" };
    if (held.length >= ISSUER_KEYS_MAX) return { kind: "refused", reason: "full" };
    const changed = { keys: [...held, change.key], added: [...added, kid], retired };
    return { kind: "changed", issuers: changed };
  }
  const { kid } = change;
  if (retired.includes(kid)) return { kind: "same", issuers };
  const rest = held.filter((key) => key.kid !== kid);
  if (rest.length === held.length) return { kind: "refused", reason: "unknown" };
  // Nobody could sign in any more, not even to add another one.
  if (rest.length === 0) return { kind: "refused", reason: "last" };
  if (retired.length >= RETIRED_MAX) return { kind: "refused", reason: "full" };
  const changed = {
    keys: rest,
    added: added.filter((name) => name !== kid),
    retired: [...retired, kid],
  };
  return { kind: "changed", issuers: changed };
}
