import type { NormalizedSchema } from "@smithy/core/schema";
import { asDate, formatTimestamp, JSON_FORMAT, readStructure, readValue, WrongType, writeValue } from "./json.ts";
import { type OperationModel, requiredMembers, type ServiceModel, traitsOf } from "./model.ts";
import { readText } from "./query.ts";
import { escapeXml, readXml, writeMembers } from "./xml.ts";

export interface HttpRequestParts {
  method: string;
  /** Raw path, still percent-encoded, and raw query without the question mark. */
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

export interface HttpReply {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

interface Route {
  operation: OperationModel;
  method: string;
  segments: readonly string[];
  literals: readonly (readonly [name: string, value: string])[];
  /** Query parameters and headers without which the operation cannot be meant (`uploadId`, `x-amz-copy-source`). */
  needs: readonly { query?: string; header?: string }[];
  weight: number;
}

export interface RouteMatch {
  operation: OperationModel;
  labels: Record<string, string>;
}

const routesOf = new WeakMap<ServiceModel, readonly Route[]>();

/** `x-id` only tells readers of logs which operation was meant; not every client sends it. */
const HINT = "x-id";

function buildRoutes(model: ServiceModel): readonly Route[] {
  const routes: Route[] = [];
  for (const operation of model.operations.values()) {
    if (!operation.http) continue;
    const [method, uri] = operation.http;
    const [path = "", query = ""] = uri.split("?");
    // Clients put the bucket in front of the path themselves: S3's model leaves that to its endpoint rules.
    const inBucket = model.entry.protocol === "restXml" && requiredMembers(operation.input).includes("Bucket");
    const segments = path.split("/").filter((segment) => segment !== "");
    if (inBucket) segments.unshift("{Bucket}");
    const literals = [...new URLSearchParams(query)].filter(([name]) => name !== HINT);
    const needs = requiredMembers(operation.input).flatMap((name): Route["needs"] => {
      const traits = traitsOf(operation.input.getMemberSchema(name));
      if (traits.httpQuery) return [{ query: traits.httpQuery }];
      // Only S3 tells operations apart by a header.
      return traits.httpHeader && model.entry.protocol === "restXml"
        ? [{ header: traits.httpHeader.toLowerCase() }]
        : [];
    });
    const fixed = segments.filter((segment) => !segment.startsWith("{")).length;
    const selective = model.entry.protocol === "restXml" ? needs : [];
    const weight = fixed * 100 + segments.length * 10 + literals.length * 5 + selective.length;
    routes.push({ operation, method, segments, literals, needs: selective, weight });
  }
  return routes.sort((a, b) => b.weight - a.weight);
}

export function matchRoute(model: ServiceModel, request: HttpRequestParts): RouteMatch | undefined {
  let routes = routesOf.get(model);
  if (!routes) {
    routes = buildRoutes(model);
    routesOf.set(model, routes);
  }
  const hinted = request.query.get(HINT);
  const found: RouteMatch[] = [];
  for (const route of routes) {
    if (route.method !== request.method) continue;
    if (!route.literals.every(([name, value]) => request.query.has(name) && request.query.get(name) === value))
      continue;
    const missing = route.needs.some(
      ({ query, header }) => (query && !request.query.has(query)) || (header && request.headers[header] === undefined),
    );
    if (missing) continue;
    const labels = matchPath(route.segments, request.path);
    if (labels) found.push({ operation: route.operation, labels });
  }
  return found.find(({ operation }) => operation.name === hinted) ?? found[0];
}

/** Splits on `/` first and decodes each segment after: function ARNs and names with slashes come percent-encoded. */
function matchPath(pattern: readonly string[], path: string): Record<string, string> | undefined {
  const segments = path.split("/").slice(1);
  const greedyKey = pattern.at(-1)?.endsWith("+}") ?? false;
  if (!greedyKey) while (segments.at(-1) === "") segments.pop();
  const labels: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index];
    if (segment === undefined || segment === "") return undefined;
    if (!expected.startsWith("{")) {
      if (segment !== expected) return undefined;
    } else if (expected.endsWith("+}")) {
      labels[expected.slice(1, -2)] = decode(segments.slice(index).join("/"));
      return labels;
    } else {
      labels[expected.slice(1, -1)] = decode(segment);
    }
  }
  return segments.length === pattern.length ? labels : undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new WrongType(segment, "percent-encoded UTF-8", segment);
  }
}

/** The parsed body of a REST request: members that are bound nowhere else, or the one payload member. */
export function readRestInput(
  model: ServiceModel,
  match: RouteMatch,
  request: HttpRequestParts,
): Record<string, unknown> {
  const { input } = match.operation;
  if (!input.isStructSchema()) return {};
  const xml = model.entry.protocol === "restXml";
  const result: Record<string, unknown> = {};
  const text = () => new TextDecoder().decode(request.body);
  let hasPayload = false;
  const inBody: string[] = [];
  for (const [name, member] of input.structIterator()) {
    const traits = traitsOf(member);
    let value: unknown;
    if (traits.httpLabel)
      value = match.labels[name] === undefined ? undefined : readText(member, match.labels[name], name);
    else if (traits.httpQuery) value = readQueryMember(member, request.query, traits.httpQuery, name);
    else if (traits.httpQueryParams) value = Object.fromEntries(request.query);
    else if (traits.httpHeader) value = readHeader(member, request.headers[traits.httpHeader.toLowerCase()], name);
    else if (traits.httpPrefixHeaders !== undefined) value = readPrefixed(request.headers, traits.httpPrefixHeaders);
    else if (traits.httpPayload) {
      hasPayload = true;
      if (request.body.length > 0 || member.isStreaming()) value = readPayload(member, request.body, text, xml);
    } else inBody.push(name);
    if (value !== undefined) result[name] = value;
  }
  if (!hasPayload && inBody.length > 0 && request.body.length > 0 && !xml) {
    const body = readStructure(input, parseJsonObject(text()));
    for (const name of inBody) if (body[name] !== undefined) result[name] = body[name];
  }
  return result;
}

