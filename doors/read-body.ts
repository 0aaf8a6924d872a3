// How is a body read without trusting its size? With a bound on what comes out, also of gzip.

export type BodyReading =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" }
  | { readonly kind: "broken-gzip" }
  | { readonly kind: "unknown-encoding"; readonly encoding: string }
  | { readonly kind: "aborted" };

/** Reads the whole body, gunzipped if Content-Encoding says so, or says why not. */
export async function readBody(request: Request, bytesMax: number): Promise<BodyReading> {
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  const isGzip = encoding === "gzip" || encoding === "x-gzip";
  if (!isGzip && encoding !== "identity" && encoding !== "")
    return { kind: "unknown-encoding", encoding };
  if (Number(request.headers.get("content-length") ?? "0") > bytesMax) return { kind: "too-large" };
  if (request.body === null) return { kind: "bytes", bytes: new Uint8Array(0) };
  const raw = await collect(request.body, bytesMax);
  if (raw.kind !== "bytes" || !isGzip) return raw;
  const gunzip = new Blob([raw.bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const opened = await collect(gunzip, bytesMax);
  return opened.kind === "aborted" ? { kind: "broken-gzip" } : opened;
}

async function collect(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<BodyReading> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > bytesMax) {
        await reader.cancel();
        return { kind: "too-large" };
      }
      chunks.push(value);
    }
  } catch {
    return { kind: "aborted" };
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { kind: "bytes", bytes };
}
