// Hooks of a shop: two price lists under one URL, an upstream behind a password, tags to purge by, and an
// answer that says how it was made. Add it to edge/sites/registry.ts as { shop: shopHooks }.

import type { SiteHooks } from "../../edge/site/hooks.ts";

/** The price lists there are; whatever else a client says, it gets the first. */
const LISTS = ["retail", "trade"];

export const shopHooks: SiteHooks = {
  onRequest({ path, query }) {
    if (path.startsWith("/internal/"))
      return { kind: "refuse", status: 404, detail: "There is no such page" };
    if (path === "/shop") return { kind: "rewrite", path: "/catalogue/", query };
    return undefined;
  },
  // One body is stored for each list: a key never takes on what a client makes up.
  onKey({ fields }) {
    const list = fields.get("x-price-list") ?? "";
    return [LISTS.includes(list) ? list : "retail"];
  },
  onFetch({ parts: [list = "retail"] }) {
    return { "x-price-list": list, authorization: "Basic c2hvcDpleGFtcGxl" };
  },
  onResponse({ path }, { status }) {
    const [, section = ""] = path.split("/");
    const lifetime = { store: true, ttl: status === 200 ? 300 : 10 };
    return { fields: { "cache-tag": `section-${section}`, "x-powered-by": null }, lifetime };
  },
  onDeliver({ host }) {
    return { "x-served-for": host };
  },
};
