// What is said of one method of one path, before it is OpenAPI?

import type * as z from "zod/mini";

/** A schema, or a media type of which nothing more is said. */
export type Content = z.ZodMiniType | `${string}/${string}`;

/** Whose credentials open a door. */
export type Token = "none" | "device" | "operator" | "link";

/** A parameter of the query. */
export interface QueryParameter {
  readonly name: string;
  readonly says: string;
  readonly isList?: boolean;
  readonly type?: "string" | "integer";
}

/** One method of one path. */
export interface Operation {
  readonly summary: string;
  readonly tokens: readonly Token[];
  /** What a token has to allow, of operators. */
  readonly scope?: string;
  readonly query?: readonly QueryParameter[];
  readonly fields?: readonly string[];
  readonly body?: readonly Content[];
  /** Whether it may be left out. */
  readonly isBodyOptional?: boolean;
  /** By status; null: without a body. */
  readonly answers: Readonly<Record<number, Content | null>>;
  /** Statuses of problems, beside those that every door has. */
  readonly problems: readonly number[];
}

/** By method and path: "GET /v1/time". */
export type Operations = Readonly<Record<string, Operation>>;

export const PAGE: readonly QueryParameter[] = [
  { name: "limit", says: "Items of a page, at most", type: "integer" },
  { name: "cursor", says: "Where the page before ended" },
];
