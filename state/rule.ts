// What does a rule say, and may it be said? A threshold of one stream, for devices by name or by how
// their names begin. Part of the configuration (state/config.ts); edges read it with the same schema.

import * as z from "zod/mini";

/** How urgent an alert is. */
export type Severity = "info" | "warning" | "critical";

/** One rule. Exactly one of `above` and `below` is there. */
export interface RuleSettings {
  /** A device's name, or how names begin and a "*". */
  readonly device: string;
  readonly stream: string;
  /** It fires when a reading is above, or below, this. */
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  /** An alert is over when a reading is at this or on its other side; the threshold unless told. */
  readonly clear?: number | undefined;
  /** For how long, by event time, readings have to say so; 0: the first one fires. */
  readonly forMs: number;
  readonly severity: Severity;
  /** What whoever reads the alert should know. */
  readonly text?: string | undefined;
}

/** Rules of a deployment. */
export const RULES_MAX = 64;
/** Longest time that a rule waits: a day, milliseconds. */
export const RULE_FOR_MS_MAX = 86_400_000;
/** Characters of what a rule says to its reader. */
export const RULE_TEXT_CHARS_MAX = 200;

export const RULE_NAME: RegExp = /^[a-z0-9-]{1,32}$/;

const PATTERN = /^(?:\*|[A-Za-z0-9._-]{1,64}|[A-Za-z0-9._-]{1,63}\*)$/;
const STREAM = /^[a-z][a-z0-9_]{0,63}$/;

const deviceError =
  'device is the name of a device (A-Z, a-z, 0-9, dot, underscore, hyphen), or how names begin and a "*", such as "pump-*"';
const streamError =
  "stream is the name of a stream: a letter, then a-z, 0-9 and underscore, 64 in all";
const forError = `forMs is whole milliseconds from 0 to ${RULE_FOR_MS_MAX}; leave it out for 0`;
const severityError = 'severity is "info", "warning" or "critical"';
const textError = `text has 1 to ${RULE_TEXT_CHARS_MAX} characters, or is left out`;
const sidesError =
  'a rule has exactly one of "above" and "below": the threshold, which a reading has to pass';
const clearError =
  '"clear" is not beyond the threshold: at most "above", or at least "below"; leave it out to clear at the threshold';

const text = (pattern: RegExp, error: string) =>
  z.string({ error }).check(z.regex(pattern, { error }));
const value = (name: string) => z.number({ error: `${name} is a number` });

const ruleShape = {
  device: text(PATTERN, deviceError),
  stream: text(STREAM, streamError),
  above: z.optional(value("above")),
  below: z.optional(value("below")),
  clear: z.optional(value("clear")),
  forMs: z._default(
    z
      .number({ error: forError })
      .check(
        z.int({ error: forError }),
        z.gte(0, { error: forError }),
        z.lte(RULE_FOR_MS_MAX, { error: forError }),
      ),
    0,
  ),
  severity: z._default(
    z.enum(["info", "warning", "critical"], { error: severityError }),
    "warning",
  ),
  text: z.optional(
    z
      .string({ error: textError })
      .check(
        z.minLength(1, { error: textError }),
        z.maxLength(RULE_TEXT_CHARS_MAX, { error: textError }),
      ),
  ),
};

const RULE_FIELDS = Object.keys(ruleShape).join(", ");
const ruleError = `a rule is an object with ${RULE_FIELDS} and nothing else`;

/** Makes the schema of a rule; `loose` leaves a field of a newer release alone. */
export function ruleSchema(strictness: "strict" | "loose"): z.ZodMiniType<RuleSettings> {
  const object =
    strictness === "strict"
      ? z.strictObject(ruleShape, { error: ruleError })
      : z.object(ruleShape, { error: ruleError });
  return object.check(
    z.refine(({ above, below }) => (above === undefined) !== (below === undefined), {
      error: sidesError,
    }),
    z.refine(isClearInside, { error: clearError, path: ["clear"] }),
  ) as z.ZodMiniType<RuleSettings>;
}

function isClearInside({
  above,
  below,
  clear,
}: Pick<RuleSettings, "above" | "below" | "clear">): boolean {
  if (clear === undefined) return true;
  return (above === undefined || clear <= above) && (below === undefined || clear >= below);
}
