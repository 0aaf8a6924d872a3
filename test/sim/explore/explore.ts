// Is there any way, of at most so many actions, to a state that must not be? Breadth first, so that what
// is found is the shortest way. A state is reached by doing its actions again from the beginning: the
// replicas are the real ones, and cannot be copied in the middle of their lives.

import type { Model } from "./model.ts";
import { World, type Action } from "./world.ts";

export interface Found {
  /** What was done, in order. */
  readonly actions: readonly Action[];
  readonly message: string;
}

export interface Explored {
  /** Different states, and actions that led to one, known or not. */
  readonly states: number;
  readonly steps: number;
  /** Actions to the states that are furthest away; all that are nearer were seen. */
  readonly depth: number;
  /** False: there were more states than were asked for. */
  readonly isWhole: boolean;
  readonly violation: Found | null;
}

interface Limits {
  readonly depth: number;
  readonly states: number;
  /** A short name of a text that no other text has. */
  readonly digest: (text: string) => string;
  readonly onDepth?: (depth: number, states: number) => void;
}

/** A state by how it is reached. */
interface Way {
  readonly before: Way | null;
  readonly action: Action | null;
}

/** Explores a model; ends with the first violation. */
export function explore(model: Model, { depth, states, digest, onDepth }: Limits): Explored {
  const seen = new Set<string>();
  let layer: Way[] = [{ before: null, action: null }];
  let steps = 0;
  for (let at = 0; at <= depth && layer.length > 0; at += 1) {
    const next: Way[] = [];
    for (const way of layer) {
      const actions = actionsOf(way);
      steps += 1;
      const visited = visit(model, actions, seen, digest);
      if (visited.kind === "violation")
        return {
          states: seen.size,
          steps,
          depth: at,
          isWhole: false,
          violation: { actions, message: visited.message },
        };
      if (visited.kind === "known") continue;
      if (seen.size >= states)
        return { states: seen.size, steps, depth: at - 1, isWhole: false, violation: null };
      if (at < depth) for (const action of visited.next) next.push({ before: way, action });
    }
    onDepth?.(at, seen.size);
    layer = next;
  }
  return { states: seen.size, steps, depth, isWhole: true, violation: null };
}

type Visited =
  | { readonly kind: "known" }
  | { readonly kind: "new"; readonly next: readonly Action[] }
  | { readonly kind: "violation"; readonly message: string };

function visit(
  model: Model,
  actions: readonly Action[],
  seen: Set<string>,
  digest: Limits["digest"],
): Visited {
  try {
    const world = new World(model);
    world.begin();
    for (const action of actions) world.act(action);
    const name = digest(world.name());
    if (seen.has(name)) return { kind: "known" };
    seen.add(name);
    const next = world.actions();
    world.settle();
    return { kind: "new", next };
  } catch (error) {
    return { kind: "violation", message: error instanceof Error ? error.message : String(error) };
  }
}

function actionsOf(way: Way): Action[] {
  const actions: Action[] = [];
  for (let at: Way | null = way; at !== null; at = at.before)
    if (at.action !== null) actions.push(at.action);
  return actions.toReversed();
}
