import type { NormalizedSchema } from "@smithy/core/schema";
import { fromBase64 } from "@smithy/core/serde";
import { parseTimestamp, WrongType } from "./json.ts";
import { traitsOf } from "./model.ts";

/** Form parameters `A.member.1.B=x` as a tree, to be read by schema. */
interface Node {
  text?: string;
  children: Map<string, Node>;
}

export function parseForm(body: string): Map<string, string> {
  return new Map(new URLSearchParams(body));
}

export function readQueryInput(schema: NormalizedSchema, form: ReadonlyMap<string, string>): Record<string, unknown> {
  const root: Node = { children: new Map() };
  for (const [key, text] of form) {
    let node = root;
    for (const part of key.split(".")) {
      const child = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, child);
      node = child;
    }
    node.text = text;
  }
  return schema.isStructSchema() ? readStructure(schema, root, "") : {};
}

function readStructure(schema: NormalizedSchema, node: Node, path: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const traits = traitsOf(member);
    const child = node.children.get(traits.xmlName ?? name) ?? node.children.get(name);
    if (!child) continue;
    result[name] = readNode(member, child, path ? `${path}.${name}` : name);
  }
  return result;
}

function readNode(schema: NormalizedSchema, node: Node, path: string): unknown {
  if (schema.isStructSchema()) return readStructure(schema, node, path);
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    return numbered(node, [traitsOf(item).xmlName ?? "member", "member"]).map((one, index) =>
      readNode(item, one, `${path}.${index + 1}`),
    );
  }
  if (schema.isMapSchema()) {
    const keyName = traitsOf(schema.getKeySchema()).xmlName ?? "key";
    const value = schema.getValueSchema();
    const valueName = traitsOf(value).xmlName ?? "value";
    const pick = (entry: Node, name: string) =>
      entry.children.get(name) ?? entry.children.get(name[0]?.toUpperCase() + name.slice(1));
    return Object.fromEntries(
      numbered(node, ["entry"]).map((entry) => {
        const one = pick(entry, valueName);
        return [pick(entry, keyName)?.text ?? "", one ? readNode(value, one, path) : undefined];
      }),
    );
  }
  return readText(schema, node.text ?? "", path);
}

/** Items of a list in order, whether it is flattened (`A.1`) or wrapped (`A.member.1`). An empty list is sent as `A=`. */
function numbered(node: Node, wrappers: string[]): Node[] {
  const wrapper = wrappers.map((name) => node.children.get(name)).find((child) => child !== undefined) ?? node;
  return [...wrapper.children]
    .filter(([key]) => /^\d+$/.test(key))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);
}

/** Text from a form, a header, a label or an XML node, by schema. */
export function readText(schema: NormalizedSchema, text: string, path: string): unknown {
  if (schema.isNumericSchema()) {
    const number = Number(text);
    if (text.trim() === "" || (Number.isNaN(number) && text !== "NaN")) throw new WrongType(path, "a number", text);
    return number;
  }
  if (schema.isBooleanSchema()) {
    if (!/^(true|false)$/i.test(text)) throw new WrongType(path, "true or false", text);
    return text.toLowerCase() === "true";
  }
  if (schema.isTimestampSchema()) return parseTimestamp(text, path);
  if (schema.isBlobSchema()) return fromBase64(text);
  return text;
}
