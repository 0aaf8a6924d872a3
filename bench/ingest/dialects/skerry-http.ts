// Skerry over HTTP: columnar JSON, numbered by boot and seq, with the device's token.

import type { Dialect } from "../dialect.ts";
import type { Readings } from "../readings.ts";
import { judgeHttp, post } from "./http-answer.ts";

export const skerryHttp: Dialect = {
  hello: null,
  batch: (device, token, seq, count) => {
    const fields = `authorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
    return post(`/v1/devices/${device.id}/readings`, fields, columnar(device.next(count), seq));
  },
  judge: (answer, count) => judgeHttp(answer, 200, `"accepted":${count},`),
};

/** Writes readings as columns. */
export function columnar({ times, columns }: Readings, seq: number): string {
  const series = columns.map(({ stream, values }) => `"${stream}":[${values.join(",")}]`);
  return `{"boot":"b1","seq":${seq},"t":[${times.join(",")}],"series":{${series.join(",")}}}`;
}
