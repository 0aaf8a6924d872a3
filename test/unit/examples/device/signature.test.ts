// Does the device sign as the vectors say, and does it know a key when it sees one?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseSigningKey, sign } from "../../../../examples/device/skerry-device/signature.ts";

const file = path.join(import.meta.dirname, "../../../vectors/signed-request/vectors.json");
const vectors = JSON.parse(readFileSync(file, "utf8")) as {
  keys: { device: string; version: number; key: string }[];
  requests: (Parameters<typeof sign>[0] & {
    name: string;
    version: number;
    contentDigest: string;
    authorization: string;
  })[];
};

for (const request of vectors.requests)
  test(`sign() of ${request.name}`, () => {
    const { device, version, authorization, contentDigest } = request;
    const key = vectors.keys.find((each) => each.device === device && each.version === version);
    assert.ok(key !== undefined);
    assert.deepEqual(sign(request, key), { authorization, "content-digest": contentDigest });
  });

test("parseSigningKey() reads the origin's answer, and nothing else", () => {
  const key = "A".repeat(43);
  assert.deepEqual(parseSigningKey(`{"device":"b","version":2,"key":"${key}"}\n`), {
    version: 2,
    key,
  });
  for (const text of ["", "null", "{}", `{"version":0,"key":"${key}"}`, '{"version":1,"key":"A"}'])
    assert.equal(parseSigningKey(text), null, text);
});
