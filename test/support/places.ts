// Which region serves which place? The same requests on bare workerd and on wrangler dev, which both
// take `request.cf` from the header MF-CF-Blob here, as Cloudflare sets it there.

import assert from "node:assert/strict";

/** What /v1/place answered to a place. */
export interface PlaceAnswer {
  readonly region: string;
  readonly reason: string;
  readonly place: unknown;
  readonly hub: { readonly region: string };
}

/** Three regions as in wrangler.toml, by their coordinates. */
export const COORDINATES: Readonly<Record<string, object>> = {
  eu: { country: "PT", continent: "EU", colo: "LIS", latitude: "38.7", longitude: "-9.1" },
  us: { country: "CA", continent: "NA", colo: "YYZ", latitude: "43.7", longitude: "-79.4" },
  ap: { country: "AU", continent: "OC", colo: "SYD", latitude: "-33.9", longitude: "151.2" },
};

/** Asks for the region of a place. */
export async function askPlace(edgeUrl: string, cf: object): Promise<PlaceAnswer> {
  const response = await fetch(`${edgeUrl}/v1/place`, {
    headers: { "mf-cf-blob": JSON.stringify(cf) },
  });
  assert.equal(response.status, 200);
  return (await response.json()) as PlaceAnswer;
}

/** Checks that each place is served by the nearest region, and returns the answers. */
export async function checkPlaces(edgeUrl: string): Promise<PlaceAnswer[]> {
  const answers: PlaceAnswer[] = [];
  for (const [region, cf] of Object.entries(COORDINATES)) {
    const answer = await askPlace(edgeUrl, cf);
    assert.deepEqual(
      [answer.region, answer.reason, answer.hub.region],
      [region, "nearest", region],
    );
    answers.push(answer);
  }
  return answers;
}

/** Posts one reading from a place and tells which region took it in. */
export async function postFrom(
  edgeUrl: string,
  cf: object,
  device: string,
  token: string,
): Promise<string> {
  const response = await fetch(`${edgeUrl}/v1/devices/${device}/readings`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "mf-cf-blob": JSON.stringify(cf),
    },
    body: JSON.stringify({ stream: "depth_m", value: 4, time: 1_790_000_000_000 }),
  });
  const { region, accepted } = (await response.json()) as { region: string; accepted: number };
  assert.equal(accepted, 1);
  return region;
}
