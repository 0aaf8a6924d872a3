// When is the answer of an HTTP/1.1 request complete? When its head and Content-Length bytes are there.

import type { Verdict } from "../dialect.ts";

/** Judges an answer that must have `status` and, if given, `text` in its body. */
export function judgeHttp(answer: Buffer, status: number, text: string | null): Verdict {
  const head = answer.indexOf("\r\n\r\n");
  if (head === -1) return "more";
  const fields = answer.toString("latin1", 0, head);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(fields)?.[1] ?? "0");
  if (answer.length < head + 4 + length) return "more";
  const isGood =
    fields.startsWith(`HTTP/1.1 ${status} `) &&
    (text === null || answer.indexOf(text, head + 4, "latin1") !== -1);
  return isGood ? "good" : { wrong: answer.toString("utf8").slice(0, 2_000) };
}

/** Writes a POST of a connection that is kept. */
export function post(target: string, fields: string, body: string): Buffer {
  const head = `POST ${target} HTTP/1.1\r\nhost: localhost\r\n${fields}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body, "latin1");
}
