// Redis as the bench runs it: a stream entry a reading, and every answer follows the fsync of the
// append-only file.

import net from "node:net";
import { claimPort, LOOPBACK } from "../../tools/launcher/ports.ts";
import { setTimeout as sleep } from "node:timers/promises";
import path from "node:path";
import { bytesOnDisk } from "./disk.ts";
import type { Packages } from "./packages.ts";
import { startChild, stopChild, type Server } from "./server.ts";

const POLL_MS = 50;

/** Starts Redis. Its file is rewritten only when asked, never during a measurement. */
export async function startRedis({ root, libraryPath }: Packages, dir: string): Promise<Server> {
  const port = await claimPort(0);
  const settings = {
    port: String(port),
    bind: LOOPBACK,
    dir,
    save: "",
    appendonly: "yes",
    appendfsync: "always",
    "auto-aof-rewrite-percentage": "0",
  };
  const plan = {
    name: "Redis",
    // The server's own package only has a link to this program, which looks at its name.
    command: path.join(root, "usr/bin/redis-check-rdb"),
    argv0: "redis-server",
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    dir,
    env: { LD_LIBRARY_PATH: libraryPath },
  };
  const child = await startChild(plan, port);
  const info = await ask(port, "INFO server");
  const rewrite = async () => {
    await ask(port, "BGREWRITEAOF");
    do await sleep(POLL_MS);
    while (/aof_rewrite_(in_progress|scheduled):1/.test(await ask(port, "INFO persistence")));
  };
  return {
    name: "Redis",
    version: /redis_version:(\S+)/.exec(info)?.[1] ?? "",
    port,
    pid: child.pid,
    // What it holds is all in memory: another measurement's entries would fill it.
    rest: async () => {
      await ask(port, "FLUSHALL");
      await rewrite();
    },
    settledBytes: async () => {
      await rewrite();
      return bytesOnDisk(dir);
    },
    stop: () => stopChild(child),
  };
}

/** Sends one inline command and returns its answer, a line or a block. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, LOOPBACK, () => socket.write(`${command}\r\n`));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      answer += text;
      const length = /^\$(\d+)\r\n/.exec(answer);
      const end = length === null ? 2 : length[0].length + Number(length[1]) + 2;
      if (answer.length < end || !answer.endsWith("\r\n")) return;
      socket.destroy();
      if (answer.startsWith("-")) reject(new Error(`Redis: ${answer.trim()}`));
      else resolve(answer);
    });
    socket.once("error", reject);
  });
}
