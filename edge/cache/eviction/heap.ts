// A binary heap whose items know their places, so that any of them can be taken out. All of it is
// O(log n).

/** Items by rank, the least first. */
export class Heap<Item> {
  readonly #items: Item[] = [];
  readonly #ranks: number[] = [];
  readonly #place: (item: Item, at: number) => void;

  /** @param place Tells an item where it is now; -1: it is in no heap. */
  constructor(place: (item: Item, at: number) => void) {
    this.#place = place;
  }

  /** The item with the least rank. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  /** Its rank; Infinity if the heap is empty. */
  get firstRank(): number {
    return this.#ranks[0] ?? Infinity;
  }

  push(item: Item, rank: number): void {
    this.#items.push(item);
    this.#ranks.push(rank);
    this.#rise(this.#items.length - 1, item, rank);
  }

  /** Takes out the item that is at a place. */
  removeAt(at: number): void {
    const [gone, last, rank] = [this.#items[at], this.#items.pop(), this.#ranks.pop()];
    if (gone === undefined || last === undefined || rank === undefined) return;
    if (at < this.#items.length) this.#settle(at, last, rank);
    this.#place(gone, -1);
  }

  /** Gives the first item another rank. */
  rerankFirst(rank: number): void {
    const [item] = this.#items;
    if (item !== undefined) this.#settle(0, item, rank);
  }

  #settle(at: number, item: Item, rank: number): void {
    const above = this.#ranks[(at - 1) >> 1];
    if (at > 0 && above !== undefined && above > rank) this.#rise(at, item, rank);
    else this.#sink(at, item, rank);
  }

  #rise(from: number, item: Item, rank: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const [above, aboveRank] = [this.#items[parent], this.#ranks[parent]];
      if (above === undefined || aboveRank === undefined || aboveRank <= rank) break;
      this.#put(at, above, aboveRank);
      at = parent;
    }
    this.#put(at, item, rank);
  }

  #sink(from: number, item: Item, rank: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const isRight = (this.#ranks[left + 1] ?? Infinity) < (this.#ranks[left] ?? Infinity);
      const child = isRight ? left + 1 : left;
      const [below, belowRank] = [this.#items[child], this.#ranks[child]];
      if (below === undefined || belowRank === undefined || belowRank >= rank) break;
      this.#put(at, below, belowRank);
      at = child;
    }
    this.#put(at, item, rank);
  }

  #put(at: number, item: Item, rank: number): void {
    this.#items[at] = item;
    this.#ranks[at] = rank;
    this.#place(item, at);
  }
}
