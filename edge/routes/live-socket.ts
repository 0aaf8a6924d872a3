// The live tail over a WebSocket. A socket takes whatever it is given, so that the pace is the
// listener's acknowledgements: past a window of messages nothing is sent until some are confirmed.

import { within } from "../../doors/within.ts";
import { limits } from "../limits.ts";
import type { LiveEvents } from "../platform/live-sources.ts";

export const LIVE_SUBPROTOCOL = "skerry.live.1";

/** Close codes (RFC 6455 §7.4); 4xxx are our own. */
const RESTART = [1012, "the hub has ended this: connect again with the last id"] as const;
const UNHEARD = [4408, "nothing was acknowledged for too long"] as const;
const MISSPOKEN = [4400, 'a message is {"ack":ID}, the id of an event that was sent'] as const;
/** Characters of a message of the listener. */
const ACK_CHARS_MAX = 4_096;

/** Accepts a listener's socket and sends it events until either ends. */
export function serveLiveSocket(events: LiveEvents): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  void new LiveSocket(server, events).run();
  const headers = { "sec-websocket-protocol": LIVE_SUBPROTOCOL };
  return new Response(null, { status: 101, webSocket: client, headers });
}

class LiveSocket {
  readonly #socket: WebSocket;
  readonly #events: LiveEvents;
  /** Ids that were sent and not acknowledged, oldest first. */
  #unheard: string[] = [];
  #isOpen = true;
  #wake = (): void => undefined;

  constructor(socket: WebSocket, events: LiveEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.addEventListener("message", ({ data }) => this.#hear(data));
    socket.addEventListener("close", () => this.#end(null));
    socket.addEventListener("error", () => this.#end(null));
  }

  async run(): Promise<void> {
    while (this.#isOpen) {
      if (this.#unheard.length >= limits.liveWindowMessages && !(await this.#acknowledged())) {
        this.#end(UNHEARD);
        return;
      }
      const event = await this.#events.take();
      if (event === null) this.#end(RESTART);
      else this.#send(event.id, JSON.stringify(event));
    }
  }

  #send(id: string, text: string): void {
    if (!this.#isOpen) return;
    try {
      this.#socket.send(text);
      this.#unheard.push(id);
    } catch {
      this.#end(null);
    }
  }

  /** Waits until there is room in the window; false: it took too long. */
  async #acknowledged(): Promise<boolean> {
    const news = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return (await within(news, limits.liveAckTimeoutMs)) !== "late";
  }

  #hear(data: string | ArrayBuffer): void {
    const id = idIn(data);
    const at = id === null ? -1 : this.#unheard.lastIndexOf(id);
    // Acknowledged twice is acknowledged.
    if (id === null) this.#end(MISSPOKEN);
    if (at < 0) return;
    this.#unheard = this.#unheard.slice(at + 1);
    this.#wake();
  }

  #end(why: readonly [code: number, reason: string] | null): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#wake();
    void this.#events.end();
    try {
      if (why === null) this.#socket.close();
      else this.#socket.close(...why);
    } catch {
      // It is closed already.
    }
  }
}

/** Reads `{"ack":ID}`; null for anything else. */
function idIn(data: string | ArrayBuffer): string | null {
  if (typeof data !== "string" || data.length > ACK_CHARS_MAX) return null;
  try {
    const { ack } = JSON.parse(data) as { readonly ack?: unknown };
    return typeof ack === "string" ? ack : null;
  } catch {
    return null;
  }
}
