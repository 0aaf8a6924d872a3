// What does line protocol say? As Telegraf posts it, with its escapes, types and precisions; what is
// wrong is its line's or its field's fault alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../edge/limits.ts";
import {
  parseLines,
  parsePrecision,
  type Precision,
} from "../../../../edge/telemetry/parse-lines.ts";

const T0 = 1_790_000_000_000;

interface Read {
  /** Device, stream, times (0 if it has none) and values. */
  readonly taken: readonly unknown[];
  /** Index and code. */
  readonly errors: readonly unknown[];
}

function read(text: string, precision: Precision = "ms", device: string | null = "d"): Read {
  const result = parseLines(text, precision, device);
  if (!result.ok) throw new TypeError(result.error.detail);
  const { devices, lost } = result.value;
  const collectors = [...devices.values()];
  return {
    taken: [...devices].flatMap(([name, { timed, timeless }]) =>
      [...timed.values(), ...timeless.values()].map(({ stream, times, values }) => [
        name,
        stream,
        times,
        values,
      ]),
    ),
    errors: [lost, ...collectors].flatMap(({ errors }) =>
      errors.map(({ index, code }) => [index, code]),
    ),
  };
}

const GOOD: readonly (readonly [string, string, readonly unknown[]])[] = [
  [
    "what Telegraf's cpu says",
    `cpu,cpu=cpu-total,host=edge-1 usage_idle=97.5,usage_user=1.25 ${T0}`,
    [
      ["d", "cpu_usage_idle", [T0], [97.5]],
      ["d", "cpu_usage_user", [T0], [1.25]],
    ],
  ],
  [
    "what Telegraf's mem and disk say",
    `mem,host=a total=16777216i,used_percent=41.5 ${T0}\ndisk,fstype=ext4,path=/ free=12u,inodes_free=1i ${T0}\n`,
    [
      ["d", "mem_total", [T0], [16_777_216]],
      ["d", "mem_used_percent", [T0], [41.5]],
      ["d", "disk_free", [T0], [12]],
      ["d", "disk_inodes_free", [T0], [1]],
    ],
  ],
  ["a value alone", `Depth.M value=1 ${T0}`, [["d", "depth_m", [T0], [1]]]],
  ["a device's tag", `a,device=x,zone=1 value=1 ${T0}`, [["x", "a", [T0], [1]]]],
  ["no time", "a value=1", [["d", "a", [0], [1]]]],
  [
    "comments, empty lines and line ends",
    `# x\n\r\n \na value=1 ${T0} \r\n#`,
    [["d", "a", [T0], [1]]],
  ],
  ["escapes", `a\\ b\\,c,t\\=g=v\\ v f\\ x=1 ${T0}`, [["d", "a_b_c_f_x", [T0], [1]]]],
  ["a backslash that escapes nothing", `a\\b value=1 ${T0}`, [["d", "a_b", [T0], [1]]]],
  ["an equals sign in a measurement", `a=b value=1 ${T0}`, [["d", "a_b", [T0], [1]]]],
  ...["t", "T", "true", "True", "TRUE"].map(
    (text) => [text, `a value=${text} ${T0}`, [["d", "a", [T0], [1]]]] as const,
  ),
  ...["f", "F", "false", "False", "FALSE"].map(
    (text) => [text, `a value=${text} ${T0}`, [["d", "a", [T0], [0]]]] as const,
  ),
  ...(
    [
      ["-1", -1],
      ["+1.5", 1.5],
      ["1.", 1],
      [".5", 0.5],
      ["1e3", 1000],
      ["-1.5E-3", -0.0015],
      ["-7i", -7],
    ] as const
  ).map(([text, value]) => [text, `a value=${text} ${T0}`, [["d", "a", [T0], [value]]]] as const),
];
for (const [what, text, taken] of GOOD)
  test(`parseLines() takes ${what}`, () => assert.deepEqual(read(text), { taken, errors: [] }));

