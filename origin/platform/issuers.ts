// Whose tokens does the origin take? Those of the keys that it replicates; each isolate asks the
// registry about them once a second, so that a key that is added or retired counts here as well.

import type { JSONWebKeySet } from "jose";
import { TokenVerifier } from "../../doors/tokens.ts";
import { keysInForce, readIssuers } from "../../state/issuers.ts";
import { limits } from "../limits.ts";
import type { OriginEnv } from "./env.ts";
import { openRegistry } from "./registry.ts";

/** The verifier of one isolate. */
export class IssuerBook {
  readonly #env: OriginEnv;
  readonly #deployed: string | null;
  #text: string | null = null;
  #verifier: TokenVerifier | null;
  #askedMs = -Infinity;

  /** @param deployed The JWK set of the deployment, as JSON; null if there is none. */
  constructor(deployed: string | null, env: OriginEnv) {
    this.#env = env;
    this.#deployed = deployed;
    this.#verifier = this.#open(null);
  }

  /** Gives the verifier of the keys in force; null if there are none. */
  async verifier(): Promise<TokenVerifier | null> {
    const nowMs = Date.now();
    const ageMs = nowMs - this.#askedMs;
    if (ageMs >= 0 && ageMs < limits.issuersHeldMs) return this.#verifier;
    const text = await openRegistry(this.#env).issuers();
    if (text !== this.#text) this.#verifier = this.#open(text);
    this.#text = text;
    this.#askedMs = nowMs;
    return this.#verifier;
  }

  #open(published: string | null): TokenVerifier | null {
    const issuers = published === null ? null : readIssuers(published);
    const deployed = this.#deployed === null ? null : readIssuers(this.#deployed);
    if (issuers === null && deployed === null) return null;
    const keys = keysInForce(deployed?.keys ?? [], issuers);
    return new TokenVerifier({ keys: keys as JSONWebKeySet["keys"] });
  }
}
