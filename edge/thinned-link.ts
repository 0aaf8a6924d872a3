// How do the minutes of what was thinned reach the origin? By messages of their own, behind the gap
// records and before the readings that wait: told twice, an item is known by its name.

import { encodeThinned } from "../state/thinned.ts";
import type { ReplicaId } from "../sync/brand.ts";
import { limits } from "./limits.ts";
import type { HubStore, OriginLink } from "./ports.ts";

/** What a hub has to tell of minutes. */
export class ThinnedLink {
  readonly #store: Pick<HubStore, "thinned">;
  readonly #replica: ReplicaId;
  readonly #origin: OriginLink;

  constructor(store: Pick<HubStore, "thinned">, replica: ReplicaId, origin: OriginLink) {
    this.#store = store;
    this.#replica = replica;
    this.#origin = origin;
  }

  /** Tells what the origin does not hold; true: it has taken all that this turn may tell, go on. */
  async send(): Promise<boolean> {
    for (let turn = 0; turn < limits.thinnedMessagesPerAlarmMax; turn += 1) {
      const items = this.#store.thinned.unsent(limits.thinnedMessageBytes);
      if (items.length === 0) return false;
      const outcome = await this.#origin.exchange(encodeThinned({ replica: this.#replica, items }));
      if (outcome.kind !== "answered") return false;
      this.#store.thinned.sent(items);
    }
    return true;
  }
}
