// Is a request for the API or for content? DESIGN: the API answers on the configured API hosts; in
// development on its reserved paths of any host. Everything else is content of the site that the
// host names.

const API_PATHS = ["/v1", "/write", "/api/v2", "/ping", "/health", "/livez", "/readyz", "/metrics"];

/** Tells whether a request's host and path belong to the API. */
export function isApiRequest(host: string, path: string, apiHosts: readonly string[]): boolean {
  if (apiHosts.length > 0) return apiHosts.includes(host);
  return API_PATHS.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}

/** Names the site of a host (lower case, without port); null if this deployment does not serve it. */
export function siteOf(host: string, sites: Readonly<Record<string, string>>): string | null {
  if (Object.hasOwn(sites, host)) return sites[host] ?? null;
  return Object.hasOwn(sites, "*") ? (sites["*"] ?? null) : null;
}

/** The one host that a site is served under; null: there are several, or any. */
export function onlyHostOf(site: string, sites: Readonly<Record<string, string>>): string | null {
  const hosts = Object.keys(sites).filter((host) => sites[host] === site);
  const [only = "*", ...others] = hosts;
  return only === "*" || others.length > 0 ? null : only;
}

/** The first host that a site is served under; null: under any. */
export function hostOf(site: string, sites: Readonly<Record<string, string>>): string | null {
  return Object.keys(sites).find((host) => host !== "*" && sites[host] === site) ?? null;
}
