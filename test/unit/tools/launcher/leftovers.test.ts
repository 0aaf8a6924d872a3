// Is only what is ours ended, and is the holder of a port found?

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { claimPort, listen, LOOPBACK } from "../../../../tools/launcher/ports.ts";
import { endLeftovers, identify, servesStateDir } from "../../../../tools/launcher/leftovers.ts";

test("servesStateDir() knows a region's process of this folder, and no other", () => {
  assert.ok(servesStateDir(["workerd", "serve", "/state/hel/edge.capnp", ""], "/state"));
  assert.ok(!servesStateDir(["workerd", "serve", "/state-2/hel/edge.capnp", ""], "/state"));
  assert.ok(!servesStateDir(["node", "server.js", ""], "/state"));
});

test("endLeftovers() leaves alone what is not ours", () => {
  assert.deepEqual(endLeftovers("/state", [identify(process.pid), String(process.pid), "x"]), []);
});

test("claimPort() names who holds the port", async () => {
  const server = net.createServer();
  await listen(server, 0, LOOPBACK);
  const { port } = server.address() as net.AddressInfo;
  await assert.rejects(claimPort(port), new RegExp(`in use: .*or end process ${process.pid} \\(`));
  server.close();
});
