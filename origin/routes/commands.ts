// /v1/devices/{device}/commands at the origin: giving commands to devices wherever they are, and what
// became of them. The device fetches and answers at its edge.

import { Hono } from "hono";
import { readJsonBody } from "../../doors/json-body.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import { OPEN_PER_DEVICE_MAX, type Queueing } from "../../state/command-book.ts";
import { commandView, readCommand } from "../../state/command-view.ts";
import type { HeldCommand } from "../../state/command.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { openRegistry } from "../platform/registry.ts";
import { notRegistered, readDeviceName } from "./device-problems.ts";

/** Makes the routes, to be mounted at /v1/devices. */
export function commandRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/:device/commands", async (c) => {
    const device = readDeviceName(c.req.param("device"));
    if (!device.ok) return problemResponse(device.error);
    const admission = await parts.guard.requireDevice(c.req.raw, device.value, "read");
    if (!admission.ok) return problemResponse(admission.problem);
    const held = await openRegistry(parts.env).commandsOf(device.value);
    if (held === null) return problemResponse(notRegistered(device.value));
    const commands = (held as HeldCommand[]).map((command) => commandView(command, isoTime));
    return jsonResponse({ device: device.value, commands });
  });
  app.post("/:device/commands", async (c) => {
    const admission = await parts.guard.requireScope(c.req.raw, "admin");
    if (!admission.ok) return problemResponse(admission.problem);
    const device = readDeviceName(c.req.param("device"));
    if (!device.ok) return problemResponse(device.error);
    const body = await readJsonBody(c.req.raw, limits.commandBodyBytesMax, ["application/json"]);
    if (!body.ok) return problemResponse(body.problem);
    const read = readCommand(body.value, Date.now(), crypto.randomUUID(), parseTime);
    if (!read.ok) return problemResponse(malformed(read.error));
    const { given, expiresMs } = read.value;
    const registry = openRegistry(parts.env);
    const queued = await registry.queueCommand(device.value, given, expiresMs);
    if (queued === null) return problemResponse(notRegistered(device.value));
    return settle(device.value, given.id, queued as Queueing);
  });
  app.all("/:device/commands", onlyMethods("GET", "POST"));
  return app;
}

function settle(device: string, id: string, queued: Queueing): Response {
  switch (queued.kind) {
    case "queued":
      return jsonResponse(
        { device, ...commandView(queued.command, isoTime) },
        queued.isNew ? 201 : 200,
      );
    case "taken":
      return problemResponse({
        code: "command-taken",
        status: 409,
        title: "Another command has this id",
        detail: `"${id}" is the id of another command of this device: an id names one command; draw a new one`,
        errors: [{ pointer: "/id", code: "command-taken", message: "the id is taken" }],
      });
    case "device-full":
      return problemResponse({
        code: "commands-full",
        status: 409,
        title: "The device has enough to do",
        detail: `Device "${device}" has ${OPEN_PER_DEVICE_MAX} commands that are not over, as many as it may: wait until it has done some, or until they expire`,
      });
    case "full":
      return problemResponse(FULL);
  }
}

const FULL: Problem = {
  code: "commands-full",
  status: 507,
  title: "No room for another command",
  detail: "The registry holds as much of commands as it may, until some have been over for a day",
};

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

function parseTime(text: string): number | null {
  const ms = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
