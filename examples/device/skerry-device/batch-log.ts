// Where do batches wait while no edge can be reached? In one append-only file. A batch counts as
// kept when its line is on disk (fsync); what a power cut leaves of a last line is cut off.
//
// A line is the CRC-32 of its JSON, a space, and the JSON: { "batch": ... }, { "done": name } or
// { "refused": readings so far }. Dead lines go when the file is written anew; it takes at most
// twice the bytes that may wait, and while it is written anew once that much more.

import fs from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { nameOf, readingsOf, type Batch } from "./batch.ts";

/** What happens to a new batch when there is no room: it is refused, or the oldest make room. */
export type WhenFull = "refuse" | "drop-oldest";

export interface BatchLogOptions {
  readonly file: string;
  /** Bytes of the batches that may wait. */
  readonly bytesMax: number;
  readonly whenFull: WhenFull;
}

type Line = { readonly batch: Batch } | { readonly done: string } | { readonly refused: number };

interface Place {
  readonly offset: number;
  readonly length: number;
  readonly readings: number;
}

/** An empty log is written anew when it has grown beyond this. */
const EMPTY_BYTES_MAX = 65_536;

/** Batches that wait, on disk. One process at a time. */
export class BatchLog {
  /** Bytes of a torn last line that were cut off, and damaged lines that were passed over. */
  readonly tornBytes: number;
  readonly damagedLines: number;
  readonly #options: BatchLogOptions;
  readonly #waiting = new Map<string, Place>();
  #fd: number;
  #size: number;
  #waitingBytes = 0;
  #refused = 0;

