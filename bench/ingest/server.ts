// What has a server of the bench in common? It is a child process with a fresh data folder on the
// same disk as the others', it listens on loopback, and it is ended by its process id.

import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../tools/launcher/children.ts";
import { LaunchError } from "../../tools/launcher/launch-error.ts";
import { LOOPBACK } from "../../tools/launcher/ports.ts";

/** A running system under test. */
export interface Server {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  /** The process whose tree is measured. */
  readonly pid: number;
  /** Forgets what need not be kept between measurements, outside of them. */
  readonly rest: () => Promise<void>;
  /** Brings everything to disk in its final form, and returns its bytes; it may stop for that. */
  readonly settledBytes: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

export interface ChildPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its data, which it is started in, and its log. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly argv0?: string;
  readonly uid?: number;
  readonly gid?: number;
}

const START_MS_MAX = 30_000;
const POLL_MS = 25;
const STOP_MS_MAX = 20_000;

/** Starts a server of somebody else's and resolves when its port accepts. */
export async function startChild(plan: ChildPlan, port: number): Promise<Child> {
  mkdirSync(plan.dir, { recursive: true });
  const logFile = `${plan.dir}.log`;
  const log = openSync(logFile, "a");
  const { command, args, dir, env, argv0, uid, gid } = plan;
  const child = new Child(command, args, {
    cwd: dir,
    env: { ...process.env, ...env },
    stdio: ["ignore", log, log],
    ...(argv0 === undefined ? {} : { argv0 }),
    ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
  });
  const startedMs = performance.now();
  while (child.isAlive && performance.now() - startedMs < START_MS_MAX) {
    if (await accepts(port)) return child;
    await sleep(POLL_MS);
  }
  const how = child.isAlive ? `no answer on port ${port}` : await child.exited;
  await child.kill();
  const last = existsSync(logFile)
    ? readFileSync(logFile, "utf8").trimEnd().split("\n").at(-1)
    : "";
  throw new LaunchError(`${plan.name} did not start (${how}): ${last ?? ""}`);
}

export function stopChild(child: Child): Promise<void> {
  return child.stop(STOP_MS_MAX);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, LOOPBACK);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.once("connect", () => socket.destroy());
  });
}
