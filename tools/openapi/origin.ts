// What does the origin answer, door by door? docs/http-api.md says why.

import { credentialSchema } from "../../origin/routes/device-credentials.ts";
import { changeSchema, registerSchema } from "../../origin/routes/devices.ts";
import { keySchema } from "../../origin/routes/keys.ts";
import { publishedSchema } from "../../state/config.ts";
import { ruleSchema } from "../../state/rule.ts";
import { ALERTS } from "./edge.ts";
import { PAGE, type Operation, type Operations } from "./operation.ts";
import * as s from "./schemas.ts";

const READ = { tokens: ["operator"], scope: "read" } as const;
const ADMIN = { tokens: ["operator"], scope: "admin" } as const;
const PUBLISH = { tokens: ["operator"], scope: "publish" } as const;
const DEVICE_READ = { tokens: ["device", "operator"], scope: "read" } as const;
const SEALED = { tokens: ["link"], body: ["application/octet-stream"] } as const;
const CURSOR = PAGE.filter(({ name }) => name === "cursor");

const sync = (summary: string, problems: readonly number[] = [400, 413]): Operation => ({
  summary,
  ...SEALED,
  answers: { 200: "application/octet-stream" },
  problems,
});
const object = { answers: { 200: "*/*" as const, 304: null }, problems: [400, 404, 416] };
const content = { tokens: ["operator", "link"], scope: "read, publish" } as const;

