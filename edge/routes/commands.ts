// /v1/devices/{device}/commands: what a device is to do. Whoever may gives commands, here or at the
// origin; the device fetches them and says what became of them.

import { Hono, type Context } from "hono";
import { readJsonBody } from "../../doors/json-body.ts";
import { onlyMethods } from "../../doors/methods.ts";
import { isoTime, jsonResponse, problemResponse } from "../../doors/respond.ts";
import { malformed, type Problem } from "../../http/problem.ts";
import {
  COMMANDS_PER_DEVICE_MAX,
  OPEN_PER_DEVICE_MAX,
  type Answering,
  type Queueing,
} from "../../state/command-book.ts";
import { commandView, readAnswer, readCommand } from "../../state/command-view.ts";
import type { HeldCommand } from "../../state/command.ts";
import { parseDeviceId, type DeviceId } from "../../sync/brand.ts";
import type { ApiEnv, ApiParts } from "../app.ts";
import { limits } from "../limits.ts";
import { openCell, type Here } from "../platform/regions.ts";
import { parseTime } from "../telemetry/time.ts";
import { NO_SUCH_NAME } from "./device-problems.ts";
import { locate } from "./locate.ts";

type Handler = (c: Context<ApiEnv>, device: DeviceId, here: Here) => Promise<Response>;

export function commandRoutes(parts: ApiParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const on = (handle: Handler) => async (c: Context<ApiEnv>) => {
    const device = parseDeviceId(c.req.param("device") ?? "");
    if (device === null) return problemResponse(NO_SUCH_NAME);
    const here = await locate(c, parts);
    Object.assign(c.env.scope.fields, { door: "commands", device, region: here.region });
    return handle(c, device, here);
  };
  app.get(
    "/:device/commands",
    on((c, device, here) => fetchCommands(c, device, here, parts)),
  );
  app.post(
    "/:device/commands",
    on((c, device, here) => queue(c, device, here, parts)),
  );
  app.all("/:device/commands", onlyMethods("GET", "POST"));
  app.post(
    "/:device/commands/:id",
    on((c, device, here) => answer(c, device, here, parts)),
  );
  app.all("/:device/commands/:id", onlyMethods("POST"));
  return app;
}

/** A device gets what it is to do; an operator sees everything, and takes nothing. */
async function fetchCommands(
  c: Context<ApiEnv>,
  device: DeviceId,
  { region, config, guard }: Here,
  { env }: ApiParts,
): Promise<Response> {
  const admission = await guard.requireDevice(c.req.raw, device, "read");
  if (!admission.ok) return problemResponse(admission.problem);
  const wait = c.req.query("wait") ?? "0";
  const waitMs = /^\d{1,2}$/.test(wait) ? Number(wait) * 1000 : Infinity;
  if (waitMs > limits.commandWaitMsMax) return problemResponse(BAD_WAIT);
  const cell = openCell(env, config, region);
  const isDevice = admission.identity.kind === "device";
  const held = await (isDevice ? cell.fetchCommands(device, waitMs) : cell.commandsOf(device));
  const commands = (held as HeldCommand[]).map((command) => commandView(command, isoTime));
  return jsonResponse({ device, region, commands });
}

async function queue(
  c: Context<ApiEnv>,
  device: DeviceId,
  { region, config, guard }: Here,
  { env }: ApiParts,
): Promise<Response> {
  const admission = await guard.requireScope(c.req.raw, "admin");
  if (!admission.ok) return problemResponse(admission.problem);
  const body = await readJsonBody(c.req.raw, limits.commandBodyBytesMax, JSON_TYPES);
  if (!body.ok) return problemResponse(body.problem);
  const read = readCommand(body.value, Date.now(), crypto.randomUUID(), parseTime);
  if (!read.ok) return problemResponse(malformed(read.error));
  const { given, expiresMs } = read.value;
  const cell = openCell(env, config, region);
  const queued = (await cell.queueCommand(device, given, expiresMs)) as Queueing;
  switch (queued.kind) {
    case "queued":
      return jsonResponse(
        { device, region, ...commandView(queued.command, isoTime) },
        queued.isNew ? 201 : 200,
      );
    case "taken":
      return problemResponse(taken(given.id));
    case "device-full":
      return problemResponse(deviceFull(device));
    case "full":
      return problemResponse(FULL);
  }
}

async function answer(
  c: Context<ApiEnv>,
  device: DeviceId,
  { region, config, guard }: Here,
  { env }: ApiParts,
): Promise<Response> {
  const admission = await guard.requireDevice(c.req.raw, device, "ingest");
  if (!admission.ok) return problemResponse(admission.problem);
  const body = await readJsonBody(c.req.raw, limits.commandBodyBytesMax, JSON_TYPES);
  if (!body.ok) return problemResponse(body.problem);
  const read = readAnswer(body.value);
  if (!read.ok) return problemResponse(malformed(read.error));
  const id = c.req.param("id") ?? "";
  const cell = openCell(env, config, region);
  const answered = (await cell.answerCommand(device, id, read.value)) as Answering;
  switch (answered.kind) {
    case "answered":
      return jsonResponse({ device, region, ...commandView(answered.command, isoTime) });
    case "unknown":
      return problemResponse(unknown(device, id, region));
    case "expired":
      return problemResponse(over("command-expired", "its time is over: do not begin it"));
    case "over":
      return problemResponse(over("command-over", `it was said to be ${answered.state} before`));
    case "full":
      return problemResponse(FULL);
  }
}

const JSON_TYPES = ["application/json"];

const BAD_WAIT: Problem = {
  code: "wait",
  status: 400,
  title: "Bad request",
  detail: `wait is whole seconds from 0 to ${limits.commandWaitMsMax / 1000}; leave it out for 0`,
};

function taken(id: string): Problem {
  return {
    code: "command-taken",
    status: 409,
    title: "Another command has this id",
    detail: `"${id}" is the id of another command of this device: an id names one command; draw a new one`,
    errors: [{ pointer: "/id", code: "command-taken", message: "the id is taken" }],
  };
}

function deviceFull(device: DeviceId): Problem {
  return {
    code: "commands-full",
    status: 409,
    title: "The device has enough to do",
    detail: `Device "${device}" has ${OPEN_PER_DEVICE_MAX} commands that are not over, as many as it may, of ${COMMANDS_PER_DEVICE_MAX} in all: wait until it has done some, or until they expire`,
  };
}

function unknown(device: DeviceId, id: string, region: string): Problem {
  return {
    code: "command-unknown",
    status: 404,
    title: "There is no such command",
    detail: `Region "${region}" knows no command "${id.slice(0, 64)}" of device "${device}"; one that is over is dropped after a while`,
  };
}

function over(code: string, why: string): Problem {
  const detail = `This cannot be said of the command any more: ${why}`;
  return { code, status: 409, title: "The command is over", detail };
}

const FULL: Problem = {
  code: "commands-full",
  status: 507,
  title: "No room for another command",
  detail: "This region holds as much of commands as it may, until some have been over for a day",
  headers: { "retry-after": String(limits.originAwayRetryAfterS) },
};
