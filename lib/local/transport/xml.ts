import type { NormalizedSchema } from "@smithy/core/schema";
import { toBase64 } from "@smithy/core/serde";
import { XMLParser } from "fast-xml-parser";
import { asDate, formatTimestamp, WrongType } from "./json.ts";
import { traitsOf } from "./model.ts";
import { readText } from "./query.ts";

/** XML 1.0 allows no other control characters, escaped or not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML forbids
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

export function escapeXml(text: string): string {
  return text
    .replace(FORBIDDEN, "\ufffd")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/\r/g, "&#xD;");
}

const element = (name: string, inner: string, attributes = "") => `<${name}${attributes}>${inner}</${name}>`;

/** The members of a structure as XML, without an element around them. */
export function writeMembers(schema: NormalizedSchema, value: unknown): string {
  const source = value as Record<string, unknown>;
  let xml = "";
  for (const [name, member] of schema.structIterator()) {
    const one = source[name];
    const traits = traitsOf(member);
    if (one === null || one === undefined || traits.xmlAttribute || traits.httpHeader || traits.httpPrefixHeaders)
      continue;
    xml += writeMember(traits.xmlName ?? name, member, one);
  }
  return xml;
}

function writeMember(tag: string, schema: NormalizedSchema, value: unknown): string {
  const flattened = Boolean(traitsOf(schema).xmlFlattened);
  if (schema.isStructSchema()) return element(tag, writeMembers(schema, value), attributes(schema, value));
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    const itemTag = flattened ? tag : (traitsOf(item).xmlName ?? "member");
    const items = (value as unknown[]).map((one) => writeMember(itemTag, item, one)).join("");
    return flattened ? items : element(tag, items);
  }
  if (schema.isMapSchema()) {
    const keyTag = traitsOf(schema.getKeySchema()).xmlName ?? "key";
    const item = schema.getValueSchema();
    const valueTag = traitsOf(item).xmlName ?? "value";
    const entries = Object.entries(value as Record<string, unknown>).filter(
      ([, one]) => one !== undefined && one !== null,
    );
    const pairs = entries.map(([key, one]) => element(keyTag, escapeXml(key)) + writeMember(valueTag, item, one));
    if (flattened) return pairs.map((pair) => element(tag, pair)).join("");
    return element(tag, pairs.map((pair) => element("entry", pair)).join(""));
  }
  return element(tag, escapeXml(textOf(schema, value)));
}

/** `xsi:type` of S3's grantees is an attribute; nothing else here uses one. */
function attributes(schema: NormalizedSchema, value: unknown): string {
  let text = "";
  for (const [name, member] of schema.structIterator()) {
    const traits = traitsOf(member);
    const one = (value as Record<string, unknown>)[name];
    if (!traits.xmlAttribute || one === undefined) continue;
    text += ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ${traits.xmlName ?? name}="${escapeXml(String(one))}"`;
  }
  return text;
}

function textOf(schema: NormalizedSchema, value: unknown): string {
  if (schema.isTimestampSchema()) return String(formatTimestamp(asDate(schema, value), schema, "date-time"));
  if (schema.isBlobSchema()) return toBase64(value as Uint8Array);
  return String(value);
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  trimValues: false,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
});

type XmlElement = Record<string, unknown>;

/** Reads the root element of a request body by its schema. Throws WrongType for what is not XML. */
export function readXml(schema: NormalizedSchema, body: string): unknown {
  let document: XmlElement;
  try {
    document = parser.parse(body, true) as XmlElement;
  } catch {
    throw new WrongType("", "well-formed XML", body);
  }
  const root = Object.entries(document).find(([name]) => !name.startsWith("?"));
  return root ? readElement(schema, (root[1] as unknown[])[0], root[0]) : undefined;
}

function readElement(schema: NormalizedSchema, node: unknown, path: string): unknown {
  if (schema.isStructSchema()) {
    const source = (typeof node === "object" && node !== null ? node : {}) as XmlElement;
    const result: Record<string, unknown> = {};
    for (const [name, member] of schema.structIterator()) {
      const traits = traitsOf(member);
      const tag = traits.xmlName ?? name;
      if (traits.xmlAttribute) {
        if (source[`@${tag}`] !== undefined) result[name] = source[`@${tag}`];
        continue;
      }
      const found = source[tag] as unknown[] | undefined;
      if (!found) continue;
      result[name] =
        member.isListSchema() && traits.xmlFlattened
          ? found.map((one) => readElement(member.getValueSchema(), one, `${path}.${name}`))
          : readElement(member, found[0], `${path}.${name}`);
    }
    return result;
  }
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    const found = (node as XmlElement)?.[traitsOf(item).xmlName ?? "member"] as unknown[] | undefined;
    return (found ?? []).map((one) => readElement(item, one, path));
  }
  const text =
    typeof node === "object" && node !== null ? String((node as XmlElement)["#text"] ?? "") : String(node ?? "");
  return readText(schema, schema.isStringSchema() ? text : text.trim(), path);
}
