// How does an alert look in JSON, and which are asked for? The same at both ends.

import { parseDeviceId } from "../sync/brand.ts";
import { err, ok, type Result } from "../sync/result.ts";
import { ALERT_STATES, alertId, type AlertNote, type HeldAlert } from "./alert.ts";
import type { AlertQuery } from "./alert-book.ts";
import { RULE_NAME } from "./rule.ts";

/** What of a query filters a list of alerts. */
export interface AlertParameters {
  readonly device?: string | undefined;
  readonly rule?: string | undefined;
  readonly state?: string | undefined;
}

/** Reads the filters of a list; the error says which is wrong and how it is mended. */
export function readAlertFilters({
  device,
  rule,
  state,
}: AlertParameters): Result<Omit<AlertQuery, "most" | "cursor">, string> {
  const known = ALERT_STATES.find((one) => one === state);
  if (device !== undefined && parseDeviceId(device) === null) return err(DEVICE);
  if (rule !== undefined && !RULE_NAME.test(rule)) return err(RULE);
  if (state !== undefined && known === undefined) return err(STATE);
  return ok({ device: device ?? null, rule: rule ?? null, state: known ?? null });
}

const DEVICE = "device is a device's name, 1 to 64 characters of A-Z, a-z, 0-9, ., _ and -";
const RULE = "rule is a rule's name, 1 to 32 characters of a-z, 0-9 and -";
const STATE = `state is one of ${ALERT_STATES.join(", ")}; leave it out for all`;

/** Shows an alert. @param iso Writes epoch milliseconds as RFC 3339. */
export function alertView(alert: HeldAlert, iso: (ms: number) => string): object {
  const { device, rule, sinceMs, state, changedMs, note } = alert;
  const { side, threshold, clear, forMs, acknowledged, end } = note;
  return {
    id: alertId(alert),
    rule,
    device,
    stream: note.stream,
    state,
    severity: note.severity,
    text: note.text,
    reason: reasonOf(alert, iso),
    windowStart: iso(sinceMs),
    since: iso(changedMs),
    fired: { at: iso(note.atMs), value: note.value, region: note.region },
    condition: { [side]: threshold, clear, forMs },
    ruleVersion: note.ruleVersion,
    acknowledged:
      acknowledged === undefined ? null : { by: acknowledged.by, at: iso(acknowledged.atMs) },
    resolved:
      end === undefined
        ? null
        : {
            reason: end.reason,
            at: end.atMs === null ? null : iso(end.atMs),
            value: end.value,
            region: end.region,
          },
  };
}

/** Says in words why it fired. */
function reasonOf({ sinceMs, note }: HeldAlert, iso: (ms: number) => string): string {
  const { stream, side, threshold, forMs, value }: AlertNote = note;
  const held = forMs === 0 ? "" : `, for ${forMs} ms since ${iso(sinceMs)}`;
  return `${stream} is ${value}, ${side} ${threshold}${held}`;
}
