// How do two ends come to speak this encoding? Each says in the extension of its plain frames that it
// reads it; after an exchange in which both did, what follows is coded on what that one left. Whatever
// does not fit (an answer lost for good, a restart, another hub) is said plainly, and begins anew.

import { DICTIONARY_BYTES_MAX, SESSIONS_MAX } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import { ByteWriter } from "../bytes.ts";
import { crc32c } from "../crc32c.ts";
import { decodeDown, encodeDown, type DownFrame, type ReceivedDownFrame } from "../down-frame.ts";
import type { EdgeEncoding, HubEncoding } from "../encoding.ts";
import {
  digestOf,
  HAS_EXTENSION,
  isSamePosition,
  ORIGIN_POSITION,
  type FrameError,
} from "../frame.ts";
import { decodeUp, encodeUp, type ReceivedUpFrame, type UpFrame } from "../up-frame.ts";
import {
  askedBy,
  DOWN_MAGIC,
  readDown,
  readUp,
  shortOf,
  UP_MAGIC,
  writeDown,
  writeUp,
  type Asked,
} from "./frames.ts";
import { FORM_MAX, FORM_MIN, LinkMemory, toldBy } from "./memory.ts";

/** What the extension says: that an encoding is read beside the plain one, and the newest form of it. */
const EXTENSION: Uint8Array = Uint8Array.of(FORM_MIN, FORM_MAX);
const HEAD_BYTES = 4;
const FLAGS_AT = 3;
const CRC_BYTES = 4;
/** Exchanges in a row that did not fit, after which an edge speaks plainly until it starts again. */
const MISFITS_MAX = 8;
/** A hub that heard nothing for so long may have been put away, with all it remembered: no misfit. */
const SILENCE_MS = 10_000;
/** Requests after such a silence that are said plainly at most before another is coded. */
const DOUBTS_MAX = 63;

/** Says in a plain frame that this end reads the encoding. */
function offer(frame: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(frame.subarray(0, FLAGS_AT));
  writer.byte((frame[FLAGS_AT] as number) | HAS_EXTENSION);
  writer.block(EXTENSION);
  writer.raw(frame.subarray(HEAD_BYTES, -CRC_BYTES));
  writer.uint32(crc32c(writer.bytes()));
  return writer.bytes();
}

/** The form that both ends read, if a plain frame that could be read says that its end reads one; else 0. */
function offered(frame: Uint8Array): number {
  const [, , , flags = 0, length = 0, encoding, form] = frame;
  if ((flags & HAS_EXTENSION) === 0 || length < 1 || encoding !== FORM_MIN) return 0;
  return length < 2 ? FORM_MIN : Math.min(form as number, FORM_MAX);
}

/** What a plain answer leaves both ends with; null: nothing. */
function begun(
  { speaker, ack }: Pick<UpFrame, "speaker" | "ack">,
  { outcome, link, at, hubNowMs, state }: DownFrame,
  version: number,
  digest: number,
  form: number,
): LinkMemory | null {
  const isOpen = outcome === "open";
  if (!isOpen && (outcome !== "applied" || speaker.kind !== "link" || !state)) return null;
  const told = isOpen ? ORIGIN_POSITION : toldBy(ack, state, digest);
  return new LinkMemory({ link, version, form, digest, at, told, hubNowMs });
}

/** A memory of nothing, that the answer to a plain request may be coded on, and what was asked. */
interface Fresh {
  readonly memory: LinkMemory;
  readonly asked: Asked;
}

/** What a plain request leaves both ends with, in the newest form; null: nothing. */
function freshOf(frame: UpFrame, version: number, request: Uint8Array): Fresh | null {
  const { speaker, from: at, ack: told, sentMs: hubNowMs } = frame;
  if (speaker.kind !== "link") return null;
  const digest = digestOf(request);
  const { link } = speaker;
  const memory = new LinkMemory({ link, version, form: FORM_MAX, digest, at, told, hubNowMs });
  return { memory, asked: askedBy(frame, digest) };
}

