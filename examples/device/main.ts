// A device of Skerry as a program: measures, keeps and sends until it is told to end. What it says
// goes to stdout, one line an event.

import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Instruments } from "./measure.ts";
import { HELP, parseCommandLine, UsageError, type CommandLine } from "./options.ts";
import { formatEvent } from "./report.ts";
import { Device, type DeviceEvent } from "./skerry-device/device.ts";
import { parseSigningKey, type SigningKey } from "./skerry-device/signature.ts";

async function main(): Promise<void> {
  const told = parseCommandLine(process.argv.slice(2));
  if (told === null) return say(HELP);
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ending.abort());
  const device = await open(told);
  await measure(device, told, ending.signal);
  // Told to measure so often, it waits until all is sent; told to end, it has to end soon.
  const close = device.close(ending.signal.aborted ? told.graceMs : FOREVER_MS);
  const onSignal = () => void device.close(told.graceMs);
  ending.signal.addEventListener("abort", onSignal);
  await close;
  const { batches, readings, refused } = device.buffer;
  const end = { event: "ended", batches, readings, refused } as const;
  say(told.isJson ? JSON.stringify(end) : formatEvent(end, new Date()));
}

/** The longest time that a timer can wait. */
const FOREVER_MS = 2 ** 31 - 1;

async function open(told: CommandLine): Promise<Device> {
  const { tokenFile, keyFile, retryMsMax } = told;
  const token = () => {
    const text =
      tokenFile === null ? process.env["SKERRY_TOKEN"] : fs.readFileSync(tokenFile, "utf8");
    return (text ?? "").trim();
  };
  const signingKey = keyFile === null ? null : () => readKey(keyFile);
  signingKey?.();
  if (signingKey === null && token() === "")
    throw new UsageError("There is no token: --token-file FILE, or SKERRY_TOKEN");
  const tell = (event: DeviceEvent) =>
    say(told.isJson ? JSON.stringify(event) : formatEvent(event, new Date()));
  const backOff = { firstMs: Math.min(500, retryMsMax), maxMs: retryMsMax };
  const transport = told.isStream ? "ws" : "http";
  return Device.open({ ...told, token, signingKey, transport, backOff, onEvent: tell });
}

function readKey(file: string): SigningKey {
  const key = parseSigningKey(fs.readFileSync(file, "utf8"));
  if (key !== null) return key;
  throw new UsageError(
    `${file} is not what POST /v1/devices/{device}/key answers: { "version", "key" }`,
  );
}

/** Measures at each multiple of the period, so that the time between does not drift. */
async function measure(device: Device, told: CommandLine, signal: AbortSignal): Promise<void> {
  const instruments = new Instruments();
  for (let taken = 0; !signal.aborted && (told.samples === 0 || taken < told.samples); taken += 1) {
    const dueMs = (Math.floor(Date.now() / told.periodMs) + 1) * told.periodMs;
    // A timer may be a millisecond early; two readings of one time would be one reading.
    while (Date.now() < dueMs && !signal.aborted) {
      await sleep(dueMs - Date.now(), undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) return;
    const timeMs = Date.now();
    device.record(instruments.measure(timeMs), timeMs);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}${isUsage ? "; --help lists all options" : ""}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
