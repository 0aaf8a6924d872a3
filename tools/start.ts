// How do I see it run? `npm start` opens a whole deployment on this machine, with a site, two
// devices and lines to paste, and keeps it up until Ctrl-C.

import path from "node:path";
import { Command } from "commander";
import { publishFolder } from "./publish-folder.ts";
import { LaunchError } from "./launcher/launch-error.ts";
import { PORT_MAX } from "./launcher/ports.ts";
import { DEFAULT_REGIONS } from "./launcher/regions.ts";
import { resetStateDir } from "./launcher/state-dir.ts";
import { openWorld, type World } from "./launcher/world.ts";
import { REPOSITORY } from "./launcher/wrangler-config.ts";
import { CUT_OFF_SIGNAL, toggleLinks } from "./start/cut-off.ts";
import { keepUp } from "./start/keep-up.ts";
import { welcome } from "./start/welcome.ts";
import { parsePort, runCommand, say } from "./terminal.ts";

const DEVICES = ["boat-1", "boat-2"] as const;
const SITE = "main";
const ANSWER_MS_MAX = 10_000;
/** The origin and the links need ports behind those of the edges. */
const PORT_LAST = PORT_MAX - 2 * DEFAULT_REGIONS.length;

const program = new Command("start")
  .description("Runs an origin and three regions on this machine, until Ctrl-C.")
  .option("--port <port>", "the first of seven ports in a row", "8787")
  .option("--state <folder>", "where everything is kept between starts", ".state/start")
  .option("--reset", "forget what earlier starts have kept")
  .parse();

async function main(): Promise<void> {
  const options = program.opts<{ port: string; state: string; reset?: true }>();
  const basePort = parsePort(options.port, PORT_LAST);
  if (options.reset === true) resetStateDir(options.state, say);
  const world = await openWorld({
    stateDir: options.state,
    basePort,
    onProgress: say,
    signalExitCode: 0,
  });
  try {
    await fill(world, options.state);
    const links = world.regions.map(({ link }) => link);
    process.on(CUT_OFF_SIGNAL, () => say(toggleLinks(links)));
    await keepUp(world, say);
  } catch (error) {
    await world.close();
    throw error;
  }
}

async function fill(world: World, stateDir: string): Promise<void> {
  const site = await fillSite(world);
  say(`Registering ${DEVICES.join(" and ")}`);
  const admin = await world.operatorToken("admin");
  const tokens = await Promise.all(DEVICES.map((device) => register(world, admin, device)));
  await awaitRegions(world, admin);
  const reader = await world.operatorToken("read");
  const device = { name: DEVICES[0], token: tokens[0] ?? "" };
  console.log(welcome({ world, stateDir, site, device, reader, nowMs: Date.now() }));
}

/** Publishes the example, but never over a site that is there. Says which of both it did. */
async function fillSite(world: World): Promise<string> {
  const originUrl = world.origin.url;
  const token = await world.operatorToken("publish");
  if (await hasSite(originUrl, token)) {
    say(`Keeping the site "${SITE}" that is there`);
    return "the site that was there";
  }
  say("Publishing examples/site");
  const folder = path.join(REPOSITORY, "examples/site");
  const published = await publishFolder({ folder, site: SITE, originUrl, token });
  const failed = published.find((file) => file.outcome === "failed");
  if (failed !== undefined) throw new LaunchError(`Cannot publish ${failed.path}: ${failed.error}`);
  return `${published.length} files published`;
}

async function hasSite(originUrl: string, token: string): Promise<boolean> {
  const url = `${originUrl}/v1/sites/${SITE}/content/index.html`;
  const { ok, status } = await fetch(url, {
    method: "HEAD",
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  if (ok || status === 404) return ok;
  throw new LaunchError(`HEAD ${url} gave ${status}: cannot tell whether there is a site`);
}

/**
 * Waits until every region has heard of what was published: a page that it takes in before would be
 * purged by that right after, and not be there once the origin is away.
 */
async function awaitRegions(world: World, admin: string): Promise<void> {
  const registered = await post(`${world.origin.url}/v1/devices`, admin, { device: DEVICES[0] });
  const session = registered.headers.get("skerry-session") ?? "";
  for (const { id, url } of world.regions) {
    const headers = { "skerry-session": session };
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(`${url}/v1/place`, { headers, signal });
    if (!response.ok) say(`${id} has not heard of what was published yet: ${response.status}`);
    await response.body?.cancel();
  }
}

/** Registers a device and returns its token. Registering again is no harm. */
async function register(world: World, admin: string, device: string): Promise<string> {
  await ask(`${world.origin.url}/v1/devices`, admin, { device });
  const credential = await ask(`${world.origin.url}/v1/devices/${device}/credentials`, admin, {});
  const token = (credential as { token?: unknown }).token;
  if (typeof token !== "string") throw new LaunchError(`The origin gave ${device} no token`);
  return token;
}

async function ask(url: string, token: string, body: object): Promise<unknown> {
  return (await post(url, token, body)).json();
}

async function post(url: string, token: string, body: object): Promise<Response> {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  if (response.ok) return response;
  const text = await response.text();
  throw new LaunchError(`POST ${url} gave ${response.status}: ${text.trim()}`);
}

await runCommand(main);
