// npm run demo: a told story on real readings. It ends by itself, with exit status 0 only if every
// step held; `--plant NAME` breaks a part on purpose and has to end with 1.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, Option } from "commander";
import { batchesOf, readLog, truthOf } from "./demo/boat.ts";
import { DeviceClient } from "./demo/device-client.ts";
import { formatFigures, printTables, type DemoFigures, type StepVerdict } from "./demo/report.ts";
import { compare, converged, countedBy } from "./demo/verdict.ts";
import { sail } from "./demo/voyage.ts";
import type { Plant } from "./launcher/build.ts";
import { openWorld, type World } from "./launcher/world.ts";
import { PLANTS } from "./plants.ts";
import { publishFolder } from "./publish-folder.ts";
import { runCommand, say } from "./terminal.ts";

/** An origin that does not read the coded encoding: links are spoken plainly. */
const PLAINLY: Plant = {
  file: "origin/objects/registry.ts",
  find: "new HubRangeCoder().serve(this.#replica);",
  replace: "void HubRangeCoder;",
};

interface Options {
  readonly plain?: boolean;
  readonly plant?: keyof typeof PLANTS;
}

const DEVICE = "boat-1";
const VOYAGE = { cutAt: 0.4, healAt: 0.75, durationMs: 14_000 };
const program = new Command("demo")
  .description(
    "Sails a boat's 65,202 readings past three regions and an origin that goes away, and counts.",
  )
  .addOption(
    new Option("--plant <part>", "break this part on purpose; the demo must then fail").choices(
      Object.keys(PLANTS),
    ),
  )
  .option("--plain", "speak the plain encoding on all links, to compare bytes")
  .parse();

