// What does the runtime know about where a request came from? Cloudflare's `request.cf`, or the
// PLACE of a self-hosted box. Never a header that a client can set (P7).

import type { Place } from "../routing/region.ts";

/** Reads a place out of `request.cf`; every field may be missing, and bare workerd has none. */
export function placeOf(cf: unknown, own: Place | null): Place | null {
  if (typeof cf !== "object" || cf === null) return own;
  const fields = cf as Record<string, unknown>;
  const place: Place = {
    country: textOf(fields["country"]),
    continent: textOf(fields["continent"]),
    colo: textOf(fields["colo"]),
    latitude: degreesOf(fields["latitude"], 90),
    longitude: degreesOf(fields["longitude"], 180),
  };
  return Object.values(place).every((field) => field === null) ? own : place;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && /^[A-Za-z0-9]{2,8}$/.test(value) ? value.toUpperCase() : null;
}

function degreesOf(value: unknown, most: number): number | null {
  const isText = typeof value === "string" && /^-?\d{1,3}(\.\d+)?$/.test(value);
  const degrees = isText || typeof value === "number" ? Number(value) : NaN;
  return Math.abs(degrees) <= most ? degrees : null;
}
