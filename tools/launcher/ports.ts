// Is this port free, and which one is? Asked before a process starts, so that the answer is a
// sentence and not the runtime's log.

import net from "node:net";
import { LaunchError } from "./launch-error.ts";
import { portHolder } from "./leftovers.ts";

export const LOOPBACK = "127.0.0.1";
/** The ports that take no special rights. */
export const PORT_MIN = 1024;
export const PORT_MAX = 65_535;

/**
 * Where "any free port" is looked for: below the ports that the system gives to outgoing connections
 * (from 32,768 on Linux), one of which could take a port between its claim and its use.
 */
const ANY_MIN = 20_000;
const ANY_MAX = 32_000;
const ANY_TRIES = 100;

/** Makes sure that nothing listens on `port` of `host`; 0 stands for any free port. */
export async function claimPort(port: number, host: string = LOOPBACK): Promise<number> {
  return port === 0 ? claimAnyPort(host) : claimThisPort(port, host);
}

async function claimAnyPort(host: string): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = ANY_MIN + Math.floor(Math.random() * (ANY_MAX - ANY_MIN));
    try {
      return await claimThisPort(port, host);
    } catch (error) {
      if (tries === ANY_TRIES) throw error;
    }
  }
}

async function claimThisPort(port: number, host: string): Promise<number> {
  const probe = net.createServer();
  try {
    await listen(probe, port, host);
  } catch (error) {
    throw new LaunchError(portSentence(error, port, host), { cause: error });
  }
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts listening, or rejects with the reason. */
export async function listen(server: net.Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function portSentence(error: unknown, port: number, host: string): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  if (code === "EADDRINUSE") {
    const holder = portHolder(port);
    const end = holder === null ? "" : `, or end ${holder}`;
    return `Port ${port} is in use: choose another with --port${end}`;
  }
  if (code === "EACCES") return `Port ${port} needs more rights: choose one above 1023 with --port`;
  return `Cannot listen on ${host}:${port}: ${code}`;
}
