// How does a function say that it did not work out? As a value: pure rooms never throw for input.

/** Either a value or a typed reason why there is none. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** Wraps a value. */
export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

/** Wraps a reason. */
export function err<E>(error: E): Result<never, E> {
  return { ok: false, error };
}
