// Does a response have the type that its path names? A page under a name such as /account/x.css is
// somebody's who was made to ask for it: nothing says that it is for all.

/** What a path's extension promises; others promise nothing. */
const PROMISED: Readonly<Record<string, RegExp>> = {
  avif: /^image\//,
  css: /^text\/css/,
  gif: /^image\//,
  ico: /^image\//,
  jpeg: /^image\//,
  jpg: /^image\//,
  js: /^(?:application|text)\/(?:x-)?(?:java|ecma)script/,
  mjs: /^(?:application|text)\/(?:x-)?(?:java|ecma)script/,
  mp3: /^audio\//,
  mp4: /^video\//,
  otf: /^(?:font|application)\//,
  pdf: /^application\/pdf/,
  png: /^image\//,
  svg: /^image\/svg/,
  ttf: /^(?:font|application)\//,
  txt: /^text\/plain/,
  wasm: /^application\/wasm/,
  webm: /^(?:video|audio)\//,
  webp: /^image\//,
  woff: /^(?:font|application)\//,
  woff2: /^(?:font|application)\//,
};

/** Tells whether a response contradicts the extension of its path; without a type it does not. */
export function isNamedOtherwise(path: string, contentType: string | null): boolean {
  const extension = /\.([a-z0-9]{1,8})$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  const promised = Object.hasOwn(PROMISED, extension) ? PROMISED[extension] : undefined;
  if (promised === undefined || contentType === null) return false;
  return !promised.test(contentType.trim().toLowerCase());
}
