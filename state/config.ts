// What of a deployment can be changed without deploying it again? The document under CONFIG: the
// origin publishes what is in it, and every edge reads it with the same schema.

import * as z from "zod/mini";
import { ORIGIN_WRITER } from "./purge-scope.ts";
import { REGIONS_MAX } from "./region.ts";
import { RULE_NAME, RULES_MAX, ruleSchema, type RuleSettings } from "./rule.ts";
import { SITES_MAX, siteSchema, type SiteSettings } from "./site.ts";
import { err, ok, type Result } from "../sync/result.ts";

/** One region and which places it serves; as in the edge's variable REGIONS. */
export interface PublishedRegion {
  readonly id: string;
  readonly countries: readonly string[];
  readonly continents: readonly string[];
  readonly latitude: number;
  readonly longitude: number;
  readonly locationHint: string | null;
}

/** The document. What it leaves out, the edge's own variables decide. */
export interface DeploymentConfig {
  /** Host, lower case and without port, to site; "*" is every other host. */
  readonly sites?: Readonly<Record<string, string>> | undefined;
  readonly regions?: readonly PublishedRegion[] | undefined;
  /** Site to how its content is served; what is not named here is as the edge's variables say. */
  readonly content?: Readonly<Record<string, SiteSettings>> | undefined;
  /** The rules that watch readings, by name. */
  readonly rules?: Readonly<Record<string, RuleSettings>> | undefined;
}

/** What is wrong with a document; `pointer` is a JSON Pointer (RFC 6901) into it. */
export interface ConfigFault {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

const NAME = "has 1 to 32 of the characters a-z, 0-9 and -";

const name = (what: string) =>
  z
    .string({ error: `${what} is a text` })
    .check(z.regex(/^[a-z0-9-]{1,32}$/, { error: `${what} ${NAME}` }));
const degrees = (what: string, most: number) => {
  const error = `${what} is a number from -${most} to ${most}`;
  return z.number({ error }).check(z.gte(-most, { error }), z.lte(most, { error }));
};
const codes = (pattern: RegExp, error: string) =>
  z._default(z.array(z.string({ error }).check(z.regex(pattern, { error })), { error }), []);

const HOST = /^(?:\*|[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])$/;
const hostError = 'a host is in lower case and without a port, or "*" for every other host';
const sites = z.record(
  z.string().check(z.regex(HOST, { error: hostError })),
  name("a site's name"),
  { error: `sites is an object from host to site; ${hostError}` },
);

const hintError = 'locationHint is a hint of Cloudflare such as "weur", or null';
const regionShape = {
  id: name("a region's id").check(
    z.refine((id) => id !== ORIGIN_WRITER, { error: "no region is called as the origin is" }),
  ),
  countries: codes(/^[A-Z][A-Z0-9]$/, 'countries is a list of ISO 3166 codes such as "FI"'),
  continents: codes(
    /^(?:AF|AN|AS|EU|NA|OC|SA)$/,
    "continents is a list of AF, AN, AS, EU, NA, OC and SA",
  ),
  latitude: degrees("latitude", 90),
  longitude: degrees("longitude", 180),
  locationHint: z._default(
    z.nullable(
      z.string({ error: hintError }).check(z.regex(/^[a-z-]{1,16}$/, { error: hintError })),
    ),
    null,
  ),
};
const REGION_FIELDS = Object.keys(regionShape).join(", ");
const regionError = `a region is an object with ${REGION_FIELDS} and nothing else`;
const listError = `regions is a list of 1 to ${REGIONS_MAX} regions with different ids`;
const listOf = (region: z.ZodMiniType<PublishedRegion>) =>
  z.array(region, { error: listError }).check(
    z.minLength(1, { error: listError }),
    z.maxLength(REGIONS_MAX, { error: listError }),
    z.refine((all) => new Set(all.map(({ id }) => id)).size === all.length, { error: listError }),
  );

const contentError = `content is an object from site to its settings, of at most ${SITES_MAX} sites`;
const contentOf = (settings: z.ZodMiniType<SiteSettings>) =>
  z
    .record(name("a site's name"), settings, { error: contentError })
    .check(z.refine((all) => Object.keys(all).length <= SITES_MAX, { error: contentError }));

const rulesError = `rules is an object from a rule's name (1 to 32 of a-z, 0-9 and -) to the rule, of at most ${RULES_MAX} rules`;
const rulesOf = (rule: z.ZodMiniType<RuleSettings>) =>
  z
    .record(
      z.string({ error: rulesError }).check(z.regex(RULE_NAME, { error: rulesError })),
      rule,
      { error: rulesError },
    )
    .check(z.refine((all) => Object.keys(all).length <= RULES_MAX, { error: rulesError }));

/** The rules that a deployment begins with, as they would be published. */
export const deployedRules: z.ZodMiniType<Readonly<Record<string, RuleSettings>>> = rulesOf(
  ruleSchema("strict"),
);

/** What may be published: a field that is not known is more likely a slip than the future. */
const published = z.strictObject(
  {
    sites: z.optional(sites),
    regions: z.optional(listOf(z.strictObject(regionShape, { error: regionError }))),
    content: z.optional(contentOf(siteSchema("strict"))),
    rules: z.optional(deployedRules),
  },
  { error: 'the configuration is { "sites"?, "regions"?, "content"?, "rules"? } and nothing else' },
);
/** The same, for documents. */
export const publishedSchema: z.ZodMiniType = published;
/** What may be received: a newer origin may say more, and what is not known here is left alone. */
const received = z.object({
  sites: z.optional(sites),
  regions: z.optional(listOf(z.object(regionShape))),
  content: z.optional(contentOf(siteSchema("loose"))),
  rules: z.optional(rulesOf(ruleSchema("loose"))),
});

/** Checks a document that is to be published, and fills in what its regions leave out. */
export function checkConfig(document: unknown): Result<DeploymentConfig, readonly ConfigFault[]> {
  const parsed = published.safeParse(document);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map(({ path, code, message }) => ({
      pointer: path.map((part) => `/${escape(String(part))}`).join(""),
      code: code ?? "invalid",
      message,
    })),
  );
}

/**
 * What of a sound document has no effect, most likely by a slip: settings of a site that no host shows. They
 * may be published before their host is, so they are no fault; and where the document does not say which
 * hosts there are, the edges' variables do, which are not known here.
 */
export function warningsOf({
  sites: hosts,
  content = {},
}: DeploymentConfig): readonly ConfigFault[] {
  if (hosts === undefined) return [];
  const shown = new Set(Object.values(hosts));
  return Object.keys(content)
    .filter((site) => !shown.has(site))
    .map((site) => ({
      pointer: `/content/${site}`,
      code: "site-without-host",
      message: `no host shows the site "${site}", so nothing is served by these settings: add its host to sites, or mend the name`,
    }));
}

/** Reads a document that was published; null if it is not one. */
export function readConfig(text: string): DeploymentConfig | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = received.safeParse(document);
  return parsed.success ? parsed.data : null;
}

function escape(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}
