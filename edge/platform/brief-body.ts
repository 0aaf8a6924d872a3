// How does a body that fits into a server's first packets reach many? The runtime reads all of it at once:
// to read it piece by piece, as edge/platform/arriving-body.ts does, costs several times as much. Who opens
// it before it is all there gets it once it is.

import { within } from "../../doors/within.ts";
import type { BodyReading, SharedBody } from "../content-ports.ts";
import type { BodyBudget, WithLength } from "./arriving-body.ts";

type Stream = ReadableStream<Uint8Array>;

/** A body of a known length that is being read for many. */
export class BriefBody implements SharedBody<Uint8Array | Stream> {
  readonly whole: Promise<BodyReading<Uint8Array | Stream>>;
  readonly done: Promise<void>;
  readonly #bytes: number;
  readonly #msMax: number;
  readonly #withLength: WithLength;
  #isDiscarded = false;

  /**
   * @param bytes Its Content-Length, at which the runtime ends it.
   * @param msMax How long it may take.
   */
  constructor(
    source: Pick<Response, "arrayBuffer">,
    bytes: number,
    msMax: number,
    budget: BodyBudget,
    withLength: WithLength,
  ) {
    this.#bytes = bytes;
    this.#msMax = msMax;
    this.#withLength = withLength;
    budget.take(bytes);
    this.whole = this.#read(source).finally(() => budget.give(bytes));
    this.done = this.whole.then(() => undefined);
  }

  open(): Stream {
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          // Also what keeps the runtime from taking a request for hung that waits for another's work.
          const reading = await within(this.whole, 2 * this.#msMax);
          if (
            reading === "late" ||
            reading.kind !== "whole" ||
            !(reading.body instanceof Uint8Array)
          )
            return controller.error(new Error("The body ended early"));
          // A stream may take the bytes away from whoever else has them.
          controller.enqueue(reading.body.slice());
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    return this.#withLength(stream, this.#bytes);
  }

  discard(): void {
    this.#isDiscarded = true;
  }

  async #read(source: Pick<Response, "arrayBuffer">): Promise<BodyReading<Uint8Array | Stream>> {
    try {
      const buffer = await within(source.arrayBuffer(), this.#msMax);
      const isWhole = buffer !== "late" && buffer.byteLength === this.#bytes && !this.#isDiscarded;
      if (!isWhole) return { kind: "broken" };
      return { kind: "whole", body: new Uint8Array(buffer), bytes: this.#bytes };
    } catch {
      return { kind: "broken" };
    }
  }
}
