// How does the content door say no? One problem (RFC 9457) for each reason that it has.

import type { Problem } from "../../http/problem.ts";
import { limits } from "../limits.ts";
import type { GuardDecision } from "./request-guard.ts";
import type { OriginFailure } from "../routing/origin-health.ts";

/** 400: the target cannot be made canonical. */
export function badTarget(reason: string, detail: string): Problem {
  return { code: `target-${reason}`, status: 400, title: "Bad request target", detail };
}

/** 405: content is read here, and published at the origin. */
export function methodNotAllowed(method: string): Problem {
  return {
    code: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    detail: `Content answers GET and HEAD, not ${method}: publish at the origin with PUT /v1/sites/{site}/content/{path}`,
    headers: { allow: "GET, HEAD" },
  };
}

/** 431 or 400: the request's fields are not passed on. */
export function badFields({ reason, field }: Extract<GuardDecision, { kind: "refused" }>): Problem {
  if (reason === "control-character") {
    return {
      code: "field-control-character",
      status: 400,
      title: "Bad request field",
      detail: `The field "${field}" holds a control character: leave it out or encode it`,
    };
  }
  return {
    code: "fields-too-large",
    status: 431,
    title: "Request fields too large",
    detail:
      field === null
        ? "The request's fields are together larger than 16 KiB: send fewer or shorter ones"
        : `The field "${field}" is larger than 8 KiB: shorten it`,
  };
}

/** 400 or 408: the client's body did not come whole (RFC 9110 §15.5.1, §15.5.9). */
export function badBody(fault: "broken" | "late"): Problem {
  if (fault === "late") {
    return {
      code: "body-late",
      status: 408,
      title: "Request body too slow",
      detail: `The request's body did not come whole within ${limits.originTimeoutMs / 1000} s: send it faster, or in parts`,
    };
  }
  return {
    code: "body-broken",
    status: 400,
    title: "Broken request body",
    detail:
      "The request's body broke off, or its chunks are malformed: send all that Content-Length or the chunks announce",
  };
}

/** 405: who purges has a token. */
export function purgeNotAllowed(): Problem {
  return {
    code: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    detail: "Nothing is purged by a method: POST to /v1/purge with a token",
    headers: { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY" },
  };
}

/** 508: it came through here too often (RFC 8586). */
export function loopDetected(): Problem {
  return {
    code: "loop-detected",
    status: 508,
    title: "Loop detected",
    detail:
      "The request has come through this cache several times, as its CDN-Loop says: the site's upstream leads back here",
  };
}

/** 405: a proxy must not repeat what may hold credentials (RFC 9110 §9.3.8). */
export function traceNotAllowed(): Problem {
  return {
    code: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    detail: "TRACE is not passed on: it would repeat the request's fields to whoever asks",
    headers: { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY" },
  };
}

/** 421: this deployment serves no site of that name (RFC 9110 §15.5.20). */
export function misdirected(host: string): Problem {
  return {
    code: "unknown-host",
    status: 421,
    title: "Misdirected request",
    detail: `No site is configured for the host "${host}": add it to SITES`,
  };
}

/** 504: the client wants a stored response only, and there is none that may be used. */
export function notCached(): Problem {
  return {
    code: "not-cached",
    status: 504,
    title: "Not in the cache",
    detail: "The request says only-if-cached, and nothing usable is stored",
  };
}

const FAILURES: Record<OriginFailure, Omit<Problem, "headers">> = {
  "origin-unreachable": {
    code: "origin-unreachable",
    status: 504,
    title: "Origin out of reach",
    detail:
      "This is not stored here, or must not be served stale, and the origin cannot be reached",
  },
  "origin-slow": {
    code: "origin-slow",
    status: 504,
    title: "Origin too slow",
    detail:
      "This is not stored here, or must not be served stale, and the origin did not answer in time",
  },
  "origin-timeout": {
    code: "origin-timeout",
    status: 504,
    title: "Origin did not answer in time",
    detail: `This is not stored here, or must not be served stale, and the origin did not answer within ${limits.originTimeoutMs / 1000} s`,
  },
  "origin-error": {
    code: "origin-error",
    status: 502,
    title: "Bad answer from the origin",
    detail: "The origin's answer cannot be used; its log says more",
  },
  "origin-refused": {
    code: "origin-refused",
    status: 502,
    title: "Origin refused the edge",
    detail: "The origin does not accept this edge's link: both must have the same LINK_KEY",
  },
  "no-link-key": {
    code: "not-configured",
    status: 503,
    title: "Not configured",
    detail:
      'Missing: LINK_KEY (the key that this edge reads content from the origin with). Set it with "wrangler secret put LINK_KEY", or make a set for development with "npm run keys"',
  },
};

/** The answer to a request that needs the origin while it does not answer. */
export function originFailed(reason: OriginFailure, retryAfterMs: number): Problem {
  const retryAfterS = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return { ...FAILURES[reason], headers: { "retry-after": String(retryAfterS) } };
}
