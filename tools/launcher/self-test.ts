// May this runtime carry a shared cache? Two faults of a runtime's HTTP client would hand one
// visitor another's answer: bytes behind Content-Length that are read as the next answer of the
// pooled connection, and an interim answer (1xx, RFC 9110 §15.2) that is taken for the final one.
// Asked of the pinned workerd whenever a self-hosted region starts; it takes well under a second.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { LaunchError } from "./launch-error.ts";
import { waitUntilAlive } from "./liveness.ts";
import { claimPort, listen, LOOPBACK } from "./ports.ts";
import { spawnWorkerd } from "./workerd.ts";

/** What a client under test made of one answer. */
export interface Seen {
  readonly status: number;
  readonly body: string;
}

/** Fetches a path of the hostile origin on `port` through the client under test. */
export type FetchFrom = (port: number, path: string) => Promise<Seen>;

/** What a client got wrong. `known` holds what the pinned runtime is known to get wrong. */
export interface Findings {
  readonly faults: readonly string[];
  readonly known: readonly string[];
}

interface Trap {
  readonly what: string;
  /** What the origin writes for `/trap`, in pieces with a pause between them. */
  readonly pieces: readonly string[];
  readonly want: Seen;
  readonly isKnown?: boolean;
}

const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain";
const POISON = "HTTP/1.1 203 Poison\r\nContent-Length: 6\r\n\r\npoison";
const FINAL = "HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nfinal";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const final: Seen = { status: 202, body: "final" };
const plain: Seen = { status: 200, body: "plain" };

const TRAPS: readonly Trap[] = [
  { what: "bytes behind Content-Length", pieces: [PLAIN + POISON], want: plain },
  { what: "a 103 before the answer", pieces: [HINTS + FINAL], want: final },
  { what: "a 103 well before the answer", pieces: [HINTS, FINAL], want: final },
  { what: "a 100 before the answer", pieces: [CONTINUE + FINAL], want: final },
  // workerd now and then keeps a connection on which the origin speaks unasked, and takes that for
  // the next answer. An origin can harm only itself this way; ours binds its frames to their request.
  { what: "bytes on an idle connection", pieces: [PLAIN, POISON], want: plain, isKnown: true },
];
const PAUSE_MS = 20;
const START_MS_MAX = 5_000;
const ANSWER_MS_MAX = 2_000;

/** Sends a client into every trap, and after each asks for a plain answer on whatever it pooled. */
export async function findFaults(fetchFrom: FetchFrom): Promise<Findings> {
  const tried = await Promise.all(
    TRAPS.map(async (trap) => ({ trap, wrong: await spring(trap, fetchFrom) })),
  );
  const wrongOf = (isKnown: boolean) =>
    tried.flatMap(({ trap, wrong }) => ((trap.isKnown ?? false) === isKnown ? wrong : []));
  return { faults: wrongOf(false), known: wrongOf(true) };
}

/**
 * Runs the traps on the pinned workerd, and rejects with one line if it must not serve.
 *
 * @returns What is known to be wrong with it, in words.
 */
export async function assertRuntimeIsSafe(compatibilityDate: string): Promise<readonly string[]> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "skerry-self-test-"));
  const bundle = path.join(dir, "probe.js");
  writeFileSync(bundle, PROBE);
  const port = await claimPort(0);
  const server = { dir, name: "probe", bundle, compatibilityDate, host: LOOPBACK, port };
  const child = spawnWorkerd({ ...server, text: {}, secrets: {}, objects: [] });
  try {
    const base = `http://${LOOPBACK}:${port}`;
    const silence = await waitUntilAlive(`${base}/livez`, child, START_MS_MAX);
    if (silence !== null)
      throw new LaunchError(`The runtime's self-test did not start: ${silence}`);
    const { faults, known } = await findFaults(async (originPort, at) => {
      const response = await fetch(`${base}/${originPort}${at}`, {
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      return (await response.json()) as Seen;
    });
    if (faults.length === 0) return known;
    throw new LaunchError(`This workerd must not serve, it mixes up answers: ${faults.join("; ")}`);
  } finally {
    await child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A Worker that fetches `/PORT/path` from that port and tells what it saw. */
const PROBE = `export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/livez") return new Response("ok");
  const answer = await fetch("http://${LOOPBACK}:" + pathname.slice(1), { signal: AbortSignal.timeout(1000) });
  return Response.json({ status: answer.status, body: await answer.text() });
} };
`;

/** Each trap has an origin, and so a pool of connections, of its own. */
async function spring(trap: Trap, fetchFrom: FetchFrom): Promise<readonly string[]> {
  const origin = await openHostileOrigin(trap.pieces);
  const wrong: string[] = [];
  const expect = async (at: string, want: Seen, what: string) => {
    const seen = await fetchFrom(origin.port, at).catch((error: unknown) => ({
      status: 0,
      body: String(error),
    }));
    if (seen.status === want.status && seen.body === want.body) return;
    wrong.push(
      `${what}: ${seen.status} "${seen.body.slice(0, 40)}" instead of ${want.status} "${want.body}"`,
    );
  };
  // The second round finds a connection that has been used before, which is another case.
  for (let round = 0; round < 2; round += 1) {
    await expect("/trap", trap.want, trap.what);
    await new Promise((resolve) => setTimeout(resolve, 2 * PAUSE_MS));
    await expect("/plain", plain, `the answer after ${trap.what}`);
  }
  origin.close();
  return wrong;
}

async function openHostileOrigin(
  pieces: readonly string[],
): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on(
      "data",
      (request) => void speak(socket, String(request).startsWith("GET /trap ") ? pieces : [PLAIN]),
    );
  });
  await listen(server, 0, LOOPBACK);
  const address = server.address();
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: typeof address === "object" && address !== null ? address.port : 0, close };
}

async function speak(socket: net.Socket, pieces: readonly string[]): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (socket.writable) socket.write(piece);
  }
}
