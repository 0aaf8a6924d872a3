// What is a device's shadow? Two trees of fields, what is desired and what the device reports, held
// flat: a field's path is its key, so that each field is a last write of its own. How a merge patch
// (RFC 7396) becomes writes of fields, and how fields become trees again.

import { compareWrites, type LwwRegister, type Scalar } from "../sync/crdt/lww-register.ts";
import { err, ok, type Result } from "../sync/result.ts";

/** What a field may be. Null is no value: it deletes. */
export type FieldValue = string | number | boolean;

/** Fields as JSON shows them. */
export interface FieldTree {
  readonly [name: string]: FieldValue | FieldTree;
}

/** Fields by path, in the order of their paths. */
export type Fields = ReadonlyMap<string, FieldValue>;

/** One write: a value, or null for a deletion. */
export type FieldWrite = readonly [path: string, value: FieldValue | null];

/** What is wrong in a patch; `pointer` is a JSON Pointer (RFC 6901) into it. */
export interface PatchFault {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** Bytes of one side of a shadow: its paths and the JSON of its values, in UTF-8. */
export const SHADOW_BYTES_MAX = 8_192;
/** Fields of one side of a shadow, and names one inside another. */
export const SHADOW_FIELDS_MAX = 128;
export const SHADOW_DEPTH_MAX = 6;
/** Characters of a path, and of a text as a value. */
export const PATH_CHARS_MAX = 160;
export const FIELD_TEXT_CHARS_MAX = 256;

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const PATH = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})*$/;

/** A patch, read: leaves to write, and paths that become trees. */
export interface ReadPatch {
  readonly leaves: readonly FieldWrite[];
  readonly trees: readonly string[];
}

/** Reads a merge patch of one side; the faults are at most a few. */
export function readPatch(patch: unknown, pointer: string): Result<ReadPatch, PatchFault[]> {
  const leaves: FieldWrite[] = [];
  const trees: string[] = [];
  const faults: PatchFault[] = [];
  const read = (value: unknown, path: string, depth: number, at: string): void => {
    const fault = faultOf(value, path, depth, at);
    if (fault !== null) faults.push(fault);
    else if (typeof value !== "object" || value === null)
      leaves.push([path, normal(value as FieldValue | null)]);
    else {
      if (path !== "") trees.push(path);
      for (const [name, inner] of Object.entries(value)) {
        const below = `${at}/${name.slice(0, 80)}`;
        if (NAME.test(name)) read(inner, path === "" ? name : `${path}.${name}`, depth + 1, below);
        else faults.push({ pointer: below, code: "field-name", message: FIELD_NAME });
        if (faults.length >= FAULTS_MAX) return;
      }
    }
  };
  if (!isObject(patch)) return err([{ pointer, code: "not-an-object", message: NOT_AN_OBJECT }]);
  read(patch, "", 0, pointer);
  return faults.length > 0 ? err(faults) : ok({ leaves, trees });
}

/** Finds what a patch writes to a side that holds fields under `held`, hidden ones too. */
export function planWrites({ leaves, trees }: ReadPatch, held: Iterable<string>): FieldWrite[] {
  const writes = new Map<string, FieldValue | null>();
  const [written, made] = [new Set(leaves.map(([path]) => path)), new Set(trees)];
  // What stands in the way of a tree, and what was below a field that is replaced or deleted.
  for (const path of held)
    if (made.has(path) || ancestorsOf(path).some((above) => written.has(above)))
      writes.set(path, null);
  for (const [path, value] of leaves) writes.set(path, value);
  return [...writes];
}

/**
 * Shows the fields of one side. Where two regions wrote a field and one below it at the same time,
 * the later write hides the other, the same everywhere.
 */
export function fieldsOf(registers: ReadonlyMap<string, LwwRegister>): Fields {
  const latest = [...registers].toSorted(([a, left], [b, right]) =>
    compareWrites(left, right) === 0 ? (a < b ? -1 : 1) : compareWrites(right, left),
  );
  const shown = new Map<string, FieldValue>();
  const above = new Set<string>();
  for (const [path, { value }] of latest) {
    const ancestors = ancestorsOf(path);
    if (value === null || above.has(path) || ancestors.some((at) => shown.has(at))) continue;
    shown.set(path, value);
    for (const ancestor of ancestors) above.add(ancestor);
  }
  return new Map([...shown].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Finds the desired fields that are not reported as they are desired. */
export function deltaOf(desired: Fields, reported: Fields): Fields {
  return new Map([...desired].filter(([path, value]) => reported.get(path) !== value));
}

/** Makes the tree of fields. */
export function treeOf(fields: Iterable<readonly [path: string, value: FieldValue]>): FieldTree {
  const tree: Record<string, unknown> = newTree();
  for (const [path, value] of fields) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let at = tree;
    for (const name of names) at = (at[name] ??= newTree()) as Record<string, unknown>;
    at[last] = value;
  }
  return tree as FieldTree;
}

/** Counts the bytes of one side. */
export function bytesOf(fields: Fields): number {
  let bytes = 0;
  for (const [path, value] of fields) bytes += path.length + utf8Length(JSON.stringify(value));
  return bytes;
}

/** Says why a field that a region sent is none, in kebab-case; null: it is one. */
export function refusalOfField(path: string, { value, isDeleted }: LwwRegister): string | null {
  const isPath = path.length <= PATH_CHARS_MAX && PATH.test(path);
  if (!isPath || path.split(".").length > SHADOW_DEPTH_MAX) return "not-a-field";
  return isDeleted === (value === null) && (isDeleted || valueFault(value) === null)
    ? null
    : "value-out-of-bounds";
}

const FAULTS_MAX = 20;
const NOT_AN_OBJECT = "this is an object of fields";
const FIELD_NAME = "a field's name is 1 to 64 characters of A-Z, a-z, 0-9, underscore and hyphen";

function faultOf(value: unknown, path: string, depth: number, pointer: string): PatchFault | null {
  if (depth > SHADOW_DEPTH_MAX)
    return { pointer, code: "too-deep", message: `names nest ${SHADOW_DEPTH_MAX} deep at most` };
  if (path.length > PATH_CHARS_MAX)
    return {
      pointer,
      code: "path-too-long",
      message: `a field's names together have at most ${PATH_CHARS_MAX} characters, with dots between them`,
    };
  if (value === null || isObject(value)) return null;
  const fault = valueFault(value);
  return fault === null ? null : { pointer, ...fault };
}

function valueFault(value: unknown): { readonly code: string; readonly message: string } | null {
  if (typeof value === "boolean") return null;
  if (typeof value === "number")
    return Number.isFinite(value)
      ? null
      : { code: "value-not-finite", message: "a number is finite" };
  if (typeof value !== "string")
    return {
      code: "value-type",
      message: "a field is a text, a number, a boolean, null to delete it, or an object of fields",
    };
  const isText = value.length <= FIELD_TEXT_CHARS_MAX && value.isWellFormed();
  return isText
    ? null
    : {
        code: "value-text",
        message: `a text has at most ${FIELD_TEXT_CHARS_MAX} characters, all of them whole`,
      };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** There is one zero: -0 would not come back from JSON. */
function normal(value: Scalar): FieldValue | null {
  return value === 0 ? 0 : value;
}

function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = path.indexOf("."); at >= 0; at = path.indexOf(".", at + 1))
    ancestors.push(path.slice(0, at));
  return ancestors;
}

/** Without a prototype: a field may be called `__proto__`. */
function newTree(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