export const ORIGIN_OPERATIONS: Operations = {
  "POST /v1/devices": {
    summary: "Register a device",
    ...ADMIN,
    body: [registerSchema],
    answers: { 200: s.registered, 201: s.registered },
    problems: [400, 409, 413, 415],
  },
  "GET /v1/devices": {
    summary: "Registered devices",
    ...READ,
    query: PAGE,
    answers: { 200: s.devices },
    problems: [400],
  },
  "GET /v1/devices/{device}": {
    summary: "Totals of a device over all regions, and their lag",
    ...DEVICE_READ,
    answers: { 200: s.totals },
    problems: [400, 404],
  },
  "PATCH /v1/devices/{device}": {
    summary: "Disable a device, name it, or group it",
    ...ADMIN,
    body: [changeSchema],
    answers: { 200: s.registered },
    problems: [400, 404, 409, 413, 415],
  },
  "DELETE /v1/devices/{device}": {
    summary: "Decommission a device",
    ...ADMIN,
    answers: { 204: null },
    problems: [400, 404],
  },
  "POST /v1/devices/{device}/credentials": {
    summary: "Issue a token",
    ...ADMIN,
    body: [credentialSchema],
    isBodyOptional: true,
    answers: { 201: s.credential },
    problems: [400, 404, 413, 415, 503],
  },
  "POST /v1/devices/{device}/rotate": {
    summary: "Refuse every token so far, and issue another",
    ...ADMIN,
    body: [credentialSchema],
    isBodyOptional: true,
    answers: { 201: s.credential },
    problems: [400, 404, 409, 413, 415, 503],
  },
  "POST /v1/devices/{device}/key": {
    summary: "Issue a key for signed requests",
    ...ADMIN,
    answers: { 201: s.deviceKey },
    problems: [400, 404, 503],
  },
  "GET /v1/devices/{device}/gaps": {
    summary: "What regions accepted and will not tell",
    ...DEVICE_READ,
    answers: { 200: s.gaps },
    problems: [400],
  },
  "GET /v1/devices/{device}/thinned": {
    summary: "The minutes of thinned readings",
    ...DEVICE_READ,
    query: [
      { name: "stream", says: "Only this stream" },
      { name: "from", says: "First event time" },
      { name: "to", says: "Before this event time" },
      ...PAGE,
    ],
    answers: { 200: s.thinned },
    problems: [400],
  },
  "GET /v1/devices/{device}/shadow": {
    summary: "The shadow of a device",
    ...DEVICE_READ,
    answers: { 200: s.shadow, 304: null },
    problems: [400, 404],
  },
  "PATCH /v1/devices/{device}/shadow": {
    summary: "Change what is desired",
    ...ADMIN,
    fields: ["if-match"],
    body: [s.shadowPatch],
    answers: { 200: s.shadow },
    problems: [400, 404, 409, 412, 413, 415, 422, 428, 507],
  },
  "GET /v1/devices/{device}/commands": {
    summary: "Commands of a device, with their states",
    ...DEVICE_READ,
    answers: { 200: s.commands },
    problems: [400, 404],
  },
  "POST /v1/devices/{device}/commands": {
    summary: "Give a device a command",
    ...ADMIN,
    body: [s.givenCommand],
    answers: { 200: s.command, 201: s.command },
    problems: [400, 404, 409, 413, 415, 507],
  },
  "GET /v1/keys": {
    summary: "The issuers' public keys",
    ...READ,
    answers: { 200: s.keys },
    problems: [],
  },
  "POST /v1/keys": {
    summary: "Make the next key known",
    ...ADMIN,
    body: [keySchema],
    answers: { 200: s.keys, 201: s.keys },
    problems: [400, 409, 413, 415],
  },
  "DELETE /v1/keys/{kid}": {
    summary: "Retire a key",
    ...ADMIN,
    answers: { 200: s.keys },
    problems: [404, 409],
  },
  "GET /v1/config": {
    summary: "The configuration",
    ...READ,
    answers: { 200: s.config, 304: null },
    problems: [],
  },
  "PUT /v1/config": {
    summary: "Publish the configuration",
    ...ADMIN,
    fields: ["if-match"],
    body: [publishedSchema],
    answers: { 200: s.configWritten },
    problems: [400, 409, 412, 413, 415],
  },
  "GET /v1/rules": { summary: "All rules", ...READ, answers: { 200: s.rules }, problems: [] },
  "GET /v1/rules/{name}": {
    summary: "A rule",
    ...READ,
    answers: { 200: s.rule },
    problems: [404],
  },
  "PUT /v1/rules/{name}": {
    summary: "Publish a rule",
    ...ADMIN,
    body: [ruleSchema("strict")],
    answers: { 200: s.rule, 201: s.rule },
    problems: [400, 409, 413, 415],
  },
  "DELETE /v1/rules/{name}": {
    summary: "Take a rule away",
    ...ADMIN,
    answers: { 204: null },
    problems: [404, 409],
  },
  "GET /v1/alerts": {
    summary: "Alerts of all regions",
    ...READ,
    query: ALERTS,
    answers: { 200: s.alerts },
    problems: [400],
  },
  "POST /v1/alerts/{id}/ack": {
    summary: "Acknowledge an alert",
    ...ADMIN,
    answers: { 200: s.alert },
    problems: [404, 409],
  },
  "GET /v1/poison": {
    summary: "Entries that are set aside",
    ...ADMIN,
    query: CURSOR,
    answers: { 200: s.poison },
    problems: [404],
  },
  "GET /v1/poison/{id}": {
    summary: "The bytes of an entry",
    ...ADMIN,
    answers: { 200: "application/octet-stream" },
    problems: [404],
  },
  "DELETE /v1/poison/{id}": {
    summary: "Give an entry up",
    ...ADMIN,
    answers: { 204: null },
    problems: [404],
  },
  "POST /v1/poison/{id}/replay": {
    summary: "Try to count an entry again",
    ...ADMIN,
    answers: { 200: s.replayed },
    problems: [404, 409],
  },
  "POST /v1/poison/replay": {
    summary: "Try to count 16 entries again",
    ...ADMIN,
    query: CURSOR,
    answers: { 200: s.replayedAll },
    problems: [404],
  },
  "PUT /v1/sites/{site}/content/{path}": {
    summary: "Publish an object",
    ...PUBLISH,
    fields: ["cache-control", "content-type"],
    body: ["*/*"],
    answers: { 200: s.published, 201: s.published },
    problems: [400, 413, 503],
  },
  "GET /v1/sites/{site}/content/{path}": { summary: "An object", ...content, ...object },
  "HEAD /v1/sites/{site}/content/{path}": {
    summary: "The fields of an object",
    ...content,
    ...object,
  },
  "DELETE /v1/sites/{site}/content/{path}": {
    summary: "Take an object away",
    ...PUBLISH,
    answers: { 204: null },
    problems: [400, 404, 503],
  },
  "GET /v1/purges": {
    summary: "Who purged what",
    tokens: ["operator"],
    scope: "purge",
    query: PAGE,
    answers: { 200: s.purges },
    problems: [400],
  },
  "POST /v1/sync/{range}": sync("One exchange of readings", [400, 413, 429]),
  "POST /v1/sync/region": sync("One exchange of what every region knows", [400, 413, 429]),
  "POST /v1/sync/gaps": sync("What a hub gave up"),
  "POST /v1/sync/thinned": sync("Minutes of what a hub thinned"),
  "POST /v1/sync/live": sync("The newest entries, ahead of those that wait"),
  "POST /v1/sync/purges": {
    ...sync("Which regions have a purge"),
    answers: { 200: s.applied },
  },
  "GET /livez": {
    summary: "The process answers",
    tokens: ["none"],
    answers: { 200: s.live },
    problems: [],
  },
  "GET /readyz": {
    summary: "It is configured, and its storage opens",
    tokens: ["none"],
    answers: { 200: s.ready, 503: s.notReady },
    problems: [],
  },
};
