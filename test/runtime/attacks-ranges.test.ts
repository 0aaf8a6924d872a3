// Can Range make the server, or this edge, send more than is asked for, or mix what does not belong
// together? The ids are those of docs/threat-model.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AttackSite, FRESH, isHit, type Answer } from "../support/attack-site.ts";

let site: AttackSite;
before(async () => {
  site = await AttackSite.open();
});
after(() => site.close());

const send = (...asked: Parameters<AttackSite["send"]>): Promise<Answer> => site.send(...asked);
const DIGITS = "0123456789";

/** Serves ten digits, or the one range of them that is asked for. */
function digits(target: string, tag = '"v1"'): void {
  site.serve(target, ({ headers }) => {
    const [, from, to] = /^bytes=([0-9]+)-([0-9]+)$/.exec(headers.get("range") ?? "") ?? [];
    if (from === undefined) return { headers: { ...FRESH, etag: tag }, body: DIGITS };
    const range = `bytes ${from}-${to}/10`;
    const body = DIGITS.slice(Number(from), Number(to) + 1);
    return { status: 206, headers: { ...FRESH, etag: tag, "content-range": range }, body };
  });
}

test("attack R1: one byte of a large object costs the server no more than that byte", async () => {
  const gigabyte = 1_073_741_824;
  let sent = 0;
  site.serve("/r1", ({ headers }, _count, socket) => {
    if (headers.get("range") === "bytes=0-0") {
      const range = { "content-range": `bytes 0-0/${gigabyte}` };
      return { status: 206, headers: { ...FRESH, ...range }, body: "x" };
    }
    // A server that knows no ranges would send all of it: whoever leaves after one byte ends that.
    socket.write(
      `HTTP/1.1 200 OK\r\n${"cache-control: max-age=60"}\r\ncontent-length: ${gigabyte}\r\n\r\n`,
    );
    const piece = Buffer.alloc(65_536);
    const push = (): void => {
      while (!socket.destroyed && sent < gigabyte) {
        sent += piece.length;
        if (!socket.write(piece)) return void socket.once("drain", push);
      }
    };
    push();
    return null;
  });
  for (let i = 0; i < 5; i += 1) {
    const part = await send(`/r1?${i}`, { range: "bytes=0-0" });
    assert.deepEqual([part.status, part.text], [206, "x"]);
  }
  assert.equal(sent, 0);
  // Without a range, and gone at once: what is on its way is bounded, whatever the length.
  const asked = "GET /r1?all HTTP/1.1\r\nhost: one.test\r\n\r\n";
  await site.raw(`${asked}`, true, 1).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const soon = sent;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(sent, soon, "it goes on");
  assert.ok(soon < 64 * 1_048_576, `${soon} bytes`);
});

test("attack R2: many ranges, or ones that overlap, never make more than the object", async () => {
  digits("/r2");
  const many = `bytes=${Array.from({ length: 200 }, () => "0-").join(",")}`;
  for (const range of [many, "bytes=0-0,2-2", "bytes=5-6,0-1", "bytes=0-5,3-9"]) {
    const answer = await send("/r2", { range });
    assert.deepEqual([answer.status, answer.text], [200, DIGITS], range.slice(0, 40));
  }
  assert.equal(site.asked("/r2"), 1);
  assert.equal(site.seen.at(-1)?.headers.has("range"), false, "the server is not asked for them");
});

test("attack R3: ranges of nothing, beyond the end, without sense, or of huge numbers", async () => {
  digits("/r3");
  await send("/r3");
  const huge = "9".repeat(400);
  const cases: [string, number, string][] = [
    ["bytes=10-", 416, ""],
    ["bytes=-0", 416, ""],
    ["bytes=99999-", 416, ""],
    ["bytes=9-99999", 206, "9"],
    ["bytes=-99999", 206, DIGITS],
    [`bytes=0-${huge}`, 200, DIGITS],
    [`bytes=${huge}-`, 200, DIGITS],
    ["bytes=5-2", 200, DIGITS],
    ["bytes=a-b", 200, DIGITS],
    ["bytes=--1", 200, DIGITS],
    ["bytes= 1-2", 206, "12"],
    ["bytes 1-2", 200, DIGITS],
    ["lines=1-2", 200, DIGITS],
    ["bytes=", 200, DIGITS],
    ["bytes=-", 200, DIGITS],
    ["bytes=1 -2", 200, DIGITS],
  ];
  for (const [range, status, text] of cases) {
    const answer = await send("/r3", { range });
    assert.deepEqual([answer.status, answer.text], [status, text], range.slice(0, 40));
  }
  assert.equal(site.asked("/r3"), 1);
});

test("attack R4: If-Range with what is no strong tag of this very response gives all of it", async () => {
  digits("/r4");
  await send("/r4");
  const date = "Sat, 01 Jan 2022 00:00:00 GMT";
  for (const condition of ['W/"v1"', '"v0"', date, "v1", "*"]) {
    const answer = await send("/r4", { range: "bytes=0-0", "if-range": condition });
    assert.deepEqual([answer.status, answer.text], [200, DIGITS], condition);
  }
  assert.equal((await send("/r4", { range: "bytes=0-0", "if-range": '"v1"' })).status, 206);
  digits("/r4-weak", 'W/"v1"');
  await send("/r4-weak");
  const weak = await send("/r4-weak", { range: "bytes=0-0", "if-range": 'W/"v1"' });
  assert.equal(weak.status, 200);
});

