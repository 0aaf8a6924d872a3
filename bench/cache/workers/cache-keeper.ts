// What keeps the responses of the Cache API on bare workerd, which has no cache of its own: it is asked
// with GET, and told with PUT, whose body is the response as it goes over the wire.

const kept = new Map<string, ArrayBuffer>();

/** Finds where the head ends. */
function headEnd(bytes: Uint8Array): number {
  for (let at = 0; at + 3 < bytes.length; at += 1) {
    const isEnd = bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13;
    if (isEnd && bytes[at + 3] === 10) return at;
  }
  return bytes.length;
}

interface Kept {
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

const parsed = new Map<string, Kept>();

function parse(wire: ArrayBuffer): Kept {
  const bytes = new Uint8Array(wire);
  const end = headEnd(bytes);
  const [, ...lines] = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const at = line.indexOf(":");
    headers.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  headers.delete("transfer-encoding");
  headers.set("cf-cache-status", "HIT");
  return { headers, body: bytes.subarray(end + 4) };
}

// oxlint-disable-next-line import/no-default-export -- a Worker's entry
export default {
  async fetch(request: Request): Promise<Response> {
    const { url, method } = request;
    if (method === "PUT") {
      kept.set(url, await request.arrayBuffer());
      parsed.delete(url);
      return new Response(null, { status: 204 });
    }
    const found = parsed.get(url);
    if (found !== undefined) return new Response(found.body, { headers: found.headers });
    const wire = kept.get(url);
    if (wire === undefined) {
      return new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });
    }
    const made = parse(wire);
    parsed.set(url, made);
    return new Response(made.body, { headers: made.headers });
  },
};
