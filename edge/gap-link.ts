// How does the origin come to know what an edge gave up? By messages of their own, before the readings
// that wait: records only grow, so one that arrives twice, or late, changes nothing.

import { encodeGaps, GAPS_PER_MESSAGE_MAX } from "../state/gap.ts";
import type { ReplicaId } from "../sync/brand.ts";
import { limits } from "./limits.ts";
import type { HubStore, OriginLink } from "./ports.ts";

/** What a hub has to tell of its gaps. */
export class GapLink {
  readonly #store: Pick<HubStore, "gaps">;
  readonly #replica: ReplicaId;
  readonly #origin: OriginLink;

  constructor(store: Pick<HubStore, "gaps">, replica: ReplicaId, origin: OriginLink) {
    this.#store = store;
    this.#replica = replica;
    this.#origin = origin;
  }

  /** Tells what the origin does not hold; what it does not answer is told the next time. */
  async send(): Promise<void> {
    for (let turn = 0; turn < limits.gapMessagesPerAlarmMax; turn += 1) {
      const gaps = this.#store.gaps.unsent(GAPS_PER_MESSAGE_MAX);
      if (gaps.length === 0) return;
      const outcome = await this.#origin.exchange(encodeGaps({ replica: this.#replica, gaps }));
      if (outcome.kind !== "answered") return;
      this.#store.gaps.sent(gaps);
    }
  }
}
