// InfluxDB's line protocol over HTTP: wide, all values of an instant in a line (its best case), and
// narrow, a line a value (what most agents send).

import type { Dialect } from "../dialect.ts";
import { judgeHttp, post } from "./http-answer.ts";

const TARGET = "/write?db=bench&precision=ms";

export const influxWide: Dialect = {
  hello: null,
  batch: (device, _token, _seq, count) => {
    const { times, columns } = device.next(count);
    const lines = times.map((time, row) => {
      const fields = columns.map(({ stream, values }) => `${stream}=${values[row] ?? ""}`);
      return `env,device=${device.id} ${fields.join(",")} ${time}\n`;
    });
    return post(TARGET, "", lines.join(""));
  },
  judge: (answer) => judgeHttp(answer, 204, null),
};

export const influxNarrow: Dialect = {
  hello: null,
  batch: (device, _token, _seq, count) => {
    const { times, columns } = device.next(count);
    const lines = columns.flatMap(({ stream, values }) =>
      values.map(
        (value, row) => `${stream},device=${device.id} value=${value} ${times[row] ?? 0}\n`,
      ),
    );
    return post(TARGET, "", lines.join(""));
  },
  judge: (answer) => judgeHttp(answer, 204, null),
};
