// By what is a body known? By its SHA-256, base64url.

import { encodeBase64Url } from "../../doors/base64url.ts";

/** Computes the digest of a body. */
export async function digestOf(body: Uint8Array): Promise<string> {
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
}
