// What does a proxy add, what does it keep from the next hop, and what does a targeted field say?

import assert from "node:assert/strict";
import { test } from "node:test";
import { deltaSecondsOf, hasDirective } from "../../../http/cache-control.ts";
import { linesOf, type FieldList } from "../../../http/fields.ts";
import { endNominated, forwardedFields, loopsOf } from "../../../http/forwarding.ts";
import { parseTargeted } from "../../../http/targeted.ts";

const ARRIVAL = { host: "shop.example", scheme: "https" } as const;
const sent = (list: FieldList) => linesOf(forwardedFields(list, ARRIVAL));

test("forwardedFields() drops what only a proxy may say, so that none of it can poison (P4)", () => {
  const invented = [
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-host",
    "true-client-ip",
    "cf-connecting-ip",
    "skerry-link",
    "x-middleware-prefetch",
    "proxy",
    "client-cert",
    "x-forwarded",
    "x-http-host-override",
    "x-original-uri",
    "x-scheme",
    "x-ms-original-url",
    "x-envoy-original-path",
    "x-script-name",
    "x-accel-mapping",
    "x-sendfile-type",
  ];
  const fields = sent(invented.map((name) => [name, "evil"] as const));
  for (const name of invented) assert.equal(fields.has(name), false, name);
  assert.equal(
    sent([["forwarded", "host=evil"]]).get("forwarded"),
    'for=unknown;host="shop.example";proto=https',
  );
});

test("forwardedFields() drops names that a server could read as others: letters, digits, hyphens go on", () => {
  const odd = [
    "x_forwarded_host",
    "accept_language",
    "if_none_match",
    "x.plan",
    "x!plan",
    "x-pl~n",
  ];
  const fields = sent([...odd, "x-plan2"].map((name) => [name, "evil"] as const));
  for (const name of odd) assert.equal(fields.has(name), false, name);
  assert.equal(fields.get("x-plan2"), "evil");
});

test("endNominated() and forwardedFields() end hop-by-hop fields, and no client ends its credentials", () => {
  const came: FieldList = [
    ["connection", "x-hop, cookie, Authorization, range, if-none-match, cache-control"],
    ["x-hop", "1"],
    ["cookie", "a=b"],
    ["authorization", "x"],
    ["range", "bytes=0-"],
    ["if-none-match", '"a"'],
    ["cache-control", "no-cache"],
    ["te", "trailers"],
    ["transfer-encoding", "chunked"],
    ["upgrade", "h2c"],
    ["accept", "text/html"],
  ];
  const fields = sent(endNominated({ fields: linesOf(came), fieldList: () => came }).fieldList());
  for (const name of ["connection", "x-hop", "te", "transfer-encoding", "upgrade"]) {
    assert.equal(fields.has(name), false, name);
  }
  for (const name of ["cookie", "authorization", "range", "if-none-match", "cache-control"]) {
    assert.equal(fields.has(name), true, name);
  }
  assert.equal(fields.get("accept"), "text/html");
});

test("RFC 9110 §7.6.1 endNominated() takes what Connection nominates from lookups and list alike (P4)", () => {
  const came: FieldList = [
    ["connection", "Accept-Language , close"],
    ["connection", "upgrade,CDN-Loop,, via, if-range"],
    ["accept-language", "de"],
    ["upgrade", "websocket"],
    ["cdn-loop", "skerry"],
    ["via", "1.1 skerry"],
    ["if-range", '"a"'],
    ["accept", "text/html"],
  ];
  const { fields, fieldList } = endNominated({ fields: linesOf(came), fieldList: () => came });
  assert.equal(fields.has("accept-language"), false);
  assert.deepEqual(
    fieldList(),
    came.filter(([name]) => name !== "accept-language"),
  );
  for (const connection of ["keep-alive", "close", "Upgrade", ""]) {
    const list: FieldList = [["connection", connection]];
    const lines = linesOf(list);
    assert.equal(endNominated({ fields: lines, fieldList: () => list }).fields, lines);
  }
});

test("RFC 8586 Via and CDN-Loop grow by one, and loops are counted", () => {
  const fields = sent([
    ["via", "1.1 before"],
    ["cdn-loop", "other; x=1"],
  ]);
  assert.equal(fields.get("via"), "1.1 before, 1.1 skerry");
  assert.equal(fields.get("cdn-loop"), "other; x=1, skerry");
  assert.equal(loopsOf("skerry, other, SKERRY; a=b, skerry2"), 2);
  assert.equal(loopsOf(null), 0);
});

test("RFC 9213 parseTargeted() takes a Dictionary, and ignores anything else", () => {
  const control = parseTargeted("max-age=60, must-revalidate, private=?0, x;a=1");
  assert.ok(control !== null);
  assert.deepEqual(deltaSecondsOf(control, "max-age"), { kind: "seconds", seconds: 60 });
  assert.equal(hasDirective(control, "must-revalidate"), true);
  assert.equal(hasDirective(control, "private"), false);
  for (const field of [null, "", "  ", "max-age=", "Max-Age=60", "max-age=60,", "a b"]) {
    assert.equal(parseTargeted(field), null, String(field));
  }
  const odd = parseTargeted('max-age="60"');
  assert.ok(odd !== null);
  assert.equal(deltaSecondsOf(parseTargeted("max-age=1.5") ?? odd, "max-age").kind, "invalid");
});
