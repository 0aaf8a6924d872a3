// Who may come through this door? Used by every door of both Workers that needs a token. A valid
// token lets in; the registry, as far as it is known here, keeps out.

import type { JSONWebKeySet } from "jose";
import type { Problem } from "../http/problem.ts";
import { forbidden, notConfigured, unauthorized } from "./auth.ts";
import {
  mayAct,
  TokenVerifier,
  type DeviceIdentity,
  type Identity,
  type Scope,
  type TokenVerdict,
} from "./tokens.ts";

export type Admission =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly problem: Problem };

/** What the registry says against a device. */
export interface Denial {
  /** The highest generation of its tokens that is refused; 0: none is. */
  readonly revokedGeneration: number;
  readonly isDisabled: boolean;
}

/** What is known beyond the tokens and the deployment's keys. */
export interface Registered {
  /** Checks tokens of keys that were published after the deployment; null if none were. */
  readonly verifier: TokenVerifier | null;
  /** Finds what is said against a device; null: nothing. */
  denialOf(device: string): Denial | null | Promise<Denial | null>;
}

/** Opens a verifier for a JWK set as JSON; null if that is not one. */
export function openVerifier(issuerKeys: string): TokenVerifier | null {
  try {
    return new TokenVerifier(JSON.parse(issuerKeys) as JSONWebKeySet);
  } catch {
    return null;
  }
}

/** Checks tokens; without issuer keys (development only) it lets nobody in and says why. */
export class Guard {
  readonly #deployed: TokenVerifier | null;
  readonly #registered: Registered | null;

  /** @param issuerKeys A JWK set as JSON, already checked to be one, or null. */
  constructor(issuerKeys: string | null);
  constructor(deployed: TokenVerifier | null, registered: Registered);
  constructor(deployed: TokenVerifier | string | null, registered: Registered | null = null) {
    this.#deployed =
      typeof deployed === "string"
        ? new TokenVerifier(JSON.parse(deployed) as JSONWebKeySet)
        : deployed;
    this.#registered = registered;
  }

  /** Makes the guard that knows `registered` too; what this one has verified, both remember. */
  with(registered: Registered): Guard {
    return new Guard(this.#deployed, registered);
  }

  /** Finds out who is asking. */
  async identify(request: Request): Promise<Admission> {
    const verdict = await this.#verify(request.headers.get("authorization"), Date.now());
    if (verdict === null)
      return {
        ok: false,
        problem: notConfigured(["ISSUER_KEYS (the public keys that tokens are checked with)"]),
      };
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

  /** Lets the device itself in unless the registry denies it, and operators with `scope`. */
  async requireDevice(request: Request, device: string, scope: Scope): Promise<Admission> {
    const admission = await this.identify(request);
    if (!admission.ok || mayAct(admission.identity, scope)) return admission;
    const { identity } = admission;
    if (identity.kind === "device" && identity.device === device) {
      const problem = await this.#denialOf(identity);
      return problem === null ? admission : { ok: false, problem };
    }
    return {
      ok: false,
      problem: forbidden(
        `This token is not for device "${device}": use the device's own token, or an operator token with the scope "${scope}"`,
      ),
    };
  }

  /** Asks the deployment's keys, then those published since; null if there are none at all. */
  async #verify(authorization: string | null, nowMs: number): Promise<TokenVerdict | null> {
    const published = this.#registered?.verifier ?? null;
    const verdict = (await this.#deployed?.verify(authorization, nowMs)) ?? null;
    const isForeign = verdict === null || (!verdict.ok && verdict.reason === "wrong-key");
    return isForeign && published !== null ? published.verify(authorization, nowMs) : verdict;
  }

  async #denialOf({ device, generation }: DeviceIdentity): Promise<Problem | null> {
    const denial = (await this.#registered?.denialOf(device)) ?? null;
    if (denial === null) return null;
    if (generation <= denial.revokedGeneration) return tokenRevoked(device);
    return denial.isDisabled ? deviceDisabled(device) : null;
  }
}

/** Says 401 to a device whose credential was replaced or withdrawn. */
function tokenRevoked(device: string): Problem {
  return {
    code: "token-revoked",
    status: 401,
    title: "Not authenticated",
    detail: `This token of device "${device}" has been revoked: give the device the one that was made at the origin since, or make one with POST /v1/devices/${device}/credentials there`,
    headers: { "www-authenticate": 'Bearer realm="skerry", error="invalid_token"' },
  };
}

/** Says 403 to a device that was switched off. */
function deviceDisabled(device: string): Problem {
  return {
    code: "device-disabled",
    status: 403,
    title: "Not allowed",
    detail: `Device "${device}" is disabled: keep the readings, and send them once it has been enabled at the origin`,
  };
}
