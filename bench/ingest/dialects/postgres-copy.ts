// PostgreSQL: one COPY a batch in text form, a row a reading, sent at once with its statement so that
// it costs one round trip.

import type { Dialect, Verdict } from "../dialect.ts";
import { message, queryMessage, readPostgresAnswer, startupMessage } from "../postgres-wire.ts";

const COPY = queryMessage("COPY readings FROM STDIN");
const DONE = message("c", "");

export const postgresCopy: Dialect = {
  hello: { bytes: startupMessage, judge: (answer) => judge(answer, "") },
  batch: (device, _token, _seq, count) => {
    const { times, columns } = device.next(count);
    const rows = columns.flatMap(({ stream, values }) =>
      values.map((value, row) => `${device.id}\t${stream}\t${times[row] ?? 0}\t${value}\n`),
    );
    return Buffer.concat([COPY, message("d", rows.join("")), DONE]);
  },
  judge: (answer, count) => judge(answer, `COPY ${count}`),
};

function judge(answer: Buffer, tag: string): Verdict {
  const read = readPostgresAnswer(answer);
  if (read === null) return "more";
  return read.error === null && read.tag === tag ? "good" : { wrong: read.error ?? read.tag };
}
