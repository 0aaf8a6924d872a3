// As what does a client want to read an answer? By its Accept field (RFC 9110 §12.5.1): the most
// specific range that a type falls into says how much it is wanted.

import type { HistoryFormat } from "./parse-query.ts";

const TYPES: Readonly<Record<HistoryFormat, readonly string[]>> = {
  json: ["application/json", "application/*", "*/*"],
  csv: ["text/csv", "text/*", "*/*"],
};

/** Finds the format that is wanted most, JSON if that is both; null if neither is. */
export function acceptedFormat(accept: string | null): HistoryFormat | null {
  if (accept === null || accept.trim() === "") return "json";
  const weights = new Map(
    accept.split(",").map((member) => {
      const [range = "", ...parameters] = member
        .split(";")
        .map((part) => part.trim().toLowerCase());
      return [range, weightOf(parameters)];
    }),
  );
  const [json = 0, csv = 0] = (["json", "csv"] as const).map((format) => {
    const range = TYPES[format].find((type) => weights.has(type));
    return range === undefined ? 0 : (weights.get(range) ?? 0);
  });
  if (json === 0 && csv === 0) return null;
  return csv > json ? "csv" : "json";
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
}