async function main(): Promise<void> {
  const { plant, plain = false } = program.opts<Options>();
  const startedMs = performance.now();
  const stateDir = mkdtempSync(path.join(tmpdir(), "skerry-demo-"));
  if (plant !== undefined) say(`Planted: ${PLANTS[plant].breaks}`);
  try {
    const plants = [...(plain ? [PLAINLY] : []), ...(plant === undefined ? [] : [PLANTS[plant]])];
    await using world = await openWorld({ stateDir, basePort: 0, plants, onProgress: say });
    const { figures, steps } = await tell(world, startedMs);
    printTables(figures);
    for (const { what, held } of steps) console.log(`${held ? "✓" : "✗"} ${what}`);
    console.log(formatFigures(figures, steps, plant ?? null));
    process.exitCode = steps.every((step) => step.held) ? 0 : 1;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function tell(
  world: World,
  startedMs: number,
): Promise<{ figures: DemoFigures; steps: StepVerdict[] }> {
  say("Publishing a site at the origin; its pages are fresh for one second");
  const folder = path.join(import.meta.dirname, "../examples/site");
  const token = await world.operatorToken("publish", "admin", "read");
  await publishFolder({
    folder,
    site: "main",
    originUrl: world.origin.url,
    token,
    cacheControl: "public, max-age=1",
  });

  say(`Registering ${DEVICE} and asking the origin for its credential`);
  const client = new DeviceClient(DEVICE, await enroll(world.origin.url, token));
  const rows = readLog();
  const truth = truthOf(rows);
  const batches = batchesOf(rows, `voyage-${Date.now()}`, Date.now() - 60_000);
  say(
    `Sailing: ${rows.length.toLocaleString("en-US")} readings of ${truth.size} streams in ${batches.length} batches; the origin is cut off half way`,
  );
  const progress = openProgress();
  const afterHeal: Promise<number | null>[] = [];
  const voyage = await sail(world, client, batches, VOYAGE, (share, note) => {
    progress.show(share, note);
    if (share >= VOYAGE.healAt && afterHeal.length === 0) afterHeal.push(converged(world));
  });
  progress.end();

  say("Waiting until every region's journal is at the origin");
  const convergedAtEndMs = await converged(world);
  const convergedAfterHealMs = (await afterHeal[0]) ?? null;
  client.close();
  const streams = await compare(world, DEVICE, token, truth);
  const regional = await Promise.all(
    world.regions.map(async ({ id, url }) => ({
      id,
      counted: await countedBy(url, DEVICE, token),
    })),
  );
  const figures: DemoFigures = {
    voyage,
    streams,
    expected: rows.length,
    counted: streams.reduce((sum, { counted }) => sum + (counted?.count ?? 0), 0),
    countedByRegions: regional.reduce((sum, { counted }) => sum + counted, 0),
    inTwoRegions: [...voyage.sentTo.values()].reduce((sum, sent) => sum + sent, 0) - rows.length,
    bytesUp: world.regions.reduce((sum, { link }) => sum + link.bytesUp, 0),
    bytesDown: world.regions.reduce((sum, { link }) => sum + link.bytesDown, 0),
    convergedAfterHealMs,
    convergedAtEndMs,
    tookMs: performance.now() - startedMs,
  };
  const isRegional = regional.every(({ id, counted }) => counted === (voyage.sentTo.get(id) ?? 0));
  return { figures, steps: judge(figures, isRegional) };
}

/** Tells whether every reading that was posted is in one row of the table, and in the right one. */
function addsUp({ voyage, expected, countedByRegions, inTwoRegions }: DemoFigures): boolean {
  const answered = voyage.accepted + voyage.duplicates + voyage.rejected;
  return (
    voyage.posted === answered + voyage.unheard &&
    countedByRegions === voyage.accepted + voyage.takenInUnheard &&
    countedByRegions === expected + inTwoRegions
  );
}

function judge(figures: DemoFigures, isRegional: boolean): StepVerdict[] {
  const { voyage, streams, convergedAfterHealMs, convergedAtEndMs } = figures;
  const { pages } = voyage;
  const failure = pages.firstFailure === "" ? "" : ` (${pages.firstFailure})`;
  return [
    {
      what: "Every batch was taken in, the origin reachable or not, and none of its readings rejected",
      held: voyage.rejected === 0,
    },
    {
      what: "Batches were repeated, sent to two regions, and answers lost",
      held:
        voyage.twiceToOneRegion > 0 &&
        voyage.toTwoRegions > 0 &&
        voyage.answersLost > 0 &&
        voyage.duplicates > 0,
    },
    { what: "Each region counts what it was sent, once", held: isRegional },
    {
      what: "The answers add up: what was accepted, and what was taken in with the answer lost, is what the regions count",
      held: addsUp(figures),
    },
    {
      what: `Pages were served all the while, stale ones while the origin was cut off${failure}`,
      held: pages.failed === 0 && pages.staleWhileCut > 0,
    },
    {
      what: "The regions caught up by themselves after the origin came back",
      held: convergedAfterHealMs !== null && convergedAtEndMs !== null,
    },
    {
      what: "The origin's totals equal the file's own exactly: counts, sums, least and greatest values",
      held: streams.length > 0 && streams.every((stream) => stream.isEqual),
    },
  ];
}

/** Registers the device and returns its token. */
async function enroll(originUrl: string, token: string): Promise<string> {
  const post = async (door: string, body: object): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(originUrl + door, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok)
      throw new Error(
        `The origin answered ${response.status} to ${door}: ${await response.text()}`,
      );
    return response.json();
  };
  await post("/v1/devices", { device: DEVICE });
  return ((await post(`/v1/devices/${DEVICE}/credentials`, {})) as { token: string }).token;
}

/** A bar on a terminal; elsewhere a line every tenth of the way. */
function openProgress(): { show(share: number, note: string): void; end(): void } {
  let tenth = -1;
  return {
    show(share, note) {
      const percent = Math.floor(share * 100);
      if (process.stdout.isTTY) {
        const filled = Math.round(share * 30);
        process.stdout.write(
          `\r  [${"█".repeat(filled)}${"·".repeat(30 - filled)}] ${String(percent).padStart(3)} % ${note.padEnd(34)}`,
        );
      } else if (Math.floor(share * 10) > tenth) {
        tenth = Math.floor(share * 10);
        console.log(`  ${String(percent).padStart(3)} % ${note}`);
      }
    },
    end() {
      if (process.stdout.isTTY) process.stdout.write("\n");
    },
  };
}

await runCommand(main);
