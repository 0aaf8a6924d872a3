// How does a test break the line between an edge and its origin? With a TCP proxy between them
// that can be cut (connections are reset and refused) or stalled (accepted, never answered), and
// that counts what passes.

import net from "node:net";
import { claimPort, listen, LOOPBACK } from "./ports.ts";

type LinkState = "up" | "cut" | "stalled";

/** A breakable TCP line to one port of this machine. */
export class Link {
  readonly port: number;
  /** Bytes from the edge to the origin. */
  bytesUp = 0;
  /** Bytes from the origin to the edge. */
  bytesDown = 0;
  readonly #toPort: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #state: LinkState = "up";

  private constructor(port: number, toPort: number) {
    this.port = port;
    this.#toPort = toPort;
    this.#server = net.createServer((near) => this.#accept(near));
  }

  /** Opens a link that listens on `port` (0: any) and leads to `toPort`. */
  static async open(port: number, toPort: number): Promise<Link> {
    const link = new Link(await claimPort(port), toPort);
    await listen(link.#server, link.port, LOOPBACK);
    return link;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Resets every connection and refuses new ones until `heal()`. */
  cut(): void {
    this.#state = "cut";
    this.#dropAll();
  }

  /** Swallows everything: what is connected goes silent, new connections are accepted unanswered. */
  stall(): void {
    this.#state = "stalled";
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** Lets new connections through again. A stalled one has lost bytes, so it is reset. */
  heal(): void {
    if (this.#state === "stalled") this.#dropAll();
    this.#state = "up";
  }

  /** Ends the link for good. */
  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  #accept(near: net.Socket): void {
    this.#keep(near);
    if (this.#state === "cut") {
      near.resetAndDestroy();
      return;
    }
    if (this.#state === "stalled") {
      near.pause();
      return;
    }
    const far = net.connect(this.#toPort, LOOPBACK);
    this.#keep(far);
    closeTogether(near, far);
    closeTogether(far, near);
    near.on("data", (chunk) => (this.bytesUp += chunk.length));
    far.on("data", (chunk) => (this.bytesDown += chunk.length));
    near.pipe(far);
    far.pipe(near);
  }

  #keep(socket: net.Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    // A reset is what this file is for; the other end sees it as a broken connection.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

/** One that has ended properly still has to flush; one that broke takes the other along. */
function closeTogether(socket: net.Socket, other: net.Socket): void {
  socket.once("close", () => {
    if (!other.writableEnded) other.destroy();
  });
}