export function parseJsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw new WrongType("", "JSON", text);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new WrongType("", "a JSON object", value);
  return value as Record<string, unknown>;
}

function readPayload(member: NormalizedSchema, body: Uint8Array, text: () => string, xml: boolean): unknown {
  if (member.isBlobSchema()) return body;
  if (member.isStringSchema()) return text();
  return xml ? readXml(member, text()) : readValue(member, parseJsonObject(text()));
}

function readQueryMember(member: NormalizedSchema, query: URLSearchParams, key: string, name: string): unknown {
  const values = query.getAll(key);
  if (values.length === 0) return undefined;
  if (member.isListSchema()) return values.map((value) => readText(member.getValueSchema(), value, name));
  return readText(member, values[0] ?? "", name);
}

function readHeader(member: NormalizedSchema, header: string | undefined, name: string): unknown {
  if (header === undefined) return undefined;
  if (!member.isListSchema()) return readText(member, header, name);
  return header.split(",").map((value) => readText(member.getValueSchema(), value.trim(), name));
}

function readPrefixed(headers: Readonly<Record<string, string>>, prefix: string): Record<string, string> | undefined {
  const lower = prefix.toLowerCase();
  const found = Object.entries(headers).filter(([name]) => name.startsWith(lower));
  return found.length > 0
    ? Object.fromEntries(found.map(([name, value]) => [name.slice(lower.length), value]))
    : undefined;
}

export function writeRestOutput(model: ServiceModel, operation: OperationModel, output: unknown): HttpReply {
  const xml = model.entry.protocol === "restXml";
  const reply: HttpReply = { status: operation.http?.[2] ?? 200, headers: {}, body: "" };
  if (!operation.output.isStructSchema()) return reply;
  const source = (output ?? {}) as Record<string, unknown>;
  let payload: NormalizedSchema | undefined;
  let hasBody = false;
  for (const [name, member] of operation.output.structIterator()) {
    const traits = traitsOf(member);
    const value = source[name];
    if (traits.httpPayload) payload = member;
    else if (traits.httpResponseCode) reply.status = typeof value === "number" ? value : reply.status;
    else if (traits.httpHeader) {
      if (value !== undefined && value !== null)
        reply.headers[traits.httpHeader.toLowerCase()] = headerText(member, value);
    } else if (traits.httpPrefixHeaders !== undefined) {
      for (const [key, one] of Object.entries((value ?? {}) as Record<string, string>)) {
        reply.headers[`${traits.httpPrefixHeaders}${key}`.toLowerCase()] = one;
      }
    } else hasBody = true;
  }
  if (payload) writePayload(reply, payload, source[payload.getMemberName()], xml);
  else if (hasBody && xml) {
    const traits = traitsOf(operation.output);
    const tag = traits.xmlName ?? operation.output.getName() ?? operation.name;
    // GetBucketLocation's one member is the root element itself (S3 API reference, GetBucketLocation, 2025).
    const sole = source[tag];
    const inner = typeof sole === "string" ? escapeXml(sole) : writeMembers(operation.output, source);
    reply.body = xmlDocument(tag, inner, model);
    reply.headers["content-type"] ??= "application/xml";
  } else if (hasBody) {
    reply.body = JSON.stringify(bodyMembers(operation.output, source));
    reply.headers["content-type"] ??= "application/json";
  }
  return reply;
}

const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

function xmlDocument(tag: string, inner: string, model: ServiceModel): string {
  const attribute = model.entry.name === "s3" ? ` xmlns="${S3_NAMESPACE}"` : "";
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${tag}${attribute}>${inner}</${tag}>`;
}

function bodyMembers(schema: NormalizedSchema, source: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const traits = traitsOf(member);
    if (traits.httpHeader || traits.httpResponseCode || traits.httpPrefixHeaders !== undefined) continue;
    const written = writeValue(member, source[name], JSON_FORMAT);
    if (written !== undefined) result[traits.jsonName ?? name] = written;
  }
  return result;
}

function writePayload(reply: HttpReply, member: NormalizedSchema, value: unknown, xml: boolean): void {
  if (value === undefined || value === null) return;
  if (member.isBlobSchema()) {
    reply.body = value as Uint8Array;
    reply.headers["content-type"] ??= "application/octet-stream";
  } else if (member.isStringSchema()) {
    reply.body = String(value);
  } else if (xml) {
    const tag = traitsOf(member).xmlName ?? member.getName() ?? member.getMemberName();
    reply.body = `<?xml version="1.0" encoding="UTF-8"?>\n<${tag} xmlns="${S3_NAMESPACE}">${writeMembers(member, value)}</${tag}>`;
    reply.headers["content-type"] = "application/xml";
  } else {
    reply.body = JSON.stringify(writeValue(member, value, JSON_FORMAT));
    reply.headers["content-type"] ??= "application/json";
  }
}

export function headerText(member: NormalizedSchema, value: unknown): string {
  if (member.isTimestampSchema()) return String(formatTimestamp(asDate(member, value), member, "http-date"));
  return Array.isArray(value) ? value.join(", ") : String(value);
}
