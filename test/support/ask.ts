// How do tests of the API ask, and wait? One request with a token, and what came back of it.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** What a request has beside its method and address. */
export interface Asked {
  readonly token?: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

/** Asks once; a body that is no text goes as JSON. */
export async function ask(method: string, url: string, asked: Asked = {}): Promise<Told> {
  const { token, body, type = "application/json", headers = {} } = asked;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined || type === "" ? {} : { "content-type": type }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(40_000),
  });
  const text = await response.text();
  const json = text === "" ? {} : (JSON.parse(text) as Told["json"]);
  return { status: response.status, headers: response.headers, json };
}

/** A status, and the code of its problem if it is one. */
export function outcomeOf({ status, json }: Told): string {
  const { type } = json;
  return typeof type === "string" ? `${status} ${type.split(":").at(-1) ?? ""}` : String(status);
}

/** Waits until `look` finds `expected`; a link's poll, its spread and a busy machine fit into it. */
export async function becomes<T>(expected: T, look: () => Promise<T>, withinMs = 15_000) {
  const startedMs = performance.now();
  let found = await look();
  while (
    JSON.stringify(found) !== JSON.stringify(expected) &&
    performance.now() - startedMs < withinMs
  ) {
    await sleep(50);
    found = await look();
  }
  assert.deepEqual(found, expected);
}