/** The edge's end of one link. */
export class EdgeRangeCoder implements EdgeEncoding {
  #memory: LinkMemory | null = null;
  /** How often in a row something did not fit. */
  #misfits = 0;
  /** Requests after a silence that are still to be plain, and as many as they were at first. */
  #doubts = 0;
  #doubted = 0;
  /** What was sent and not answered. */
  #asked: {
    readonly frame: UpFrame;
    readonly version: number;
    readonly isCoded: boolean;
    /** What a coded answer stands on. */
    readonly on: Fresh | null;
    readonly isAfterSilence: boolean;
  } | null = null;

  /** What it knows of the link; null: nothing, or it waits for an answer. */
  get memory(): LinkMemory | null {
    return this.#asked ? null : this.#memory;
  }

  /** The exchange that the request under way stands on; none: it is plain, or there is none. */
  get standsOn(): number | undefined {
    return this.#asked?.isCoded ? this.#memory?.exchanged.digest : undefined;
  }

  /** True if the last answer stood on the request and could not be read. */
  hasMisread = false;

  /** Adds the encoding to the options of its link. */
  serve<Options>(options: Options): Options & EdgeEncoding {
    return { ...options, up: this.up, down: this.down, speech: this.speech };
  }

  readonly speech: EdgeEncoding["speech"] = () => {
    if (this.#misfits >= MISFITS_MAX) return "given-up";
    return this.#memory ? "coded" : "plain";
  };

  readonly up: EdgeEncoding["up"] = (frame, keys, base, version, lane) => {
    const memory = this.#asked?.isCoded ? null : this.#fit(frame, version);
    this.#memory = memory;
    const isAfterSilence = frame.sentMs - (memory?.exchanged.hubNowMs ?? 0) >= SILENCE_MS;
    const coded = memory && !this.#isDoubted(isAfterSilence) && writeUp(memory, frame);
    if (memory && coded) {
      const on = { memory, asked: askedBy(frame, digestOf(coded)) };
      this.#asked = { frame, version, isCoded: true, on, isAfterSilence };
      return coded;
    }
    if (this.#asked?.isCoded) this.#misfits += 1;
    this.#memory = null;
    const plain = encodeUp(frame, keys, base, version, lane);
    const asked = { frame, version, isCoded: false, on: null, isAfterSilence };
    this.#asked = asked;
    if (this.#misfits >= MISFITS_MAX) return plain;
    const request = offer(plain);
    this.#asked = { ...asked, on: freshOf(frame, version, request) };
    return request;
  };

  /** Tells whether a hub is taken to have forgotten: after a silence, if it did so before. */
  #isDoubted(isAfterSilence: boolean): boolean {
    if (!isAfterSilence || this.#doubts === 0) return false;
    this.#doubts -= 1;
    return true;
  }

  /** A hub that forgets in silence is asked plainly after the next ones: twice as many each time. */
  #noteMisfit(isAfterSilence: boolean): void {
    if (isAfterSilence) this.#doubts = this.#doubted = Math.min(this.#doubted * 2 + 1, DOUBTS_MAX);
    else this.#misfits += 1;
  }

  /** A request was understood: that a plain one is answered coded says nothing of it. */
  #noteFit(isAfterSilence: boolean): void {
    this.#misfits = 0;
    if (isAfterSilence) this.#doubted = 0;
  }

  /** The memory, if a frame stands on it. */
  #fit({ speaker, from, ack, log }: UpFrame, version: number): LinkMemory | null {
    const memory = this.#memory;
    if (!memory || speaker.kind === "hello" || log.length > 0) return null;
    const { link, version: spoken, at, told } = memory.exchanged;
    const isSame = link === speaker.link && version === spoken;
    return isSame && isSamePosition(from, at) && isSamePosition(ack, told) ? memory : null;
  }

  readonly down: EdgeEncoding["down"] = (bytes, keys, versions) => {
    const asked = this.#asked;
    if (bytes[0] !== DOWN_MAGIC) return this.#readPlain(bytes, decodeDown(bytes, keys, versions));
    if (!asked?.on) return err("not-a-frame");
    const { memory } = asked.on;
    const answer = readDown(memory, asked.on.asked, bytes);
    this.#asked = null;
    this.#memory = answer && memory;
    this.hasMisread = answer === null;
    if (!answer) {
      this.#misfits += 1;
      // The same request would be given the same answer: who forgets keys asks another way.
      keys.add("");
      return err("no-dictionary");
    }
    if (asked.isCoded) this.#noteFit(asked.isAfterSilence);
    const { at, state, hubNowMs } = answer;
    const digest = digestOf(bytes);
    memory.settle({ digest, at, hubNowMs, told: toldBy(asked.frame.ack, state, digest) });
    return ok(answer);
  };

  #readPlain(
    bytes: Uint8Array,
    read: Result<ReceivedDownFrame, FrameError>,
  ): Result<ReceivedDownFrame, FrameError> {
    const asked = this.#asked;
    if (!read.ok) return read;
    const isMisfit = asked?.isCoded && read.value.outcome === "unreadable";
    if (isMisfit) this.#noteMisfit(asked.isAfterSilence);
    const form = offered(bytes);
    this.#asked = null;
    this.#memory =
      asked && form > 0
        ? begun(asked.frame, read.value, asked.version, digestOf(bytes), form)
        : null;
    return read;
  }
}