  /** Opens the log, makes it in its folder if there is none, and finds what waits in it. */
  constructor(options: BatchLogOptions) {
    this.#options = options;
    fs.rmSync(`${options.file}.new`, { force: true });
    this.#fd = fs.openSync(options.file, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
    const bytes = fs.readFileSync(this.#fd);
    this.#size = bytes.lastIndexOf("\n") + 1;
    this.tornBytes = bytes.length - this.#size;
    this.damagedLines = this.#recall(bytes.subarray(0, this.#size));
    fs.ftruncateSync(this.#fd, this.#size);
    fs.fsyncSync(this.#fd);
    syncFolder(options.file);
  }

  get batches(): number {
    return this.#waiting.size;
  }

  get readings(): number {
    return [...this.#waiting.values()].reduce((sum, { readings }) => sum + readings, 0);
  }

  /** Readings that there was no room for, since the file was made. */
  get refused(): number {
    return this.#refused;
  }

  /** Reads the batch that waits longest; null if none does. */
  oldest(): Batch | null {
    const [place] = this.#waiting.values();
    if (place === undefined) return null;
    const line = parseLine(readBytes(this.#fd, place));
    if (line === null || !("batch" in line)) throw new Error("Cannot read a batch that was kept");
    return line.batch;
  }

  /**
   * Keeps a batch. When it returns true, the batch is on disk; when false, it is not and its
   * readings are counted as refused: there is no room for it, or the disk is full.
   *
   * @param sparedName The batch that is being sent now: it makes no room for another.
   */
  keep(batch: Batch, sparedName: string | null = null): boolean {
    const bytes = formatLine({ batch });
    const isKept = this.#makeRoom(bytes.length, sparedName) && this.#write([batch], []);
    if (!isKept) this.#refuse(readingsOf(batch));
    return isKept;
  }

  /** Ends the wait of a batch that is stored at an edge or set aside. */
  settle(name: string): void {
    if (this.#waiting.has(name)) this.#write([], [name]);
    // If the line could not be written, the batch is sent once more after a restart: no harm.
    this.#forget(name);
    if (this.#waiting.size === 0 && this.#size > EMPTY_BYTES_MAX) this.#rewrite();
  }

  /** Keeps others in a batch's place: all or nothing, and if nothing, it returns false. */
  replace(name: string, by: readonly Batch[]): boolean {
    if (!this.#write(by, [name])) return false;
    this.#forget(name);
    return true;
  }

  /** Closes the file; an empty one is made small. */
  close(): void {
    if (this.#waiting.size === 0 && this.#size > 0) this.#rewrite();
    fs.closeSync(this.#fd);
  }

  /** Finds what waits. Returns how many lines are damaged. */
  #recall(bytes: Buffer): number {
    let damaged = 0;
    for (let offset = 0; offset < bytes.length;) {
      const length = bytes.indexOf("\n", offset) + 1 - offset;
      const line = parseLine(bytes.subarray(offset, offset + length));
      if (line === null) damaged += 1;
      else if ("batch" in line) this.#note(line.batch, offset, length);
      else if ("done" in line) this.#forget(line.done);
      else this.#refused = line.refused;
      offset += length;
    }
    return damaged;
  }

  #note(batch: Batch, offset: number, length: number): void {
    this.#forget(nameOf(batch));
    this.#waiting.set(nameOf(batch), { offset, length, readings: readingsOf(batch) });
    this.#waitingBytes += length;
  }

  #forget(name: string): void {
    this.#waitingBytes -= this.#waiting.get(name)?.length ?? 0;
    this.#waiting.delete(name);
  }

  #makeRoom(bytes: number, sparedName: string | null): boolean {
    const { bytesMax, whenFull } = this.#options;
    if (bytes > bytesMax) return false;
    const isFull = () => this.#waitingBytes + bytes > bytesMax;
    if (whenFull === "drop-oldest" && isFull()) {
      const dropped: string[] = [];
      for (const [name, { readings }] of this.#waiting) {
        if (name === sparedName || !isFull()) continue;
        this.#refused += readings;
        this.#forget(name);
        dropped.push(name);
      }
      this.#write([], dropped);
    }
    if (isFull()) return false;
    return this.#size + bytes <= 2 * bytesMax || this.#rewrite();
  }

  #refuse(readings: number): void {
    this.#refused += readings;
    const isRoom = this.#size < 2 * this.#options.bytesMax || this.#rewrite();
    if (isRoom) this.#write([], []);
  }

  /** Writes new lines, all or none; batches are on disk when it returns true. */
  #write(batches: readonly Batch[], done: readonly string[]): boolean {
    const kept = batches.map((batch) => ({ batch, bytes: formatLine({ batch }) }));
    const notes: Line[] = done.map((name) => ({ done: name }));
    if (this.#refused > 0) notes.push({ refused: this.#refused });
    const bytes = Buffer.concat([...kept.map((line) => line.bytes), ...notes.map(formatLine)]);
    try {
      writeBytes(this.#fd, bytes, this.#size);
      if (batches.length > 0) fs.fsyncSync(this.#fd);
    } catch {
      // A full disk: what has been written of it must not be taken for a line later.
      fs.ftruncateSync(this.#fd, this.#size);
      return false;
    }
    let offset = this.#size;
    for (const {
      batch,
      bytes: { length },
    } of kept) {
      this.#note(batch, offset, length);
      offset += length;
    }
    this.#size += bytes.length;
    return true;
  }

  /** Writes what waits to a new file and puts it in the place of this one. */
  #rewrite(): boolean {
    const file = `${this.#options.file}.new`;
    const note = this.#refused > 0 ? formatLine({ refused: this.#refused }) : Buffer.alloc(0);
    const moved = new Map<string, Place>();
    let size = note.length;
    let fd = -1;
    try {
      fd = fs.openSync(file, "w+", 0o600);
      writeBytes(fd, note, 0);
      for (const [name, place] of this.#waiting) {
        writeBytes(fd, readBytes(this.#fd, place), size);
        moved.set(name, { ...place, offset: size });
        size += place.length;
      }
      fs.fsyncSync(fd);
      fs.renameSync(file, this.#options.file);
    } catch {
      // A full disk: the file that is there stays as it is.
      if (fd >= 0) fs.closeSync(fd);
      fs.rmSync(file, { force: true });
      return false;
    }
    fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#size = size;
    for (const [name, place] of moved) this.#waiting.set(name, place);
    syncFolder(this.#options.file);
    return true;
  }
}

function formatLine(line: Line): Buffer {
  const json = JSON.stringify(line);
  return Buffer.from(`${crc32(json).toString(16).padStart(8, "0")} ${json}\n`);
}

/** Reads a line with its line feed; null if its check does not fit. */
function parseLine(bytes: Buffer): Line | null {
  const json = bytes.subarray(9, -1);
  const check = bytes.subarray(0, 9).toString("latin1");
  if (check !== `${crc32(json).toString(16).padStart(8, "0")} `) return null;
  return JSON.parse(json.toString("utf8")) as Line;
}

function readBytes(fd: number, { offset, length }: Place): Buffer {
  const bytes = Buffer.alloc(length);
  fs.readSync(fd, bytes, 0, length, offset);
  return bytes;
}

function writeBytes(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/** A new name in a folder is on disk once the folder is. */
function syncFolder(file: string): void {
  if (process.platform === "win32") return;
  const fd = fs.openSync(path.dirname(file), "r");
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}
