// Who is a member, when several edges add and remove while they do not see each other? An add-wins
// set for a star: edges meet only through the hub, so a version vector shrinks to one number, the
// hub's seq, and a dot to (edge, hub seq). Concurrent with a removal, an addition wins. When every
// link has acknowledged, no tag and no tombstone is left (after Bieniusa et al. 2012).

/** What an edge did and the hub has not confirmed. */
export type StarOp =
  | { readonly kind: "add" }
  /**
   * `context` is the hub's seq that the edge knew when it removed, not when it sends: a later one
   * would claim to have seen additions that it had not.
   */
  | { readonly kind: "remove"; readonly context: number };

/** An edge's replica. */
export interface StarEdge {
  /** Everything of the hub up to this seq is in `present`. */
  readonly cursor: number;
  readonly present: ReadonlySet<string>;
  /** Sent and not answered: fixed, because a retry is byte-identical. Null: no request is. */
  readonly inFlight: ReadonlyMap<string, StarOp> | null;
  /** Done since. */
  readonly unsent: ReadonlyMap<string, StarOp>;
}

/** What the hub keeps of an id. */
export interface StarEntry {
  /** Additions that not every link has acknowledged, edge to hub seq. None: stable. */
  readonly tags: ReadonlyMap<string, number>;
  readonly isPresent: boolean;
  /** Hub seq of its last change; links behind it are told. */
  readonly changed: number;
}

/** The hub's replica. */
export interface StarHub {
  readonly seq: number;
  readonly entries: ReadonlyMap<string, StarEntry>;
}

/** What the hub tells a link: presence of what changed in `(from, to]`. */
export interface StarDelta {
  readonly from: number;
  readonly to: number;
  readonly presence: ReadonlyMap<string, boolean>;
}

export const NEW_EDGE: StarEdge = {
  cursor: 0,
  present: new Set(),
  inFlight: null,
  unsent: new Map(),
};
export const NEW_HUB: StarHub = { seq: 0, entries: new Map() };

/** Adds an id; also one that is there, so that it outlives a removal elsewhere. */
export function add(edge: StarEdge, id: string): StarEdge {
  return {
    ...edge,
    present: new Set(edge.present).add(id),
    unsent: new Map(edge.unsent).set(id, { kind: "add" }),
  };
}

/** Removes an id that is there. */
export function remove(edge: StarEdge, id: string): StarEdge {
  if (!edge.present.has(id)) return edge;
  const present = new Set(edge.present);
  present.delete(id);
  const op: StarOp = { kind: "remove", context: edge.cursor };
  return { ...edge, present, unsent: new Map(edge.unsent).set(id, op) };
}

/** Takes what is unsent into flight; while something is in flight, that is sent again. */
export function send(edge: StarEdge): StarEdge {
  if (edge.inFlight !== null) return edge;
  return { ...edge, inFlight: edge.unsent, unsent: new Map() };
}

/**
 * Applies an edge's operations at the hub.
 *
 * Must run before the frame's acknowledgement moves the link's cursor: until then no tag that the
 * edge had not seen when it removed can have become stable.
 */
export function receive(hub: StarHub, edge: string, ops: ReadonlyMap<string, StarOp>): StarHub {
  if (ops.size === 0) return hub;
  const seq = hub.seq + 1;
  const entries = new Map(hub.entries);
  for (const [id, op] of ops) {
    const held = entries.get(id);
    const changed = op.kind === "add" ? added(held, edge, seq) : removed(held, edge, op, seq);
    if (changed !== undefined) entries.set(id, changed);
  }
  return { seq, entries };
}

/** Cuts what a link that knows everything up to `from` has to be told. */
export function deltaFor(hub: StarHub, from: number): StarDelta {
  const changed = [...hub.entries].filter(([, entry]) => entry.changed > from);
  const presence = new Map(changed.map(([id, entry]) => [id, entry.isPresent]));
  return { from, to: hub.seq, presence };
}

/** Applies the hub's answer to what is in flight. What the edge did since stays as it did it. */
export function absorb(edge: StarEdge, delta: StarDelta): StarEdge {
  if (delta.from > edge.cursor) return edge;
  const present = new Set(edge.present);
  for (const [id, isPresent] of delta.presence) {
    if (edge.unsent.has(id)) continue;
    if (isPresent) present.add(id);
    else present.delete(id);
  }
  return { ...edge, present, inFlight: null, cursor: Math.max(edge.cursor, delta.to) };
}

/** Forgets what every link with a lease has acknowledged: tags, and ids that are gone. */
export function stabilize(hub: StarHub, acknowledged: number): StarHub {
  const entries = new Map<string, StarEntry>();
  for (const [id, entry] of hub.entries) {
    if (!entry.isPresent && entry.changed <= acknowledged) continue;
    const tags = new Map([...entry.tags].filter(([, seq]) => seq > acknowledged));
    entries.set(id, tags.size === entry.tags.size ? entry : { ...entry, tags });
  }
  return { ...hub, entries };
}

/** Lists the hub's members, sorted. */
export function members(hub: StarHub): string[] {
  return [...hub.entries]
    .filter(([, entry]) => entry.isPresent)
    .map(([id]) => id)
    .toSorted();
}

function added(held: StarEntry | undefined, edge: string, seq: number): StarEntry {
  return { tags: new Map(held?.tags).set(edge, seq), isPresent: true, changed: seq };
}

function removed(
  held: StarEntry | undefined,
  edge: string,
  op: Extract<StarOp, { kind: "remove" }>,
  seq: number,
): StarEntry | undefined {
  if (held === undefined || !held.isPresent) return held;
  const tags = new Map([...held.tags].filter(([adder, tag]) => adder !== edge && tag > op.context));
  // With a tag left, an addition that the remover had not seen keeps the id; the remover is told.
  return { tags, isPresent: tags.size > 0, changed: seq };
}
