// How does a shadow look in JSON, and what may be sent to change it? The same at both ends.

import { err, ok, type Result } from "../sync/result.ts";
import type { HeldShadow, ShadowSide } from "./shadow-book.ts";
import {
  deltaOf,
  readPatch,
  treeOf,
  type FieldTree,
  type PatchFault,
  type ReadPatch,
} from "./shadow.ts";

/** Media types of a patch. */
export const SHADOW_TYPES: readonly string[] = ["application/merge-patch+json", "application/json"];

/** A shadow as it is answered. */
export interface ShadowView {
  /** How often what is desired was changed: the entity tag that If-Match compares with. */
  readonly version: number;
  readonly desired: FieldTree;
  readonly reported: FieldTree;
  /** What is desired and not reported so. */
  readonly delta: FieldTree;
  /** When each side was last written; null: never, or not since it was deleted. */
  readonly updated: { readonly desired: string | null; readonly reported: string | null };
}

/** @param formatTime Writes epoch milliseconds as RFC 3339. */
export function shadowView(held: HeldShadow, formatTime: (ms: number) => string): ShadowView {
  const time = (ms: number | null): string | null => (ms === null ? null : formatTime(ms));
  const [desired, reported] = [new Map(held.desired), new Map(held.reported)];
  return {
    version: held.version,
    desired: treeOf(desired),
    reported: treeOf(reported),
    delta: treeOf(deltaOf(desired, reported)),
    updated: { desired: time(held.desiredMs), reported: time(held.reportedMs) },
  };
}

/** Reads `{ "desired": ... }` or `{ "reported": ... }`, a merge patch (RFC 7396) of that side. */
export function readShadowPatch(
  body: unknown,
): Result<{ readonly side: ShadowSide; readonly patch: ReadPatch }, PatchFault[]> {
  const given = typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
  const [first, ...others] = Object.entries(given);
  const [name, sidePatch] = first ?? [];
  if (others.length > 0 || (name !== "desired" && name !== "reported"))
    return err([{ pointer: "", code: "one-side", message: ONE_SIDE }]);
  const patch = readPatch(sidePatch, `/${name}`);
  return patch.ok ? ok({ side: name, patch: patch.value }) : patch;
}

const ONE_SIDE =
  'the body is { "desired": {...} } or { "reported": {...} }, one of the two, with the fields to change';