const TIMES: readonly (readonly [string | null, string, number])[] = [
  [null, "1790000000123456789", 1_790_000_000_123],
  ["", "1790000000123999999", 1_790_000_000_123],
  ["ns", "1790000000000000000", T0],
  ["n", "1790000000000000000", T0],
  ["us", "1790000000123456", 1_790_000_000_123],
  ["u", "1790000000123456", 1_790_000_000_123],
  ["ms", "1790000000123", 1_790_000_000_123],
  ["s", "1790000000", T0],
  ["m", "29833334", 1_790_000_040_000],
  ["h", "497223", 1_790_002_800_000],
];
for (const [unit, digits, timeMs] of TIMES)
  test(`parseLines() reads ${digits} in ${unit ?? "no unit"}`, () => {
    const precision = parsePrecision(unit);
    assert.ok(precision !== null);
    assert.deepEqual(read(`a value=1 ${digits}`, precision).taken, [["d", "a", [timeMs], [1]]]);
  });

test("parsePrecision() knows no other unit", () => {
  for (const unit of ["d", "NS", "toString", "__proto__"]) assert.equal(parsePrecision(unit), null);
});

const REJECTED: readonly (readonly [string, string, string])[] = [
  ["text", `a value="x" ${T0}`, "value-text"],
  ["text with a comma, a quote and a line end in it", `a value="x, \\" \n y" ${T0}`, "value-text"],
  ["an integer that is not exact", `a value=9007199254740993i ${T0}`, "value-not-exact"],
  ["an infinite value", `a value=1e999 ${T0}`, "value-not-finite"],
  ["a measurement that is no name", `1a value=1 ${T0}`, "stream-name"],
  ["a time in seconds", `a value=1 1790000000`, "time"],
  ["a negative time", `a value=1 -1790000000000`, "time"],
  ["a time of 400 digits", `a value=1 ${"9".repeat(400)}`, "time"],
  ["a device that is none", `a,device=x/y value=1 ${T0}`, "device-name"],
  ...[
    "a",
    "a,",
    "a,b",
    "a,b= value=1",
    "a,=c value=1",
    ",b=c value=1",
    "a value",
    "a value=",
    "a =1",
    "a value=1,",
    "a value=x",
    "a value=NaN",
    "a value=0x1",
    "a value=-1u",
    "a value=i",
    "a value=1i2",
    "a value=1 now",
    "a value=1 1.5",
    "a value=1 1 2",
    'a value="x',
    'a value="x"y',
    "a  b  c",
  ].map((line) => [line, line, "line-syntax"] as const),
];
for (const [what, line, code] of REJECTED)
  test(`parseLines() rejects ${JSON.stringify(what)} and keeps the lines around: ${code}`, () => {
    const { taken, errors } = read(`b value=1 ${T0}\n${line}\nb value=2 ${T0 + 1}`);
    assert.deepEqual(errors, [[1, code]]);
    assert.deepEqual(taken, [["d", "b", [T0, T0 + 1], [1, 2]]]);
  });

test("without a tag, a parameter or a token's device the reading is lost, and says the fix", () => {
  assert.deepEqual(read(`a value=1 ${T0}`, "ms", null).errors, [[0, "device-name"]]);
});

test("too much is refused as a whole, and so is nothing", () => {
  const devices = Array.from(
    { length: limits.devicesPerRequestMax + 1 },
    (_, i) => `a,device=d${i} value=1 ${T0}`,
  );
  for (const [text, status] of [
    [`a value=1 ${T0}\n`.repeat(limits.readingsPerRequestMax + 1), 413],
    [devices.join("\n"), 413],
    ["", 400],
    ["# nothing\n", 400],
  ] as const) {
    const result = parseLines(text, "ms", "d");
    assert.deepEqual([result.ok, !result.ok && result.error.status], [false, status]);
  }
});

test("a long body is read in one pass", () => {
  const startMs = performance.now();
  for (const text of [
    "\\".repeat(1_000_000),
    `a value="${"\\".repeat(1_000_000)}`,
    "a,".repeat(500_000),
    'a b="\n'.repeat(9_000),
    `a b=${"1".repeat(1_000_000)}x`,
    "1=".repeat(500_000),
  ])
    parseLines(text, "ms", "d");
  assert.ok(performance.now() - startMs < 2_000);
});
