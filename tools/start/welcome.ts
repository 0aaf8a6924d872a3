// What does a person want to do first? Addresses, and lines to paste that work as they stand.

import path from "node:path";
import type { World } from "../launcher/world.ts";
import { CUT_OFF_SIGNAL } from "./cut-off.ts";

/** What the first lines are made of. */
export interface Welcome {
  readonly world: World;
  readonly stateDir: string;
  /** What became of the site, e.g. "7 files published". */
  readonly site: string;
  readonly device: { readonly name: string; readonly token: string };
  /** An operator's token with the scope `read`. */
  readonly reader: string;
  readonly nowMs: number;
}

/** Readings in the example batch, one a second. */
const READINGS = 5;
/** Between two of them, in ms. */
const STEP_MS = 100;

/** Writes the page that a start ends with. */
export function welcome({ world, stateDir, site, device, reader, nowMs }: Welcome): string {
  const [first] = world.regions;
  const edge = first?.url ?? "";
  const city = first?.plan.city ?? "";
  const origin = world.origin.url;
  const keys = path.resolve(stateDir, "keys.json");
  const at = `/v1/devices/${device.name}`;
  const regions = world.regions.map(
    ({ id, url, plan }) => `  ${id.padEnd(7)} ${url}   ${plan.city}`,
  );
  return `
Skerry runs, with ${site} and ${device.name} registered. What it holds is in ${stateDir}.

${regions.join("\n")}
  origin  ${origin}

Paste these two lines first:
  DEVICE=${device.token}
  READER=${reader}

Send ${READINGS} readings to ${city}; the answer comes when they are on disk:
  curl -sS ${edge}${at}/readings -H "authorization: Bearer $DEVICE" -H "content-type: application/json" -d '${batchOf(nowMs)}'

Read them back at the edge:
  curl -sS ${edge}${at} -H "authorization: Bearer $DEVICE"

A second later, read the totals of all regions at the origin:
  curl -sS ${origin}${at} -H "authorization: Bearer $READER"

Get a page, twice: the second time Cache-Status says hit:
  curl -sS -i ${edge}/ | head -n 12

Ask which place and region this is, and why:
  curl -sS ${edge}/v1/place

Publish a folder of your own, and find it on every region:
  npm run publish -- ./your-folder --origin ${origin} --token "$(npm run -s token -- --operator me --scope publish --keys "${keys}")"

Take the origin away and ask again: readings and stored pages go on. The same line brings it back:
  kill -s ${CUT_OFF_SIGNAL.slice(3)} ${process.pid}

Ctrl-C ends everything; the next start goes on with what is there.`;
}

/**
 * A batch of just before the start: pasted twice, it is the same batch, and is counted once. It
 * spans less than a start takes, so that two starts never print readings of the same times.
 */
function batchOf(nowMs: number): string {
  const t0 = nowMs - READINGS * STEP_MS;
  const depths = Array.from({ length: READINGS }, (_, index) =>
    Number((10.4 + index / 10).toFixed(1)),
  );
  return JSON.stringify({
    boot: `start-${t0}`,
    seq: 1,
    t0,
    step: STEP_MS,
    series: { depth_m: depths },
  });
}
