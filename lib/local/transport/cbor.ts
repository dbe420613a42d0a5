import { cbor, dateToTag, tagSymbol } from "@smithy/core/cbor";
import type { ValueFormat } from "./json.ts";
import { WrongType } from "./json.ts";

/** Smithy RPC v2 CBOR: timestamps are tag 1 (epoch seconds), blobs are byte strings. */
export const CBOR_FORMAT: ValueFormat = {
  timestamp: (value) => dateToTag(value),
  blob: (value) => value,
  number: (value) => value,
};

export function decodeCbor(body: Uint8Array): Record<string, unknown> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = untag(cbor.deserialize(body));
  } catch {
    throw new WrongType("", "CBOR", body);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WrongType("", "a CBOR map", value);
  return value as Record<string, unknown>;
}

export function encodeCbor(value: unknown): Uint8Array {
  return cbor.serialize(value);
}

const EPOCH_SECONDS_TAG = 1;

function untag(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(untag);
  const object = value as Record<string | symbol, unknown>;
  if (object[tagSymbol]) {
    return Number(object.tag) === EPOCH_SECONDS_TAG
      ? new Date(Math.round(Number(object.value) * 1000))
      : untag(object.value);
  }
  return Object.fromEntries(Object.entries(object).map(([key, one]) => [key, untag(one)]));
}
