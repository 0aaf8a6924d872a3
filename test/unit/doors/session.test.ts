// Which tokens can be read, by whom were they given, and who waits for what they name?

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBase64Url } from "../../../doors/base64url.ts";
import { importLinkKey } from "../../../doors/seal.ts";
import {
  awaitSession,
  readSession,
  SESSION_FIELD,
  sessionFields,
  type SessionToken,
} from "../../../doors/session.ts";
import {
  SESSION_WAIT_MS_MAX,
  SESSION_WAITERS_MAX,
  SessionWaits,
} from "../../../doors/session-waits.ts";

const keyOf = (byte: number): (() => Promise<CryptoKey | null>) => {
  const key = importLinkKey(encodeBase64Url(new Uint8Array(32).fill(byte)));
  return () => key;
};
const ours = keyOf(1);

async function given(tokens: readonly SessionToken[], key = ours): Promise<string> {
  const fields = await Promise.all(tokens.map((token) => sessionFields(token, key)));
  return fields.map((field) => field[SESSION_FIELD]).join(", ");
}

const many = (count: number): SessionToken[] =>
  Array.from({ length: count }, (_, i) => ({ writer: `r${i}`, seq: i }));

test("readSession() reads what writes were answered with, and several with commas", async () => {
  const tokens = [
    { writer: "origin", seq: 12 },
    { writer: "hel", seq: 1_790_000_000_000 },
  ];
  assert.deepEqual(await readSession(await given(tokens), ours), tokens);
  assert.deepEqual(await readSession(await given(many(8)), ours), many(8));
});

const SEAL = "0123456789abcdef0123456789abcdef";
for (const text of [
  "",
  "hel",
  "hel:",
  ":1",
  "hel:1",
  `hel:1:${SEAL}`,
  `hel:9007199254740000:${SEAL}`,
  `hel:9007199254740992:${SEAL}`,
  "a".repeat(10_000),
  ",".repeat(10_000),
])
  test(`readSession() refuses ${JSON.stringify(text.slice(0, 30))}`, async () => {
    assert.equal(await readSession(text, ours), null);
  });

test("readSession() refuses tokens of others, ones that were changed, and too many", async () => {
  const one = await given([{ writer: "hel", seq: 1 }]);
  assert.equal((await readSession(one, ours))?.length, 1);
  const others = await given([{ writer: "hel", seq: 1 }], keyOf(2));
  const refused = [
    others,
    one.replace("hel:1", "hel:2"),
    one.replace("hel", "tll"),
    one.slice(0, -1),
    `${one}0`,
    `${one},`,
    `${one} ${one}`,
    `${one}, ${others}`,
    await given(many(9)),
  ];
  for (const text of refused) assert.equal(await readSession(text, ours), null, text);
  assert.equal(await readSession(one, async () => null), null);
});

const asking = (session?: string): Request =>
  new Request("https://a.example/", {
    headers: session === undefined ? {} : { [SESSION_FIELD]: session },
  });

test("P9 awaitSession() asks nobody without a token, once with one, and never for a made up one", async () => {
  const answers = [true, false];
  let asks = 0;
  const hasSeen = async (): Promise<boolean> => answers[asks++] ?? false;
  assert.equal(await awaitSession(asking(), ours, hasSeen), null);
  for (const text of ["hel", "hel:9007199254740000", `hel:9007199254740000:${SEAL}`])
    assert.equal((await awaitSession(asking(text), ours, hasSeen))?.status, 400);
  assert.equal(asks, 0);
  const session = await given([{ writer: "hel", seq: 7 }]);
  assert.equal(await awaitSession(asking(session), ours, hasSeen), null);
  const problem = await awaitSession(asking(session), ours, hasSeen);
  assert.deepEqual([problem?.status, problem?.code], [503, "session-behind"]);
  assert.match(problem?.detail ?? "", /\(hel:7\)/);
  assert.equal(asks, 2);
});

test("P8 what does not come is waited for about two seconds, and looked for now and then", async () => {
  const waits = new SessionWaits(() => performance.now());
  const startedMs = performance.now();
  let looks = 0;
  assert.equal(
    await waits.until(
      () => false,
      () => (looks += 1),
    ),
    false,
  );
  const waitedMs = performance.now() - startedMs;
  assert.ok(waitedMs >= SESSION_WAIT_MS_MAX - 20 && waitedMs < 6_000, `${waitedMs} ms`);
  assert.ok(looks >= 3 && looks <= 5, `${looks}`);
});

test("news ends the wait of those it is for, and of no others", async () => {
  const waits = new SessionWaits(() => performance.now());
  let head = 0;
  const startedMs = performance.now();
  const until = (seq: number): Promise<boolean> =>
    waits.until(
      () => head >= seq,
      () => {},
    );
  const [first, second] = [until(1), until(2)];
  head = 1;
  waits.heard();
  assert.equal(await first, true);
  assert.ok(performance.now() - startedMs < 400);
  head = 2;
  waits.heard();
  assert.equal(await second, true);
  assert.ok(performance.now() - startedMs < 400);
});

test("P8 past the bound of those that wait one more is answered at once", async () => {
  const waits = new SessionWaits(() => performance.now());
  let isHere = false;
  const one = (): Promise<boolean> =>
    waits.until(
      () => isHere,
      () => {},
    );
  const waiting = Array.from({ length: SESSION_WAITERS_MAX }, one);
  assert.equal(await one(), false);
  isHere = true;
  waits.heard();
  assert.ok((await Promise.all(waiting)).every(Boolean));
  assert.equal(await one(), true);
});
