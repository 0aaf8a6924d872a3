// GET, PATCH /v1/devices/{device}/shadow at the origin: where what is desired of a device is written,
// under the version that its writer has seen.

import { Hono } from "hono";
import { readJsonBody } from "../../doors/json-body.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { shadowTooLarge } from "../../doors/shadow-too-large.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import { readShadowPatch, SHADOW_TYPES, shadowView } from "../../state/shadow-view.ts";
import { SHADOW_BYTES_MAX, SHADOW_FIELDS_MAX } from "../../state/shadow.ts";
import type { HeldShadow, ShadowWrite } from "../../state/shadow-book.ts";
import type { DeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { openRegistry } from "../platform/registry.ts";
import { notRegistered, readDeviceName } from "./device-problems.ts";

/** Makes the routes, to be mounted at /v1/devices. */
export function shadowRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/shadow", async (c) => {
    const device = readDeviceName(c.req.param("device"));
    if (!device.ok) return problemResponse(device.error);
    const admission = await parts.guard.requireDevice(c.req.raw, device.value, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const found = await openRegistry(parts.env).shadow(device.value);
    if (found === null) return problemResponse(notRegistered(device.value));
    return answer(device.value, found as unknown as HeldShadow);
  });
  app.patch("/:device/shadow", async (c) => {
    const admission = await parts.guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const device = readDeviceName(c.req.param("device"));
    if (!device.ok) return problemResponse(device.error);
    const body = await readJsonBody(c.req.raw, limits.shadowBodyBytesMax, SHADOW_TYPES);
    if (!body.ok) return problemResponse(body.problem);
    const read = readShadowPatch(body.value);
    if (!read.ok) return problemResponse(malformed(read.error));
    if (read.value.side === "reported") return problemResponse(REPORTED_AT_EDGE);
    const ifMatch = c.req.header("if-match");
    if (ifMatch === undefined) return problemResponse(MATCH_REQUIRED);
    const registry = openRegistry(parts.env);
    const written = await registry.desire(device.value, read.value.patch, ifMatch);
    if (written === null) return problemResponse(notRegistered(device.value));
    return settle(device.value, written as unknown as ShadowWrite);
  });
  app.all("/:device/shadow", onlyMethods("GET", "PATCH"));
  return app;
}

function settle(device: DeviceId, written: ShadowWrite): Response {
  switch (written.kind) {
    case "written":
      return answer(device, written.shadow);
    case "outdated":
      return problemResponse(outdated(written.version));
    case "too-large":
      return problemResponse(shadowTooLarge("desired", `${SHADOW_BYTES_MAX} bytes`, written.bytes));
    case "too-many-fields":
      return problemResponse(
        shadowTooLarge("desired", `${SHADOW_FIELDS_MAX} fields`, written.fields),
      );
    case "full":
      return problemResponse(FULL);
  }
}

function answer(device: DeviceId, shadow: HeldShadow): Response {
  const response = jsonResponse({ device, view: "merged", ...shadowView(shadow, isoTime) });
  response.headers.set("etag", `"${shadow.version}"`);
  return response;
}

function outdated(version: number): Problem {
  return {
    code: "shadow-outdated",
    status: 412,
    title: "Precondition failed",
    detail: `What is desired is at version ${version}, not at the one that If-Match names: GET it, make the change again and send it with If-Match: "${version}"`,
    errors: [{ code: "if-match", message: `the current version is ${version}` }],
    headers: { etag: `"${version}"` },
  };
}

const MATCH_REQUIRED: Problem = {
  code: "if-match-required",
  status: 428,
  title: "Precondition required",
  detail:
    "Send If-Match with the ETag of the shadow that the change was made for, so that nobody's change is lost, or If-Match: * to write whatever it is",
  errors: [{ code: "if-match", message: "the field is missing" }],
};

const REPORTED_AT_EDGE: Problem = {
  code: "reported-at-edge",
  status: 400,
  title: "Not here",
  detail: "What a device reports is written at an edge, with the device's own token",
  errors: [{ pointer: "/reported", code: "reported-at-edge", message: "send it to an edge" }],
};

const FULL: Problem = {
  code: "shadows-full",
  status: 507,
  title: "No room for another field",
  detail:
    "Nothing is written: the registry holds as many fields of shadows as it may; fields that are there can still be changed",
};