test("attack R5: parts of two versions are never put together", async () => {
  digits("/r5", '"v1"');
  assert.equal((await send("/r5", { range: "bytes=0-4" })).text, "01234");
  site.serve("/r5", ({ headers }) =>
    headers.get("range") === "bytes=5-9"
      ? {
          status: 206,
          headers: { ...FRESH, etag: '"v2"', "content-range": "bytes 5-9/10" },
          body: "FGHIJ",
        }
      : { headers: { ...FRESH, etag: '"v2"' }, body: "ABCDEFGHIJ" },
  );
  assert.equal((await send("/r5", { range: "bytes=5-9" })).text, "FGHIJ");
  const whole = await send("/r5");
  assert.deepEqual([whole.text, whole.headers.get("etag")], ["ABCDEFGHIJ", '"v2"']);
  const part = await send("/r5", { range: "bytes=3-6" });
  assert.deepEqual([part.text, part.headers.get("etag")], ["DEFG", '"v2"']);
});

test("attack R6: a part of another length than it says is not stored", async () => {
  site.serve("/r6", (_seen, count) => ({
    status: 206,
    headers: { ...FRESH, "content-range": "bytes 0-4/10" },
    body: count % 2 === 1 ? "01" : "0123456789",
  }));
  for (let i = 0; i < 4; i += 1) {
    const answer = await send("/r6", { range: "bytes=0-4" });
    assert.match(answer.cache, /detail=content-range/);
  }
  assert.equal(site.asked("/r6"), 4);
});

test("attack C6: a part has the tag of all of it, and is not what a 304 gives all of it by", async () => {
  for (const host of ["one.test", "lax.test"]) {
    site.serve("/c6-tag", ({ headers }) => {
      const fields = { ...FRESH, etag: '"v1"' };
      if (headers.get("if-none-match")?.includes('"v1"') === true)
        return { status: 304, headers: fields };
      return headers.has("range")
        ? { status: 206, headers: { ...fields, "content-range": "bytes 0-0/10" }, body: "0" }
        : { headers: fields, body: DIGITS };
    });
    assert.equal((await send("/c6-tag", { host, range: "bytes=0-0" })).text, "0");
    const victim = await send("/c6-tag", { host });
    assert.deepEqual([victim.status, victim.text], [200, DIGITS], host);
    const other = await send("/c6-tag", { host, range: "bytes=3-4" });
    assert.deepEqual([other.status, other.text], [206, "34"], host);
  }
});

test("attack R7: a Range on a HEAD, or a POST, is nothing", async () => {
  digits("/r7");
  await send("/r7");
  const head = await send("/r7", { range: "bytes=0-0" }, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "10"]);
  assert.equal(head.headers.get("content-range"), undefined);
  const cold = await send("/r7?cold", { range: "bytes=0-0" }, "HEAD");
  assert.equal(cold.status, 200);
  assert.equal(site.seen.at(-1)?.headers.has("range"), false);
  const whole = await send("/r7");
  assert.deepEqual([whole.text, isHit(whole)], [DIGITS, true]);
  // Nor is it answered with a part that is stored.
  assert.equal((await send("/r7?part", { range: "bytes=2-3" })).text, "23");
  assert.equal((await send("/r7?part", { range: "bytes=2-3" }, "HEAD")).status, 200);
});

test("a 416 says nothing of the whole that a cache behind this one could store it by", async () => {
  digits("/unmet");
  await send("/unmet");
  const unmet = await send("/unmet", { range: "bytes=10-" });
  assert.deepEqual([unmet.status, unmet.headers.get("content-range")], [416, "bytes */10"]);
  assert.deepEqual([unmet.headers.has("cache-control"), isHit(unmet)], [false, true]);
});

test("the rest of what If-Match names is never the rest of something else", async () => {
  digits("/match", '"v2"');
  const rest = { range: "bytes=5-9" };
  // What is not stored the server decides about; this one does not look, and says what it has.
  await send("/match?part", { ...rest, "if-match": '"v1"' });
  assert.equal(site.seen.at(-1)?.headers.get("if-match"), '"v1"');
  await send("/match");
  for (const condition of ['"v1"', 'W/"v2"', '"v1", "v0"']) {
    const all = await send("/match", { ...rest, "if-match": condition });
    assert.deepEqual([all.status, all.text], [200, DIGITS], condition);
  }
  const since = { "if-unmodified-since": "Sun, 06 Nov 1994 08:49:37 GMT" };
  assert.equal((await send("/match", { ...rest, ...since })).status, 200);
  for (const condition of ['"v2"', '"v1", "v2"', "*"]) {
    const part = await send("/match", { ...rest, "if-match": condition });
    assert.deepEqual([part.status, part.text, isHit(part)], [206, "56789", true], condition);
  }
});

test("attack R8: no answer has a boundary that could be guessed, because none has parts", async () => {
  const parts = "--x\r\ncontent-range: bytes 0-0/10\r\n\r\n0\r\n--x--\r\n";
  site.serve("/r8", ({ headers }) => ({
    status: headers.has("range") ? 206 : 200,
    headers: { ...FRESH, "content-type": "multipart/byteranges; boundary=x" },
    body: headers.has("range") ? parts : DIGITS,
  }));
  const several = await send("/r8", { range: "bytes=0-0,9-9" });
  assert.deepEqual([several.status, several.text], [200, DIGITS]);
  // A server that answers one range with parts has nothing of it stored.
  const one = await send("/r8?one", { range: "bytes=0-0" });
  assert.match(one.cache, /detail=content-range/);
});
