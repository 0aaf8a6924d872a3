// Who may come through this door? Used by every door of both Workers that needs a token.

import type { JSONWebKeySet } from "jose";
import type { Problem } from "../http/problem.ts";
import { forbidden, notConfigured, unauthorized } from "./auth.ts";
import { mayAct, TokenVerifier, type Identity, type Scope } from "./tokens.ts";

export type Admission =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly problem: Problem };

/** Checks tokens; without issuer keys (development only) it lets nobody in and says why. */
export class Guard {
  readonly #verifier: TokenVerifier | null;

  /** @param issuerKeys A JWK set as JSON, already checked to be one, or null. */
  constructor(issuerKeys: string | null) {
    this.#verifier =
      issuerKeys === null ? null : new TokenVerifier(JSON.parse(issuerKeys) as JSONWebKeySet);
  }

  /** Finds out who is asking. */
  async identify(request: Request): Promise<Admission> {
    if (this.#verifier === null)
      return {
        ok: false,
        problem: notConfigured(["ISSUER_KEYS (the public keys that tokens are checked with)"]),
      };
    const verdict = await this.#verifier.verify(request.headers.get("authorization"), Date.now());
    return verdict.ok ? verdict : { ok: false, problem: unauthorized(verdict) };
  }

  /** Lets operators with `scope` in. */
  async requireScope(request: Request, scope: Scope): Promise<Admission> {
    const admission = await this.identify(request);
    if (!admission.ok || mayAct(admission.identity, scope)) return admission;
    return {
      ok: false,
      problem: forbidden(`This needs an operator token with the scope "${scope}"`),
    };
  }

  /** Lets the device itself in, and operators with `scope`. */
  async requireDevice(request: Request, device: string, scope: Scope): Promise<Admission> {
    const admission = await this.identify(request);
    if (!admission.ok || mayAct(admission.identity, scope)) return admission;
    if (admission.identity.kind === "device" && admission.identity.device === device)
      return admission;
    return {
      ok: false,
      problem: forbidden(
        `This token is not for device "${device}": use the device's own token, or an operator token with the scope "${scope}"`,
      ),
    };
  }
}
