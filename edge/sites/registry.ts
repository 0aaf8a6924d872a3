// Which sites have hooks? A deployment adds its own here: a site's name, as in the configuration, and
// what edge/site/hooks.ts lets it do. docs/sites.md has an example.

import type { SiteHooks } from "../site/hooks.ts";

export const SITE_HOOKS: Readonly<Record<string, SiteHooks>> = {};
