// Which stream of a device does a SenML name (RFC 8428 §4.5.1) stand for? Such names are unique in
// the world; the device is known here, so what names it is taken off.

import type { StreamName } from "../../sync/brand.ts";
import { MAPPING_RULE, mapStreamName } from "./stream-mapping.ts";

const URN = "urn:";
const DEVICE_URN = "urn:dev:";
/** A device's URN alone (RFC 9039 §3.2): its kind and its id, and no component. */
const WHOLE_DEVICE = /^urn:dev:[a-z]+:[^:/_]+$/;
/** What a device measures that names itself and not that: RFC 8428 §5.1.1. */
const UNNAMED = "value";

export const SENML_NAME: string = `A name is the device's name or one URN, a ":" or "/", and what is measured; of that ${MAPPING_RULE}`;

/** Finds the stream of each name of one pack, which is about one device. */
export class SenmlNames {
  readonly #device: string;
  readonly #known = new Map<string, StreamName | null>();
  /** The URN that the pack's names begin with; a pack of several would mix their devices. */
  #urn: string | null = null;

  constructor(device: string) {
    this.#device = device;
  }

  /** Maps a whole name; null if no stream comes out. */
  streamOf(name: string): StreamName | null {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const stream = this.#map(name);
    this.#known.set(name, stream);
    return stream;
  }

  #map(name: string): StreamName | null {
    const prefix = name.slice(0, this.#device.length + 1);
    if (prefix === `${this.#device}:` || prefix === `${this.#device}/`)
      return mapStreamName(name.slice(prefix.length));
    if (name.slice(0, URN.length).toLowerCase() === URN) return this.#mapUrn(name);
    // Another device's name may stand before it.
    return /[:/]/.test(name) ? null : mapStreamName(name);
  }

  /** The last part; behind the first `_` of it if the URN is a device's (RFC 9039 §3.2). */
  #mapUrn(name: string): StreamName | null {
    if (WHOLE_DEVICE.test(name)) return this.#ofUrn(name, UNNAMED);
    let end = Math.max(name.lastIndexOf(":"), name.lastIndexOf("/"));
    const component = name.indexOf("_", end);
    if (name.startsWith(DEVICE_URN) && component !== -1) end = component;
    return this.#ofUrn(name.slice(0, end), name.slice(end + 1));
  }

  #ofUrn(urn: string, what: string): StreamName | null {
    const stream = mapStreamName(what);
    if (stream === null || (this.#urn !== null && urn !== this.#urn)) return null;
    this.#urn = urn;
    return stream;
  }
}
