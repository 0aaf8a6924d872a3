// Who may post a device's readings, and as what? With a token as everywhere, or with a signature over
// this very request, which names the batch as well.

import { forbidden, wrongSignature } from "../../doors/auth.ts";
import type { Identity } from "../../doors/claims.ts";
import type { DeviceKeys } from "../../doors/device-keys.ts";
import type { Guard } from "../../doors/guard.ts";
import { readRawBody } from "../../doors/read-body.ts";
import {
  contentDigestOf,
  isSignature,
  isSignedWith,
  readContentDigest,
  readSignature,
  type Signature,
  type SignatureRefusal,
} from "../../doors/signed-request.ts";
import type { Problem } from "../../http/problem.ts";
import { err, ok, type Result } from "../../sync/result.ts";
import type { BatchIdentity } from "../../sync/wire/batch.ts";
import { limits } from "../limits.ts";
import { ENDED_EARLY, TOO_LARGE } from "./ingest-body.ts";

/** A request that may post readings of its device. */
export interface AdmittedReadings {
  readonly identity: Identity;
  /** The request; the same, or one with the body that was checked. */
  readonly request: Request;
  /** What a signature names the batch; null: the request says it as it likes. */
  readonly named: Extract<BatchIdentity, { kind: "boot" }> | null;
}

/** Lets a device post its own readings, and operators with the scope `ingest`. */
export async function admitReadings(
  request: Request,
  device: string,
  guard: Guard,
  deviceKeys: DeviceKeys | null,
): Promise<Result<AdmittedReadings, Problem>> {
  const authorization = request.headers.get("authorization");
  if (isSignature(authorization))
    return admitSigned(request, authorization, device, guard, deviceKeys);
  const admission = await guard.requireDevice(request, device, "ingest");
  if (!admission.ok) return err(admission.problem);
  return ok({ identity: admission.identity, request, named: null });
}

async function admitSigned(
  request: Request,
  authorization: string,
  device: string,
  guard: Guard,
  deviceKeys: DeviceKeys | null,
): Promise<Result<AdmittedReadings, Problem>> {
  if (deviceKeys === null) return refuse("not-offered");
  const signature = readSignature(authorization);
  if (signature === null) return refuse("not-a-signature");
  if (signature.device !== device)
    return err(forbidden(`This signature is that of another device than "${device}"`));
  const digest = readContentDigest(request.headers.get("content-digest"));
  if (digest === null) return refuse("no-digest");
  const key = await deviceKeys.macKeyOf(device, signature.version);
  if (!(await isSignedWith(key, request, signature, digest))) return refuse("wrong-mac");
  const denied = await guard.denialOf({ device, generation: signature.version });
  if (denied !== null) return err(denied);
  const body = await readRawBody(request, limits.bodyBytesMax);
  if (body.kind === "too-large") return err(TOO_LARGE);
  if (body.kind === "aborted") return err(ENDED_EARLY);
  if ((await contentDigestOf(body.bytes)) !== digest) return refuse("wrong-digest");
  return ok(asSigned(request, body.bytes, signature));
}

/** What a good signature is good for: the device's own readings, under the name that it signed. */
function asSigned(
  request: Request,
  body: Uint8Array,
  { device, version, boot, seq }: Signature,
): AdmittedReadings {
  const scopes = new Set(["ingest"] as const);
  return {
    identity: { kind: "device", device, generation: version, scopes, prefixes: null, rate: null },
    request: new Request(request.url, { method: "POST", headers: request.headers, body }),
    named: { kind: "boot", boot, seq },
  };
}

function refuse(reason: SignatureRefusal["reason"]): Result<never, Problem> {
  return err(wrongSignature({ reason }));
}
