// Which key does a small device sign with? One that follows from the deployment's root key, the
// device's name and a version (HKDF with SHA-256, RFC 5869), so that an edge keeps no table of keys
// and the origin can tell the same one again. The version is the generation that revocation counts.

import { decodeBase64Url } from "./base64url.ts";

/** Keys that an isolate has at hand; deriving one costs some ten microseconds. */
const DERIVED_KEYS_MAX = 10_000;

const encoder = new TextEncoder();

/** The keys of a deployment's devices. */
export class DeviceKeys {
  readonly #root: Promise<CryptoKey>;
  /** Least recently used first. */
  readonly #derived = new Map<string, Promise<CryptoKey>>();

  private constructor(root: Promise<CryptoKey>) {
    this.#root = root;
  }

  /** Opens the root key, base64url of at least 32 bytes; null if it is not that. */
  static open(rootKey: string): DeviceKeys | null {
    const raw = decodeBase64Url(rootKey);
    if (raw === null || raw.length < 32) return null;
    return new DeviceKeys(crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveBits"]));
  }

  /** Derives the 32 bytes of a device's key. */
  async bytesOf(device: string, version: number): Promise<Uint8Array<ArrayBuffer>> {
    const info = encoder.encode(`skerry device key 1\n${device}\n${version}`);
    const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
    return new Uint8Array(await crypto.subtle.deriveBits(how, await this.#root, 256));
  }

  /** Finds the key that checks a device's MACs. */
  macKeyOf(device: string, version: number): Promise<CryptoKey> {
    const name = `${device}\n${version}`;
    const key = this.#derived.get(name) ?? this.#derive(device, version);
    this.#derived.delete(name);
    const oldest = this.#derived.keys().next();
    if (this.#derived.size >= DERIVED_KEYS_MAX && oldest.done !== true)
      this.#derived.delete(oldest.value);
    this.#derived.set(name, key);
    return key;
  }

  async #derive(device: string, version: number): Promise<CryptoKey> {
    const bytes = await this.bytesOf(device, version);
    const how = { name: "HMAC", hash: "SHA-256" };
    return crypto.subtle.importKey("raw", bytes, how, false, ["sign", "verify"]);
  }
}
