// What of the runtime's node:zlib is used; its types for Node do not go together with the runtime's own.

declare module "node:zlib" {
  export function gzipSync(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  export function zstdCompressSync(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  export function brotliCompressSync(
    bytes: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>> },
  ): Uint8Array<ArrayBuffer>;
}
