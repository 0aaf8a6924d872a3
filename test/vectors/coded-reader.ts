// A second reader of the coded encoding, by docs/wire-format.md alone: nothing of sync/ is used here. It
// is short and slow, and says of a frame its fields, its keys, and whether its checksum is right, which
// is over all that the frame stands for.

/** What an exchange has left both ends with. */
export interface Left {
  readonly digest: number;
  /** Seqs: where the hub is in the edge's history, and the edge in the hub's. */
  readonly at: number;
  readonly told: number;
  readonly hubNowMs: number;
}

export interface ReadGroup {
  readonly collection: number;
  readonly kind: number;
  readonly keys: readonly string[];
}

export interface ReadFrame {
  readonly fields: Readonly<Record<string, number>>;
  readonly groups: readonly ReadGroup[];
  readonly isSound: boolean;
  readonly checksum: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function crcOf(bytes: Uint8Array, before: number): number {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

interface Slot {
  quick: number;
  slow: number;
  seen: number;
}

interface Key {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly head: number;
  readonly tail: number;
  case: number;
  decimals: number | null;
  number: number;
}

interface Tail {
  readonly name: string;
  decimals: number | null;
  number: number;
  near: number;
}

interface Table {
  kind: number;
  readonly slots: Readonly<Record<string, number>>;
  readonly heads: { readonly name: string; readonly keys: Key[] }[];
  readonly tails: Tail[];
  readonly keys: Map<string, Key>;
  readonly classes: Map<string, number>;
}

/** The last stamp, and those of its head, the last one at the end. */
interface Stamps {
  head: number;
  wallMs: number;
  counter: number;
  earlier: readonly { readonly wallMs: number; readonly counter: number }[];
}

/** Keys of a group, and how far the number of each has gone. */
type Steps = readonly { readonly key: Key; readonly step: number }[];

const WAY_SLOTS = { counts: 432, gaps: 144, within: 288, tails: 148, mask: 48, more: 2 };
const TABLE_SLOTS = {
  flags: 8,
  cases: 256,
  ages: 296,
  counters: 146,
  contexts: 148,
  texts: 144,
  like: 3,
};
const NAMES = { head: 0, tail: 288 };
const BYTES = 576;
const FIELDS = BYTES + 4_096;
const VALUE_SLOTS = 2 + 2 + 32 + 148 + 148;

/** What both ends remember. */
export class Memory {
  readonly slots: Slot[] = [];
  readonly tables = new Map<number, Table>();
  left: Left;
  readonly form: number;

  constructor(left: Left, form: number) {
    this.left = left;
    this.form = form;
    this.take(FIELDS + 16 * 148);
  }

  take(count: number): number {
    const at = this.slots.length;
    for (let i = 0; i < count; i += 1) this.slots.push({ quick: 0x8000, slow: 0x8000, seen: 0 });
    return at;
  }

  table(collection: number): Table {
    const held = this.tables.get(collection);
    if (held) return held;
    const slots: Record<string, number> = {};
    const isNew = this.form > 2;
    const ofWay = { ...WAY_SLOTS, ...(isNew && { gets: 32 }) };
    for (const side of isNew ? ["up", "down", "reply"] : ["up", "down"])
      for (const [name, count] of Object.entries(ofWay)) slots[side + name] = this.take(count);
    const ofTable = { ...TABLE_SLOTS, ...(isNew && { earlier: 7 }) };
    for (const [name, count] of Object.entries(ofTable)) slots[name] = this.take(count);
    const lists = { heads: [], tails: [], keys: new Map(), classes: new Map() };
    const table: Table = { kind: -1, slots, ...lists };
    this.tables.set(collection, table);
    return table;
  }
}

/** The range coder, and what is made of its bits. */
class Bits {
  readonly #slots: readonly Slot[];
  readonly #bytes: Uint8Array;
  readonly #quickest: number;
  #at = 4;
  #range = 2 ** 32 - 1;
  #code = 0;

  constructor({ slots, form }: Memory, bytes: Uint8Array) {
    this.#slots = slots;
    this.#quickest = form > 2 ? 5 : 4;
    this.#bytes = bytes;
    for (let i = 0; i < 4; i += 1) this.#code = this.#code * 256 + (bytes[i] ?? 0);
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length && this.#bytes.at(-1) !== 0;
  }

  bit(at: number): number {
    const slot = this.#slots[at] as Slot;
    const bound = (this.#range >>> 12) * ((slot.quick + slot.slow) >>> 5);
    const isOne = this.#code >= bound;
    this.#range = isOne ? this.#range - bound : bound;
    if (isOne) this.#code -= bound;
    const step = (p: number, rate: number): number =>
      isOne ? p - (p >> rate) : p + ((0x10000 - p) >> rate);
    slot.quick = step(slot.quick, Math.min(slot.seen + 1, this.#quickest));
    slot.slow = step(slot.slow, Math.min(Math.ceil(Math.log2(slot.seen + 1.5)) + 1, 7));
    slot.seen = Math.min(slot.seen + 1, 40);
    this.#fill();
    return isOne ? 1 : 0;
  }

  #fill(): void {
    while (this.#range < 2 ** 24) {
      this.#range *= 256;
      this.#code = this.#code * 256 + (this.#bytes[this.#at] ?? 0);
      this.#at += 1;
    }
  }

  plain(count: number): number {
    if (count > 12) {
      const upper = this.plain(12);
      return upper * 2 ** (count - 12) + this.plain(count - 12);
    }
    this.#range = this.#range >>> count;
    const value = Math.floor(this.#code / this.#range);
    this.#code -= value * this.#range;
    this.#fill();
    return value;
  }

  path(at: number, count: number): number {
    let node = 1;
    for (let i = 0; i < count; i += 1) node = node * 2 + this.bit(at + node);
    return node - 2 ** count;
  }

  number(at: number): number {
    const short = this.path(at, 4);
    const length = short < 15 ? short : this.path(at + 16, 6);
    if (length === 0) return 0;
    const slots = at + 80 + 4 * short;
    const first = this.bit(slots);
    if (length === 1) return 1 + first;
    const second = this.bit(slots + 1 + first);
    const quarter = 2 ** (length - 2);
    return (4 + first * 2 + second) * quarter + this.plain(length - 2) - 1;
  }

  signed(at: number): number {
    const size = this.number(at);
    return size > 0 && this.bit(at + 144 + Math.min(size, 3)) ? -size : size;
  }

  bytes(at: number, count: number, before = 0): number[] {
    const read: number[] = [];
    for (let i = 0; i < count; i += 1)
      read.push(this.path(at + 256 * ((read.at(-1) ?? before) >> 4), 8));
    return read;
  }
}

/** Reads one frame. */
class FrameReader {
  readonly #memory: Memory;
  readonly #way: "up" | "down";
  readonly #side: string;
  readonly #bits: Bits;
  #sum = 0;
  #baseMs = 0;
  #context = 0;
  #before: Steps | null = null;
  readonly #names = { head: [] as number[], tail: [] as number[] };

  constructor(memory: Memory, way: "up" | "down", isReply: boolean, bits: Bits) {
    this.#memory = memory;
    this.#way = way;
    this.#side = isReply && memory.form > 2 ? "reply" : way;
    this.#bits = bits;
  }

  read(fields: Readonly<Record<string, number>>, baseMs: number, context: number): ReadGroup[] {
    for (const value of Object.values(fields)) this.#mixNumber(value);
    this.#baseMs = baseMs;
    this.#context = context;
    const count = this.#bits.number(FIELDS);
    return Array.from({ length: count }, () => this.#group());
  }

  get sum(): Uint8Array {
    return Uint8Array.from({ length: 4 }, (_, at) => this.#sum >>> (8 * at));
  }

  #mix(word: number): void {
    const x = Math.imul(this.#sum ^ word, 0x9e3779b1);
    this.#sum = x ^ (x >>> 15);
  }

  #mixNumber(value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    this.#mix(view.getUint32(0));
    this.#mix(view.getUint32(4));
  }

  #group(): ReadGroup {
    const bits = this.#bits;
    const collection = bits.number(FIELDS + 148);
    const table = this.#memory.table(collection);
    const flags = table.slots["flags"] as number;
    if (!bits.bit(flags)) table.kind = bits.number(FIELDS + 2 * 148);
    const { kind } = table;
    this.#mix(collection);
    this.#mix(kind);
    const isBytes = bits.bit(flags + 1) === 1;
    const known = this.#likeKeys(table);
    const isMore = known === null || bits.bit(flags + 7) === 1;
    const others = isMore ? this.#otherKeys(table) : [];
    const steps = [...(known ?? []), ...others.map((key) => ({ key, step: null }))];
    const keys = isBytes ? this.#body(table, steps) : this.#rows(table, steps);
    return { collection, kind, keys };
  }

  /** Which keys of the group before are there; null: they are not used. */
  #likeKeys(table: Table): Steps | null {
    const bits = this.#bits;
    if (!bits.bit((table.slots["flags"] as number) + 2)) return null;
    const last = new Map<number, number>();
    const there: { key: Key; step: number }[] = [];
    for (const { key, step } of this.#before ?? []) {
      const tail = Math.min(key.tail, 15);
      const isThere = bits.bit((table.slots["like"] as number) + (last.get(tail) ?? 2));
      last.set(tail, isThere);
      if (isThere) there.push({ key: this.#join(table, key.name), step });
    }
    return there;
  }

  #join(table: Table, name: string): Key {
    const held = table.keys.get(name);
    if (held) return held;
    const [bar, slash] = [name.lastIndexOf("|"), name.lastIndexOf("/")];
    const at = bar >= 0 ? bar : slash >= 0 ? slash : name.length;
    const [headName, tailName] = [name.slice(0, at), name.slice(at)];
    let head = table.heads.findIndex((each) => each.name === headName);
    if (head < 0) head = table.heads.push({ name: headName, keys: [] }) - 1;
    let tail = table.tails.findIndex((each) => each.name === tailName);
    if (tail < 0) tail = this.#addTail(table, tailName);
    return this.#add(table, head, tail);
  }

  #addTail(table: Table, name: string): number {
    return table.tails.push({ name, decimals: null, number: 0, near: 0 }) - 1;
  }

  #add(table: Table, head: number, tail: number): Key {
    const name = (table.heads[head]?.name ?? "") + (table.tails[tail]?.name ?? "");
    const said = { case: 15, decimals: null, number: 0 };
    const key: Key = { name, bytes: encoder.encode(name), head, tail, ...said };
    table.heads[head]?.keys.push(key);
    table.keys.set(name, key);
    return key;
  }

  #name(of: "head" | "tail"): string {
    const bits = this.#bits;
    const before = this.#names[of];
    const shared = before.slice(0, bits.number(NAMES[of]));
    const count = bits.number(NAMES[of] + 144);
    this.#names[of] = [...shared, ...bits.bytes(BYTES, count, shared.at(-1))];
    return decoder.decode(Uint8Array.from(this.#names[of]));
  }

  #otherKeys(table: Table): Key[] {
    const bits = this.#bits;
    const at = (name: string): number => table.slots[this.#side + name] as number;
    Object.assign(this.#names, { head: [], tail: [] });
    const keys: Key[] = [];
    let head = 0;
    for (let left = bits.number(at("counts")); left > 0; left -= 1) {
      head += bits.number(at("gaps"));
      keys.push(...this.#keysOf(table, head));
      head += 1;
    }
    for (let left = bits.number(at("counts") + 144); left > 0; left -= 1) {
      const added = table.heads.push({ name: this.#name("head"), keys: [] }) - 1;
      const got = this.#getsOf(table, added, 16);
      keys.push(...got);
      let tail = -1;
      const least = got.length > 0 ? 1 : 0;
      for (let more = bits.number(at("counts") + 288) - least; more >= 0; more -= 1) {
        tail = this.#tail(table, tail + 1);
        keys.push(this.#add(table, added, tail));
      }
    }
    return keys;
  }

  #keysOf(table: Table, head: number): Key[] {
    const bits = this.#bits;
    const at = (name: string): number => table.slots[this.#side + name] as number;
    const held = [...(table.heads[head]?.keys ?? [])];
    const keys = this.#thereOf(table, held);
    const isNew = this.#memory.form > 2;
    if (isNew && !bits.bit(at("more"))) return keys;
    const got = isNew ? this.#getsOf(table, head, 0) : [];
    keys.push(...got);
    let tail = (got.at(-1) ?? held.at(-1))?.tail ?? -1;
    for (let i = isNew ? 1 : 0; bits.bit(at("more") + Math.min(i, 1)); i += 1) {
      tail = this.#tail(table, tail + 1);
      keys.push(this.#add(table, head, tail));
    }
    return keys;
  }

  /** Which of its keys a head has there. */
  #thereOf(table: Table, held: readonly Key[]): Key[] {
    const bits = this.#bits;
    const at = (name: string): number => table.slots[this.#side + name] as number;
    let keys: Key[] = [];
    if (held.length > 16) {
      let place = -1;
      for (let left = bits.number(at("within")); left > 0; left -= 1) {
        place += 1 + bits.number(at("within") + 144);
        keys.push(held[place] as Key);
      }
    } else
      for (const key of held) {
        const slot = at("mask") + 3 * Math.min(key.tail, 15) + Math.min(keys.length, 2);
        if (bits.bit(slot)) keys = [...keys, key];
      }
    return keys;
  }

  /** Keys of the first tails that a head gets, in form 3. */
  #getsOf(table: Table, head: number, at: number): Key[] {
    if (this.#memory.form === 2) return [];
    const had = new Set(table.heads[head]?.keys.map(({ tail }) => tail));
    const slot = (table.slots[`${this.#side}gets`] as number) + at;
    const gets = table.tails
      .slice(0, 16)
      .flatMap((_, tail) => (!had.has(tail) && this.#bits.bit(slot + tail) ? [tail] : []));
    return gets.map((tail) => this.#add(table, head, tail));
  }

  #tail(table: Table, expected: number): number {
    const slot = table.slots[`${this.#side}tails`] as number;
    const tail = expected + this.#bits.signed(slot);
    return tail < table.tails.length ? tail : this.#addTail(table, this.#name("tail"));
  }

  #body(table: Table, steps: readonly { readonly key: Key }[]): string[] {
    const bits = this.#bits;
    const isSorted = bits.bit((table.slots["flags"] as number) + 3);
    const width = 32 - Math.clz32(Math.max(steps.length, 1) - 1);
    const places = [...steps.keys()].map((at) => (isSorted ? at : bits.plain(width)));
    const names: string[] = [];
    for (const [at, { key }] of steps.entries()) {
      const place = places[at] as number;
      this.#mix(crcOf(key.bytes, 0));
      this.#mix(place);
      names[place] = key.name;
    }
    this.#text(bits.number(FIELDS + 3 * 148));
    this.#before = null;
    return names;
  }

  #text(length: number): void {
    this.#mix(crcOf(Uint8Array.from(this.#bits.bytes(BYTES, length)), 0));
  }

  #rows(table: Table, steps: readonly { key: Key; step: number | null }[]): string[] {
    const { kind } = table;
    const hasStamp = kind === 1 || kind === 11;
    const unit = hasStamp ? 2 ** this.#bits.path(FIELDS + 4 * 148, 4) : 1;
    const stamps: Stamps = { head: -1, wallMs: -1, counter: 0, earlier: [] };
    this.#before = steps.map(({ key, step }) => {
      const row = { case: 0, isThere: 1, wallMs: 0, counter: 0, number: 0, step: 0 };
      if (kind >= 10 && kind <= 11) row.isThere = this.#presence(table, key, row);
      if (hasStamp && row.isThere) {
        this.#stamp(table, key, unit, stamps);
        Object.assign(row, { wallMs: stamps.wallMs, counter: stamps.counter });
        row.case = this.#case(table, key);
      } else if (kind < 10 || kind === 12) row.case = 3;
      if (row.case === 3) this.#number(table, key, step, row);
      for (const word of [crcOf(key.bytes, 0), row.case, row.isThere * 65_536 + row.counter])
        this.#mix(word);
      this.#mixNumber(row.wallMs);
      this.#mixNumber(row.number);
      return { key, step: row.step };
    });
    return steps.map(({ key }) => key.name);
  }

  #presence(table: Table, key: Key, row: { number: number }): number {
    const bits = this.#bits;
    const isThere = bits.bit((table.slots["cases"] as number) + 16 * key.case);
    if (table.kind === 10 || !isThere) key.case = isThere;
    if (!isThere && this.#way === "up") {
      this.#context += bits.signed(table.slots["contexts"] as number);
      row.number = this.#context;
    }
    return isThere;
  }

  #stamp(table: Table, { head }: Key, unit: number, last: Stamps): void {
    const { flags = 0 } = table.slots;
    const isSameHead = Number(last.head === head);
    last.head = head;
    const isLast = last.wallMs >= 0 && this.#bits.bit(flags + 4 + isSameHead) === 1;
    if (!isLast && !(isSameHead && this.#earlier(table, last)))
      this.#age(table, unit, isSameHead, last);
    const { wallMs, counter, earlier } = last;
    const others = earlier.filter((each) => each.wallMs !== wallMs || each.counter !== counter);
    last.earlier = [...(isSameHead ? others : []), { wallMs, counter }].slice(-6);
  }

  /** One of the stamps that a head had before the last one, in form 3. */
  #earlier(table: Table, last: Stamps): boolean {
    const { earlier: slot } = table.slots;
    const before = last.earlier.slice(0, -1);
    if (slot === undefined || before.length === 0 || !this.#bits.bit(slot)) return false;
    let place = 0;
    while (place < before.length - 1 && this.#bits.bit(slot + 1 + place)) place += 1;
    Object.assign(last, before[place]);
    return true;
  }

  #age(table: Table, unit: number, isSameHead: number, last: Stamps): void {
    const bits = this.#bits;
    const { flags = 0, ages = 0, counters = 0 } = table.slots;
    last.wallMs = (Math.floor(this.#baseMs / unit) - bits.signed(ages + 148 * isSameHead)) * unit;
    last.counter = bits.bit(flags + 6) ? 1 + bits.number(counters) : 0;
  }

  #case(table: Table, key: Key): number {
    key.case = this.#bits.path((table.slots["cases"] as number) + 16 * key.case, 3);
    if (key.case === 5) this.#text(this.#bits.number(table.slots["texts"] as number));
    return key.case;
  }

  #classOf({ tail }: Key, step: number | null): string {
    if (step !== null) return `${Math.min(Math.abs(step), 7)}`;
    return `${this.#side === "reply" ? "reply" : "tail"} ${Math.min(tail, 15)}`;
  }

  /** The first slot of a class of values. */
  #class(table: Table, name: string): number {
    const at = table.classes.get(name) ?? this.#memory.take(VALUE_SLOTS);
    table.classes.set(name, at);
    return at;
  }

  #number(
    table: Table,
    key: Key,
    step: number | null,
    row: { number: number; step: number },
  ): void {
    const bits = this.#bits;
    const at = this.#class(table, this.#classOf(key, step));
    if (key.decimals !== null && bits.bit(at)) {
      row.step = bits.signed(at + 36);
      key.number += row.step;
      row.number = key.number / 10 ** key.decimals;
      return;
    }
    const tail = table.tails[key.tail] as Tail;
    const isUsual = tail.decimals !== null && bits.bit(at + 2) === 1;
    const decimals = isUsual ? (tail.decimals ?? 0) : bits.path(at + 4, 5);
    key.decimals = decimals === 31 ? null : decimals;
    if (decimals === 31) {
      row.number = this.#float();
      return;
    }
    const from = isUsual && tail.near > 0 ? tail.number : 0;
    key.number = from + bits.signed(at + 184);
    if (tail.decimals === decimals) {
      const gain = bitsOf(key.number) - bitsOf(key.number - tail.number) - 1;
      tail.near = Math.max(-16, Math.min(16, tail.near + gain));
    }
    Object.assign(tail, { decimals, number: key.number });
    row.number = key.number / 10 ** decimals;
  }

  #float(): number {
    const view = new DataView(new ArrayBuffer(8));
    for (let at = 0; at < 8; at += 2) view.setUint16(at, this.#bits.plain(16));
    return view.getFloat64(0);
  }
}

function bitsOf(number: number): number {
  const size = Math.abs(number);
  return size < 1 ? 0 : Math.min(32, Math.floor(Math.log2(size)) + 1);
}

/** A frame's bytes, what it stands on, and what is read before its groups. */
interface Opened {
  readonly way: "up" | "down";
  /** An answer to a frame with state. */
  readonly isReply: boolean;
  readonly bytes: Uint8Array;
  readonly bits: Bits;
  readonly digest: number;
}

function finish(
  memory: Memory,
  { way, isReply, bytes, bits, digest }: Opened,
  fields: ReadFrame["fields"],
  context: number,
): ReadFrame {
  const reader = new FrameReader(memory, way, isReply, bits);
  const baseMs = fields[way === "up" ? "sentMs" : "hubNowMs"] as number;
  const groups = reader.read(fields, baseMs, context);
  const checksum = crcOf(reader.sum, crcOf(bytes.subarray(0, -4), digest));
  const isSound = bits.isDone && checksum === checksumOf(bytes);
  return { fields, groups, isSound, checksum };
}

function checksumOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true);
}

/** Reads an up-frame. */
export function readUp(memory: Memory, bytes: Uint8Array): ReadFrame {
  const bits = new Bits(memory, bytes.subarray(4, -4));
  const { at, told, hubNowMs, digest } = memory.left;
  const floor = bits.number(FIELDS + 5 * 148);
  const to = at + bits.number(FIELDS + 8 * 148);
  const head = to + bits.number(FIELDS + 6 * 148);
  const sentMs = hubNowMs + bits.signed(FIELDS + 7 * 148);
  const isKeyless = bits.bit(FIELDS + 9 * 148);
  const fields = { floor, to, head, sentMs, isKeyless };
  return finish(memory, { way: "up", isReply: false, bytes, bits, digest }, fields, told);
}

/** Reads the answer to an up-frame, and takes over where that leaves both ends. */
export function readDown(memory: Memory, bytes: Uint8Array, asked: ReadFrame): ReadFrame {
  const bits = new Bits(memory, bytes.subarray(1, -4));
  const { told } = memory.left;
  const hubNowMs = (asked.fields["sentMs"] as number) + bits.signed(FIELDS + 10 * 148);
  const from = told + bits.signed(FIELDS + 11 * 148);
  const to = from + bits.number(FIELDS + 12 * 148);
  const head = to + bits.number(FIELDS + 13 * 148);
  const stable = from + bits.signed(FIELDS + 14 * 148);
  const horizon: Record<string, number> = {};
  if (from === 0)
    for (const name of ["seq", "wallMs", "logical", "known"])
      horizon[name] = bits.number(FIELDS + 15 * 148);
  const fields = { hubNowMs, from, to, head, stable, ...horizon };
  const at = asked.fields["to"] as number;
  const isReply = at > memory.left.at;
  const opened: Opened = { way: "down", isReply, bytes, bits, digest: asked.checksum };
  const frame = finish(memory, opened, fields, from);
  memory.left = { digest: frame.checksum, at, told: to > from ? to : told, hubNowMs };
  return frame;
}
