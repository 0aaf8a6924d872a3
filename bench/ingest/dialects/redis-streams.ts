// Redis: a stream a device's sensor, an entry a reading; a batch is one pipeline of XADD.

import type { Dialect } from "../dialect.ts";

export const redisStreams: Dialect = {
  hello: null,
  batch: (device, _token, _seq, count) => {
    const { times, columns } = device.next(count);
    const commands = columns.flatMap(({ stream, values }) => {
      const key = bulk(`${device.id}:${stream}`);
      return values.map(
        (value, row) =>
          `*5\r\n$4\r\nXADD\r\n${key}${bulk(`${times[row] ?? 0}-0`)}$1\r\nv\r\n${bulk(value)}`,
      );
    });
    return Buffer.from(commands.join(""), "latin1");
  },
  // Each answer is the entry's id, of which every one has 13 digits and "-0".
  judge: (answer, count) => {
    if (answer.includes("-ERR") || answer[0] === 0x2d)
      return { wrong: answer.toString("latin1", 0, 500) };
    return answer.length < count * ANSWER_BYTES ? "more" : "good";
  },
};

const ANSWER_BYTES = "$15\r\n1400000000000-0\r\n".length;

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}
