// How old is a response, with the clocks and fields that really come?

import assert from "node:assert/strict";
import { test } from "node:test";
import { correctedInitialAgeMs, currentAgeMs } from "../../../../edge/cache/age.ts";
import { linesOf, type FieldList } from "../../../../http/fields.ts";

const at = Date.UTC(2026, 10, 21, 12);
const ageMs = (fields: FieldList, delayMs = 0) =>
  correctedInitialAgeMs(linesOf(fields), at - delayMs, at);

test("RFC 9111 §4.2.3 correctedInitialAgeMs() takes the larger of Date and Age plus delay", () => {
  const date = ["date", "Sat, 21 Nov 2026 11:59:50 GMT"] as const;
  assert.equal(ageMs([date]), 10_000);
  assert.equal(ageMs([date, ["age", "30"]], 500), 30_500);
  assert.equal(ageMs([date, ["age", "3"]]), 10_000);
});

test("correctedInitialAgeMs() counts response delay when Date is missing or ahead", () => {
  assert.equal(ageMs([], 700), 700);
  assert.equal(ageMs([["date", "Sat, 21 Nov 2026 13:00:00 GMT"]], 700), 700);
});

test("RFC 9111 §5.1 correctedInitialAgeMs() takes Age's first member, digits only", () => {
  assert.equal(ageMs([["age", "5, 9"]]), 5_000);
  for (const age of ["-5", "5.5", "a", ""]) assert.equal(ageMs([["age", age]]), 0);
});

test("currentAgeMs() never falls when the clock steps back", () => {
  const stored = { initialAgeMs: 1_000, responseMs: at };
  assert.equal(currentAgeMs(stored, at + 500), 1_500);
  assert.equal(currentAgeMs(stored, at - 60_000), 1_000);
});
