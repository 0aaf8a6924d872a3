// What storing decides about a response that says nothing but how long it is fresh.

import type { StoredPolicy } from "../../edge/cache/stored-response.ts";

export const PLAIN_POLICY: StoredPolicy = {
  freshnessLifetimeS: 60,
  initialAgeMs: 0,
  staleForbiddenBy: null,
  isValidatedAlways: false,
  staleWhileRevalidateS: 0,
  staleIfErrorS: 0,
  isImmutable: false,
  hiddenFields: [],
  variant: [],
  part: null,
};
