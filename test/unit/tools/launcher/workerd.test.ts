// What is in a region's configuration file, and what must not be?

import assert from "node:assert/strict";
import { test } from "node:test";
import { workerdConfig } from "../../../../tools/launcher/workerd.ts";

const SPEC = {
  dir: "/state/hel",
  name: "edge",
  bundle: "/state/bundles/edge.js",
  compatibilityDate: "2026-10-01",
  host: "127.0.0.1",
  port: 8787,
  text: { PLACE: '{"country":"FI"}' },
  secrets: { LINK_KEY: "very-secret" },
  objects: [{ name: "DEVICE_HUB", className: "DeviceHub" }],
};

test("secrets are named in the configuration, never written", () => {
  const config = workerdConfig(SPEC);
  assert.doesNotMatch(config, /very-secret/);
  assert.match(config, /name = "LINK_KEY", fromEnvironment = "SKERRY_LINK_KEY"/);
});

test("Durable Objects are kept on disk under a key that stays", () => {
  const config = workerdConfig(SPEC);
  assert.match(config, /className = "DeviceHub", uniqueKey = "skerry-DeviceHub", enableSql = true/);
  assert.match(config, /disk = \(path = "\/state\/hel\/do", writable = true\)/);
});

test("text is quoted", () => {
  assert.match(workerdConfig(SPEC), /name = "PLACE", text = "\{\\"country\\":\\"FI\\"\}"/);
});

test("a client cannot say its place, unless a test asks for it", () => {
  assert.doesNotMatch(workerdConfig(SPEC), /cfBlobHeader/);
  assert.match(workerdConfig({ ...SPEC, cfHeader: true }), /cfBlobHeader = "MF-CF-Blob"/);
});

test("V8 gets the room that a stream of batches needs", () => {
  assert.match(workerdConfig(SPEC), /v8Flags = \["--min-semi-space-size=64", /);
});
