// PostgreSQL's protocol (version 3.0), as much as COPY needs: how a session begins, what a message
// looks like, and when an answer is complete.

import net from "node:net";
import { LOOPBACK } from "../../tools/launcher/ports.ts";

const PROTOCOL = 196_608;

/** What the server said up to ReadyForQuery; null while more has to come. */
export interface PostgresAnswer {
  /** The tag of the last command, e.g. "COPY 250". */
  readonly tag: string;
  /** The text of the first error, or null. */
  readonly error: string | null;
  /** The first column of the last row. */
  readonly value: string;
}

/** Writes the message that opens a session of user and database. */
export function startupMessage(): Buffer {
  const text = Buffer.from("user\0bench\0database\0postgres\0\0", "latin1");
  const head = Buffer.alloc(8);
  head.writeInt32BE(text.length + 8, 0);
  head.writeInt32BE(PROTOCOL, 4);
  return Buffer.concat([head, text]);
}

/** Writes a message of `type`. */
export function message(type: string, body: string): Buffer {
  const bytes = Buffer.alloc(5 + Buffer.byteLength(body));
  bytes.write(type, 0, "latin1");
  bytes.writeInt32BE(bytes.length - 1, 1);
  bytes.write(body, 5);
  return bytes;
}

export function queryMessage(sql: string): Buffer {
  return message("Q", `${sql}\0`);
}

/** Reads an answer up to ReadyForQuery, or null if it is not all there yet. */
export function readPostgresAnswer(bytes: Buffer): PostgresAnswer | null {
  let [at, tag, value] = [0, "", ""];
  let error: string | null = null;
  while (at + 5 <= bytes.length) {
    const type = String.fromCharCode(bytes[at] ?? 0);
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) return null;
    if (type === "C") tag = bytes.toString("latin1", at + 5, end - 1);
    if (type === "E") error ??= bytes.toString("utf8", at + 5, end).replaceAll("\0", " ");
    if (type === "D") value = bytes.toString("utf8", at + 11, end);
    if (type === "Z") return { tag, error, value };
    at = end;
  }
  return null;
}

/** Runs one statement in a session of its own and returns its last value. */
export function askPostgres(port: number, sql: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, LOOPBACK, () => socket.write(startupMessage()));
    let bytes = Buffer.alloc(0);
    let isOpen = false;
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const answer = readPostgresAnswer(bytes);
      if (answer === null) return;
      bytes = Buffer.alloc(0);
      if (answer.error === null && !isOpen) {
        isOpen = true;
        socket.write(queryMessage(sql));
        return;
      }
      socket.end(message("X", ""));
      if (answer.error === null) resolve(answer.value);
      else reject(new Error(`PostgreSQL: ${answer.error}`));
    });
    socket.once("error", reject);
    // Before it is ready the server says so and closes, without ReadyForQuery.
    socket.once("close", () => reject(new Error(`PostgreSQL: ${bytes.toString("latin1", 5)}`)));
  });
}
