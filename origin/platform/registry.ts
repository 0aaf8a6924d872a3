// Where is the registry, and how is a text that it publishes hashed?

import type { HashedText } from "../fleet/published.ts";
import type { Registry } from "../objects/registry.ts";
import type { OriginEnv } from "./env.ts";

/** Opens the one registry. */
export function openRegistry(env: OriginEnv): DurableObjectStub<Registry> {
  return env.REGISTRY.get(env.REGISTRY.idFromName("registry"));
}

/** Adds the SHA-256 of a text. */
export async function hashText(content: string): Promise<HashedText> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return { content, hash: hash.join("") };
}
