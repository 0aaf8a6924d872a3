// Of which power of ten are the values whole numbers? Instruments print decimals, and decimals are
// short as whole numbers but long in binary. A few values that are not such decimals (a sentinel, a
// minus zero) may be left out and kept aside.

import { mantissaOf, powerOf, wholeOf } from "../../sync/decimal.ts";

/** Powers of ten that a double holds exactly. */
export const SCALE_MAX = 22;
/** Below this, dividing by the power of ten gives the very same double back (sync/decimal.ts). */
const MANTISSA_MAX = 1e15;
const SAMPLES = 32;

/** Values as whole numbers of 10^-scale, and where that does not give the same double back. */
export interface Scaled {
  readonly scale: number;
  /** A value that is left out repeats the one before it here. */
  readonly mantissas: Float64Array;
  /** Positions, ascending. */
  readonly leftOut: readonly number[];
}

/**
 * Lists the ways to scale values that are worth trying: so that all are whole, and so that all but
 * a few are. Nothing if more than one in eight would be left out.
 */
export function scalings(values: Float64Array): readonly Scaled[] {
  const typical = typicalScale(values);
  if (typical === null) return [];
  const whole = scaled(values, leastScale(values));
  const found = typical < whole.scale ? [whole, scaled(values, typical)] : [whole];
  return found.filter(({ leftOut }) => leftOut.length * 8 <= values.length);
}

/** Scales the values; finds which it does not fit. */
function scaled(values: Float64Array, scale: number): Scaled {
  const mantissas = new Float64Array(values.length);
  const leftOut: number[] = [];
  const power = powerOf(scale);
  let previous = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    const mantissa = wholeOf(value, power);
    if (isExact(value, mantissa, power)) previous = mantissa;
    else leftOut.push(at);
    mantissas[at] = previous;
  }
  return { scale, mantissas, leftOut };
}

/** The least scale at which every value is whole that is whole at any. */
function leastScale(values: Float64Array): number {
  let scale = 0;
  let power = 1;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (isExact(value, wholeOf(value, power), power)) continue;
    scale = scaleFrom(value, scale + 1) ?? scale;
    power = powerOf(scale);
  }
  return scale;
}

/** The scale that serves all but one of sixteen, of some values; null if a quarter has none. */
function typicalScale(values: Float64Array): number | null {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const scales: number[] = [];
  for (let at = 0; at < values.length; at += step) {
    const scale = scaleFrom(values[at] as number, 0);
    if (scale !== null) scales.push(scale);
  }
  if (scales.length * step * 4 < values.length * 3) return null;
  scales.sort((a, b) => a - b);
  return scales[Math.floor(scales.length * 0.94)] ?? 0;
}

function scaleFrom(value: number, least: number): number | null {
  for (let scale = least; scale <= SCALE_MAX; scale += 1)
    if (isExact(value, mantissaOf(value, scale), powerOf(scale))) return scale;
  return null;
}

function isExact(value: number, mantissa: number, power: number): boolean {
  return (
    mantissa / power === value &&
    mantissa < MANTISSA_MAX &&
    mantissa > -MANTISSA_MAX &&
    (mantissa !== 0 || Object.is(value, 0))
  );
}
