import type { NormalizedSchema } from "@smithy/core/schema";
import { fromBase64, toBase64 } from "@smithy/core/serde";
import { traitsOf } from "./model.ts";

/** A value of the wrong type; services answer it as SerializationException. */
export class WrongType extends Error {
  readonly path: string;

  constructor(path: string, expected: string, found: unknown) {
    const kind = found === null ? "null" : Array.isArray(found) ? "a list" : `${typeof found}`;
    super(`${path || "the request"} must be ${expected}, found ${kind}`);
    this.name = "WrongType";
    this.path = path;
  }
}

/** What differs between the JSON protocols and CBOR. */
export interface ValueFormat {
  timestamp(value: Date, schema: NormalizedSchema): unknown;
  blob(value: Uint8Array): unknown;
  number(value: number): unknown;
}

const DATE_TIME = 5;
const HTTP_DATE = 6;

/** Timestamps are epoch seconds with fractions unless the member says date-time or http-date. */
export const JSON_FORMAT: ValueFormat = {
  timestamp: (value, schema) => formatTimestamp(value, schema, "epoch-seconds"),
  blob: (value) => toBase64(value),
  number: (value) => (Number.isFinite(value) ? value : String(value)),
};

export function formatTimestamp(
  value: Date,
  schema: NormalizedSchema,
  otherwise: "epoch-seconds" | "date-time" | "http-date",
): string | number {
  const own = schema.getSchema();
  const format =
    own === DATE_TIME ? "date-time" : own === HTTP_DATE ? "http-date" : own === 7 ? "epoch-seconds" : otherwise;
  if (format === "epoch-seconds") return value.getTime() / 1000;
  return format === "date-time" ? value.toISOString().replace(".000Z", "Z") : value.toUTCString();
}

export function parseTimestamp(value: unknown, path: string): Date {
  if (value instanceof Date) return value;
  if (typeof value === "number") return new Date(Math.round(value * 1000));
  if (typeof value === "string") {
    const date = /^-?\d+(\.\d+)?$/.test(value) ? new Date(Math.round(Number(value) * 1000)) : new Date(value);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw new WrongType(path, "a timestamp", value);
}

/** Reads a decoded JSON (or CBOR) value by its schema. Unknown members are ignored, null means absent, as AWS does. */
export function readValue(schema: NormalizedSchema, value: unknown, path = ""): unknown {
  if (value === null || value === undefined) return undefined;
  if (schema.isDocumentSchema()) return value;
  if (schema.isStructSchema()) return readStructure(schema, asObject(value, path), path);
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw new WrongType(path, "a list", value);
    const item = schema.getValueSchema();
    return value.map((element, index) => readValue(item, element, `${path}[${index}]`) ?? null);
  }
  if (schema.isMapSchema()) {
    const item = schema.getValueSchema();
    const entries = Object.entries(asObject(value, path));
    return Object.fromEntries(entries.map(([key, one]) => [key, readValue(item, one, `${path}.${key}`)]));
  }
  if (schema.isTimestampSchema()) return parseTimestamp(value, path);
  if (schema.isBlobSchema()) {
    if (value instanceof Uint8Array) return value;
    if (typeof value !== "string") throw new WrongType(path, "base64 text", value);
    return fromBase64(value);
  }
  if (schema.isBooleanSchema()) {
    if (typeof value !== "boolean") throw new WrongType(path, "true or false", value);
    return value;
  }
  if (schema.isStringSchema()) {
    if (typeof value !== "string") throw new WrongType(path, "a string", value);
    return value;
  }
  if (schema.isNumericSchema()) {
    if (typeof value === "number") return value;
    if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
    throw new WrongType(path, "a number", value);
  }
  return value;
}

export function readStructure(schema: NormalizedSchema, object: Record<string, unknown>, path = "") {
  const result: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const read = readValue(member, object[traitsOf(member).jsonName ?? name], path ? `${path}.${name}` : name);
    if (read !== undefined) result[name] = read;
  }
  return result;
}

/** Writes an output by its schema; members that the model does not have are left out, as a client would drop them. */
export function writeValue(schema: NormalizedSchema, value: unknown, format: ValueFormat = JSON_FORMAT): unknown {
  if (value === null || value === undefined) return undefined;
  if (schema.isDocumentSchema()) return value;
  if (schema.isStructSchema()) {
    const source = value as Record<string, unknown>;
    const result: Record<string, unknown> = {};
    for (const [name, member] of schema.structIterator()) {
      const written = writeValue(member, source[name], format);
      if (written !== undefined) result[traitsOf(member).jsonName ?? name] = written;
    }
    return result;
  }
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    return (value as unknown[]).map((element) => writeValue(item, element, format) ?? null);
  }
  if (schema.isMapSchema()) {
    const item = schema.getValueSchema();
    const entries = Object.entries(value as Record<string, unknown>);
    return Object.fromEntries(entries.map(([key, one]) => [key, writeValue(item, one, format)]));
  }
  if (schema.isTimestampSchema()) return format.timestamp(asDate(schema, value), schema);
  if (schema.isBlobSchema()) return format.blob(value as Uint8Array);
  if (typeof value === "number") return format.number(value);
  return value;
}

export function asDate(schema: NormalizedSchema, value: unknown): Date {
  if (value instanceof Date) return value;
  throw new TypeError(`${schema.getMemberName()} of the reply must be a Date, found ${typeof value}`);
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new WrongType(path, "an object", value);
  }
  return value as Record<string, unknown>;
}
