// Where does a request belong? A place and the table of regions in, a region and the reason out.
// Reading `request.cf` is not done here; a place is plain data, and may be unknown.

/** What is known about where a request came from. */
export interface Place {
  /** ISO 3166-1 alpha-2 code, upper case. */
  readonly country: string | null;
  /** AF, AN, AS, EU, NA, OC or SA. */
  readonly continent: string | null;
  /** The IATA code of the data centre that took the request. */
  readonly colo: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
}

/** One region of a deployment and which places it serves. */
export interface RegionSpec {
  readonly id: string;
  /** Countries it serves whatever the distance. */
  readonly countries: readonly string[];
  readonly continents: readonly string[];
  readonly latitude: number;
  readonly longitude: number;
  /** Cloudflare's location hint for its Durable Objects, e.g. "weur"; null: none. */
  readonly locationHint: string | null;
}

/** The region that serves a request, and why. */
export interface RegionDecision {
  readonly region: string;
  readonly reason: "pinned" | "country" | "nearest" | "continent" | "default";
}

/**
 * Decides which region serves a request.
 *
 * First match wins: the deployment's pin; the region that lists the country; the nearest region by
 * great circle when the coordinates are known; the region that lists the continent; the first of
 * the table.
 */
export function decideRegion(
  place: Place | null,
  regions: readonly RegionSpec[],
  pinned: string | null,
): RegionDecision {
  if (pinned !== null) return { region: pinned, reason: "pinned" };
  const byCountry = regions.find((region) => region.countries.includes(place?.country ?? "?"));
  if (byCountry !== undefined) return { region: byCountry.id, reason: "country" };
  const near = nearestRegion(place, regions);
  if (near !== null) return { region: near.id, reason: "nearest" };
  const byContinent = regions.find((region) => region.continents.includes(place?.continent ?? "?"));
  if (byContinent !== undefined) return { region: byContinent.id, reason: "continent" };
  return { region: regions[0]?.id ?? "default", reason: "default" };
}

function nearestRegion(place: Place | null, regions: readonly RegionSpec[]): RegionSpec | null {
  if (place === null || place.latitude === null || place.longitude === null) return null;
  let best: RegionSpec | null = null;
  let bestDistance = Infinity;
  for (const region of regions) {
    const distance = haversine(place.latitude, place.longitude, region.latitude, region.longitude);
    if (distance < bestDistance) [best, bestDistance] = [region, distance];
  }
  return best;
}

/** Haversine of the central angle: grows with the distance, which is all a comparison needs. */
function haversine(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const rad = Math.PI / 180;
  const dLat = Math.sin(((lat2 - lat1) * rad) / 2);
  const dLon = Math.sin(((lon2 - lon1) * rad) / 2);
  return dLat * dLat + Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * dLon * dLon;
}
