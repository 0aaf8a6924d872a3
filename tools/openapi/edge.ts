// What does the edge answer, door by door? docs/http-api.md says why.

import { purgeSchema } from "../../edge/routes/purge.ts";
import { readingsSchema } from "../../edge/routes/readings-schema.ts";
import { PAGE, type Content, type Operations, type QueryParameter } from "./operation.ts";
import * as s from "./schemas.ts";

const READINGS: readonly Content[] = [
  readingsSchema,
  "application/senml+json",
  "application/x-ndjson",
  "text/csv",
];
const SINCE: readonly QueryParameter[] = [
  { name: "from", says: "First event time: RFC 3339, or epoch milliseconds" },
  { name: "to", says: "Before this event time" },
];
const HISTORY: readonly QueryParameter[] = [
  { name: "stream", says: "Only these streams", isList: true },
  ...SINCE,
  { name: "resolution", says: "raw, 1m or 1h" },
  ...PAGE,
  { name: "format", says: "json or csv, whatever Accept says" },
  { name: "quarantined", says: "Tell what is quarantined, too" },
];
const WATCH: readonly QueryParameter[] = [
  { name: "device", says: "Only these devices", isList: true },
  { name: "stream", says: "Only these streams", isList: true },
  { name: "prefix", says: "Only streams that begin so" },
  { name: "events", says: "Which kinds of events, with commas between" },
];
const LINES: readonly QueryParameter[] = [
  { name: "precision", says: "Of the times: ns, us, ms or s" },
  { name: "device", says: "Of lines without the tag device" },
  { name: "p", says: "The token, as clients of InfluxDB send a password" },
];
export const ALERTS: readonly QueryParameter[] = [
  { name: "device", says: "Only alerts of this device" },
  { name: "rule", says: "Only alerts of this rule" },
  { name: "state", says: "firing, acknowledged or resolved" },
  ...PAGE,
];

const DEVICE_READ = { tokens: ["device", "operator"], scope: "read" } as const;
const DEVICE_INGEST = { tokens: ["device", "operator"], scope: "ingest" } as const;
const WRITE = {
  summary: "Take in line protocol",
  ...DEVICE_INGEST,
  query: LINES,
  body: ["text/plain"],
  answers: { 204: null },
  problems: [400, 409, 413, 415, 422, 429, 503],
} as const;

export const EDGE_OPERATIONS: Operations = {
  "POST /v1/devices/{device}/readings": {
    summary: "Take in readings of a device",
    ...DEVICE_INGEST,
    fields: ["idempotency-key", "prefer", "content-encoding"],
    body: READINGS,
    answers: { 200: s.accepted },
    problems: [400, 409, 413, 415, 422, 429, 503],
  },
  "GET /v1/devices/{device}/readings": {
    summary: "Read back readings, or their minutes or hours",
    ...DEVICE_READ,
    query: HISTORY,
    answers: { 200: s.history, 304: null },
    problems: [400, 404, 406, 429, 503],
  },
  "GET /v1/devices/{device}/latest": {
    summary: "The last value of each stream",
    ...DEVICE_READ,
    answers: { 200: s.latest },
    problems: [400, 404],
  },
  "GET /v1/devices/{device}": {
    summary: "The regional view of a device",
    ...DEVICE_READ,
    answers: { 200: s.regionalView },
    problems: [400, 404],
  },
  "GET /v1/devices/{device}/gaps": {
    summary: "What was accepted and will not reach the origin",
    ...DEVICE_READ,
    answers: { 200: s.gaps },
    problems: [400],
  },
  "GET /v1/devices/{device}/stream": {
    summary: "Readings over a WebSocket, skerry.ingest.1",
    ...DEVICE_INGEST,
    answers: { 101: null },
    problems: [400, 426, 503],
  },
  "GET /v1/devices/{device}/shadow": {
    summary: "The shadow of a device",
    ...DEVICE_READ,
    answers: { 200: s.shadow, 304: null },
    problems: [400, 404],
  },
  "PATCH /v1/devices/{device}/shadow": {
    summary: "Change what is desired, or reported",
    tokens: ["device", "operator"],
    scope: "ingest, admin",
    fields: ["if-match"],
    body: [s.shadowPatch],
    answers: { 200: s.shadow },
    problems: [400, 404, 409, 412, 413, 415, 422, 428, 503, 507],
  },
  "GET /v1/devices/{device}/commands": {
    summary: "What a device is to do",
    ...DEVICE_READ,
    query: [{ name: "wait", says: "Seconds to wait for something to do", type: "integer" }],
    answers: { 200: s.commands },
    problems: [400, 404],
  },
  "POST /v1/devices/{device}/commands": {
    summary: "Give a device a command",
    tokens: ["operator"],
    scope: "admin",
    body: [s.givenCommand],
    answers: { 200: s.command, 201: s.command },
    problems: [400, 404, 409, 413, 415, 507],
  },
  "POST /v1/devices/{device}/commands/{id}": {
    summary: "Say what became of a command",
    ...DEVICE_INGEST,
    body: [s.commandAnswer],
    answers: { 200: s.command },
    problems: [400, 404, 409, 413, 415, 507],
  },
  "POST /v1/batches": {
    summary: "Take in batches of many devices",
    ...DEVICE_INGEST,
    fields: ["prefer", "content-encoding"],
    body: [s.batches],
    answers: { 200: s.batchResults },
    problems: [400, 409, 413, 415, 422, 429, 503],
  },
  "POST /write": WRITE,
  "POST /api/v2/write": WRITE,
  "GET /ping": { summary: "Is it there?", tokens: ["none"], answers: { 204: null }, problems: [] },
  "GET /health": {
    summary: "Is it well?",
    tokens: ["none"],
    answers: { 200: s.health },
    problems: [],
  },
  "GET /v1/alerts": {
    summary: "What rules have raised",
    tokens: ["operator"],
    scope: "read",
    query: ALERTS,
    answers: { 200: s.alerts },
    problems: [400],
  },
  "POST /v1/alerts/{id}/ack": {
    summary: "Acknowledge an alert",
    tokens: ["operator"],
    scope: "admin",
    answers: { 200: s.alert },
    problems: [404, 409],
  },
  "GET /v1/live": {
    summary: "What is committed, as it comes: server-sent events, or a WebSocket",
    tokens: ["operator"],
    scope: "read",
    query: WATCH,
    fields: ["last-event-id"],
    answers: { 101: null, 200: "text/event-stream" },
    problems: [400, 503],
  },
  "GET /v1/time": {
    summary: "The time, for a device without a clock",
    tokens: ["none"],
    answers: { 200: s.time },
    problems: [],
  },
  "GET /v1/place": {
    summary: "Which region serves a request, and why",
    tokens: ["none"],
    answers: { 200: s.place },
    problems: [],
  },
  "POST /v1/purge": {
    summary: "Purge what is stored",
    tokens: ["operator"],
    scope: "purge",
    body: [purgeSchema],
    answers: { 200: s.purged, 202: s.purged },
    problems: [400, 413, 415, 429, 503],
  },
  "GET /v1/purges": {
    summary: "Who purged what",
    tokens: ["operator"],
    scope: "purge",
    query: PAGE,
    answers: { 200: s.purges },
    problems: [400],
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