/** What a hub remembers of a link in this encoding. */
interface HubLink {
  readonly memory: LinkMemory;
  /** The last request. */
  readonly request: Uint8Array;
  /** What a coded one said, but its groups, which were applied; null: it was plain. */
  readonly frame: ReceivedUpFrame | null;
  /** The answer to it. */
  readonly answer: Uint8Array;
}

/** The hub's end of all of its links. */
export class HubRangeCoder implements HubEncoding {
  /** By link, the one that spoke last at the end. */
  readonly #links = new Map<number, HubLink>();
  /** Bytes of memory that each takes, about. */
  readonly #sizes = new Map<number, number>();
  #size = 0;
  /** Writes the answer to what was read last; null: plainly. */
  #reply: HubEncoding["down"] | null = null;

  /** Links that it remembers, and the bytes of memory that they take, about. */
  get held(): { readonly links: number; readonly bytes: number } {
    return { links: this.#links.size, bytes: this.#size };
  }

  /** What it knows of a link; null: nothing. */
  memoryOf(link: number): LinkMemory | null {
    return this.#links.get(link)?.memory ?? null;
  }

  /** Lets a hub speak the encoding. */
  serve(hub: { -readonly [Way in keyof HubEncoding]: HubEncoding[Way] }): void {
    hub.up = this.up;
    hub.down = this.down;
  }

  readonly up: HubEncoding["up"] = (bytes, keysOf, versions) => {
    this.#reply = null;
    if (bytes[0] !== UP_MAGIC) return this.#readPlain(bytes, decodeUp(bytes, keysOf, versions));
    const [, low = 0, high = 0, tag] = bytes;
    for (const [link, held] of this.#links) {
      if (shortOf(link) !== low + high * 256) continue;
      if (held.frame && isSameBytes(held.request, bytes)) return this.#again(held, held.frame);
      if ((held.memory.exchanged.digest & 0xff) !== tag) continue;
      // What is read leaves its marks, also if it was not meant for this link.
      this.#drop(link);
      const frame = readUp(held.memory, bytes);
      if (frame) return this.#heard(held.memory, frame, bytes);
    }
    return err("no-dictionary");
  };

  readonly down: HubEncoding["down"] = (answer, ...plainly) =>
    (this.#reply ?? encodeDown)(answer, ...plainly);

  #readPlain(
    bytes: Uint8Array,
    read: Result<ReceivedUpFrame, FrameError>,
  ): Result<ReceivedUpFrame, FrameError> {
    if (!read.ok) return read;
    const { speaker } = read.value;
    const link = speaker.kind === "link" ? speaker.link : 0;
    const held = this.#links.get(link);
    const form = offered(bytes);
    // One that comes again may be given the answer again that the memory stands on.
    if (held && isSameBytes(held.request, bytes)) {
      if (held.answer[0] === DOWN_MAGIC) return this.#again(held, read.value);
    } else if (held) this.#drop(link);
    if (form > 0) this.#reply = this.#answerPlain(read.value, bytes, form);
    return read;
  }

  /** Answers plainly, and says that this end reads the encoding: what follows stands on the answer. */
  #begin(frame: ReceivedUpFrame, request: Uint8Array, form: number): HubEncoding["down"] {
    return (answer, ...plainly) => {
      const plain = encodeDown(answer, ...plainly);
      this.#drop(answer.link);
      if (!this.#hasRoom(answer.hubNowMs)) return plain;
      const bytes = offer(plain);
      const memory = begun(frame, answer, frame.version, digestOf(bytes), form);
      if (memory) this.#put(answer.link, { memory, request, frame: null, answer: bytes });
      return bytes;
    };
  }

  /** A request that comes again, and has changed nothing: what was answered stands. */
  #again(
    { answer: last, request, memory }: HubLink,
    frame: ReceivedUpFrame,
  ): Result<ReceivedUpFrame, never> {
    const begin = this.#begin(frame, request, memory.form);
    this.#reply = (answer, ...plainly) => {
      const isSame = answer.outcome === "applied" && answer.state?.groups.length === 0;
      return isSame ? last : begin(answer, ...plainly);
    };
    return ok(frame);
  }

  #heard(
    memory: LinkMemory,
    frame: ReceivedUpFrame,
    request: Uint8Array,
  ): Result<ReceivedUpFrame, never> {
    const asked = askedBy(frame, digestOf(request));
    // Held again once it is answered: one that is not, comes again, is said plainly.
    this.#reply = this.#answer({ memory, asked }, frame, request);
    return ok(frame);
  }

  /** Answers a plain request: in a form that can begin with the answer, or plainly. */
  #answerPlain(frame: ReceivedUpFrame, request: Uint8Array, form: number): HubEncoding["down"] {
    const begin = this.#begin(frame, request, form);
    const fresh = form > FORM_MIN ? freshOf(frame, frame.version, request) : null;
    if (!fresh) return begin;
    const reply = this.#answer(fresh, frame, request);
    return (answer, ...plainly) =>
      (this.#hasRoom(answer.hubNowMs) ? reply : begin)(answer, ...plainly);
  }

  /** Answers in this encoding, or plainly what has no form in it. */
  #answer(
    { memory, asked }: Fresh,
    frame: ReceivedUpFrame,
    request: Uint8Array,
  ): HubEncoding["down"] {
    const { link } = memory.exchanged;
    const begin = this.#begin(frame, request, memory.form);
    return (answer, ...plainly) => {
      const bytes = writeDown(memory, asked, answer);
      if (!bytes) return begin(answer, ...plainly);
      const { at, hubNowMs, state } = answer;
      const digest = digestOf(bytes);
      memory.settle({ digest, at, hubNowMs, told: toldBy(frame.ack, state, digest) });
      this.#put(link, { memory, request, frame: { ...frame, groups: [] }, answer: bytes });
      return bytes;
    };
  }

  /**
   * Tells whether another link finds room. One that speaks keeps its own: were they to take it from
   * each other in turn, none would ever be understood.
   */
  #hasRoom(nowMs: number): boolean {
    const [oldest] = this.#links.values();
    const links = this.#links.size;
    // It will grow to about what each of them takes.
    const size = this.#size + this.#size / Math.max(1, links);
    const silentMs = Math.abs(nowMs - (oldest?.memory.exchanged.hubNowMs ?? nowMs));
    return (links < SESSIONS_MAX && size <= MEMORIES_BYTES_MAX) || silentMs >= GIVES_WAY_MS;
  }

  #put(link: number, held: HubLink): void {
    this.#drop(link);
    const size = held.memory.size + held.request.length + held.answer.length;
    this.#links.set(link, held);
    this.#sizes.set(link, size);
    this.#size += size;
    for (const oldest of this.#links.keys()) {
      if (this.#links.size <= SESSIONS_MAX && this.#size <= MEMORIES_BYTES_MAX) break;
      this.#drop(oldest);
    }
  }

  #drop(link: number): void {
    this.#size -= this.#sizes.get(link) ?? 0;
    this.#sizes.delete(link);
    this.#links.delete(link);
  }
}

/** Bytes of memory that all links of a hub take, about; past it the ones silent longest give way. */
const MEMORIES_BYTES_MAX: number = DICTIONARY_BYTES_MAX * 2.5;
/** Silent for so long, a link gives way to one that speaks: five heartbeats. */
const GIVES_WAY_MS = 300_000;

function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
