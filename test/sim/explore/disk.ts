// What does a disk hold in the explorer? Everything that was written: what a crash may tear is the
// simulator's to draw.

import { SimDisk, type DiskImage } from "../disk.ts";

export class Disk extends SimDisk {
  /** Writes that are known here, by number: this replica's own, and those that it was told. */
  readonly known: Set<number>;

  constructor(image?: DiskImage, known: Iterable<number> = []) {
    super(image);
    this.known = new Set(known);
  }

  copy(): Disk {
    return new Disk(this.image(), this.known);
  }
}
