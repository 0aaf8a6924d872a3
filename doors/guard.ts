// Who may come through this door? Used by every door of both Workers that needs a token. A valid
// credential lets in; the registry, as far as it is known here, keeps out.

import type { JSONWebKeySet } from "jose";
import type { Problem } from "../http/problem.ts";
import {
  credentialRevoked,
  denialUnknown,
  deviceDisabled,
  forbidden,
  notConfigured,
  unauthorized,
  wrongSignature,
} from "./auth.ts";
import {
  mayAct,
  mayActSomewhere,
  type DeviceIdentity,
  type DeviceScope,
  type Identity,
  type OperatorIdentity,
  type Scope,
} from "./claims.ts";
import { decideGrace, type Outage } from "./grace.ts";
import { isSignature } from "./signed-request.ts";
import { TokenVerifier, type TokenVerdict } from "./tokens.ts";

export type Admission =
  | {
      readonly ok: true;
      readonly identity: Identity;
      /** Until when a credential that has expired is honoured, epoch milliseconds; else null. */
      readonly graceUntilMs: number | null;
    }
  | { readonly ok: false; readonly problem: Problem };

/** What the registry says against a device. */
export interface Denial {
  /** The highest generation of its credentials that is refused; 0: none is. */
  readonly revokedGeneration: number;
  readonly isDisabled: boolean;
}

/** What is known beyond the deployment's keys. */
export interface Registered {
  /** Checks tokens of all keys that are valid now, the deployment's among them; null: has none. */
  readonly verifier: () => TokenVerifier | null | Promise<TokenVerifier | null>;
  /** Finds what is said against a device; null: nothing. `unknown`: nobody may be let in. */
  readonly denialOf: (
    device: string,
  ) => Denial | null | "unknown" | Promise<Denial | null | "unknown">;
  /** The time that credentials are judged by, epoch milliseconds. */
  readonly nowMs: () => number;
  readonly outage: Outage | null;
  /** How long after its expiry a device's credential may be honoured during an outage. */
  readonly graceMs: number;
}

/** Opens a verifier for a JWK set as JSON; null if that is not one. */
export function openVerifier(issuerKeys: string): TokenVerifier | null {
  try {
    return new TokenVerifier(JSON.parse(issuerKeys) as JSONWebKeySet);
  } catch {
    return null;
  }
}

/** Checks credentials; without issuer keys (development only) it lets nobody in and says why. */
export class Guard {
  readonly #registered: Registered;
  readonly #onGrace: (untilMs: number) => void;

  constructor(registered: Registered, onGrace: (untilMs: number) => void = () => undefined) {
    this.#registered = registered;
    this.#onGrace = onGrace;
  }

  /** Makes the same guard, which tells `onGrace` when it honours a credential that has expired. */
  noting(onGrace: (untilMs: number) => void): Guard {
    return new Guard(this.#registered, onGrace);
  }

  /** Finds out who is asking. */
  async identify(request: Request): Promise<Admission> {
    const authorization = request.headers.get("authorization");
    if (isSignature(authorization))
      return { ok: false, problem: wrongSignature({ reason: "not-here" }) };
    const verifier = await this.#registered.verifier();
    if (verifier === null)
      return {
        ok: false,
        problem: notConfigured(["ISSUER_KEYS (the public keys that tokens are checked with)"]),
      };
    const nowMs = this.#registered.nowMs();
    return this.#judge(await verifier.verify(authorization, nowMs), nowMs);
  }

  /** Lets operators with `scope` in. */
  async requireScope(request: Request, scope: Scope): Promise<Admission> {
    const admission = await this.identify(request);
    if (!admission.ok || mayAct(admission.identity, scope)) return admission;
    const { identity } = admission;
    if (mayActSomewhere(identity, scope) && identity.sites !== undefined)
      return { ok: false, problem: forbidden("This is of all sites, and the token is for some") };
    return { ok: false, problem: lacking(scope) };
  }

  /** Lets operators with `scope` in, also those whose token is for some sites: the door looks at them. */
  async requireScopeSomewhere(
    request: Request,
    scope: Scope,
  ): Promise<
    Extract<Admission, { ok: false }> | { readonly ok: true; readonly identity: OperatorIdentity }
  > {
    const admission = await this.identify(request);
    if (!admission.ok) return admission;
    const { identity } = admission;
    if (mayActSomewhere(identity, scope)) return { ok: true, identity };
    return { ok: false, problem: lacking(scope) };
  }

  /** Lets the device itself in unless the registry denies it, and operators with `scope`. */
  async requireDevice(request: Request, device: string, scope: DeviceScope): Promise<Admission> {
    const admission = await this.identify(request);
    if (!admission.ok || mayAct(admission.identity, scope)) return admission;
    const { identity } = admission;
    if (identity.kind !== "device" || identity.device !== device)
      return {
        ok: false,
        problem: forbidden(
          `This token is not for device "${device}": use the device's own token, or an operator token with the scope "${scope}"`,
        ),
      };
    const problem = identity.scopes.has(scope)
      ? await this.denialOf(identity)
      : forbidden(
          `This token of device "${device}" lacks the scope "${scope}": ask the origin for one that has it`,
        );
    return problem === null ? admission : { ok: false, problem };
  }

  /** Says why the registry keeps a device out; null if it does not. */
  async denialOf({
    device,
    generation,
  }: Pick<DeviceIdentity, "device" | "generation">): Promise<Problem | null> {
    const denial = await this.#registered.denialOf(device);
    if (denial === "unknown") return denialUnknown(device);
    if (denial === null) return null;
    if (generation <= denial.revokedGeneration) return credentialRevoked(device);
    return denial.isDisabled ? deviceDisabled(device) : null;
  }

  #judge(verdict: TokenVerdict, nowMs: number): Admission {
    if (verdict.ok) return { ok: true, identity: verdict.identity, graceUntilMs: null };
    if (verdict.reason !== "expired") return { ok: false, problem: unauthorized(verdict) };
    const { identity, expiresMs } = verdict;
    const { outage, graceMs } = this.#registered;
    const grace = decideGrace(expiresMs, nowMs, outage, graceMs);
    // An operator's token opens more than one device's data: its time is kept.
    if (grace.kind === "refused" || identity.kind !== "device")
      return { ok: false, problem: unauthorized(verdict) };
    this.#onGrace(grace.untilMs);
    return { ok: true, identity, graceUntilMs: grace.untilMs };
  }
}

function lacking(scope: Scope): Problem {
  return forbidden(`This needs an operator token with the scope "${scope}"`);
}
