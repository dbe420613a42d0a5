import type {
  AttributeValue,
  GetItemCommandInput,
  QueryCommandInput,
  UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { AwsError } from "../../lib/local/kernel/errors.ts";

type Item = Record<string, AttributeValue>;

/**
 * One table in memory with as much of DynamoDB as the ledger and the counts of signals use: consistent GetItem, UpdateItem
 * with SET, if_not_exists, REMOVE, ADD to numbers and sets, DELETE from sets and conditions (=, <, NOT contains) joined by
 * OR, and Query of one partition between two sort keys. The local DynamoDB is a server with a socket, too slow for a
 * million calls; the ledger's contract suite runs over this table too. What it does not know it refuses.
 */
export class MemoryTable {
  private readonly items = new Map<string, Item>();

  call(operation: string, input: object): object {
    if (operation === "Query") return this.query(input as QueryCommandInput);
    if (operation === "GetItem") return this.get(input as GetItemCommandInput);
    if (operation === "UpdateItem") return this.update(input as UpdateItemCommandInput);
    throw new Error(`the table does not know ${operation}`);
  }

  private get({ Key }: GetItemCommandInput): object {
    const item = this.items.get(JSON.stringify(Key));
    return item ? { Item: structuredClone(item) } : {};
  }

  private query({ ExpressionAttributeValues: values = {}, ...input }: QueryCommandInput): object {
    if (input.KeyConditionExpression !== "#pk = :pk AND #sk BETWEEN :from AND :to") {
      throw new Error(`the table does not know the query ${input.KeyConditionExpression}`);
    }
    const [pk, sk] = ["#pk", "#sk"].map((placeholder) => input.ExpressionAttributeNames![placeholder]!) as [
      string,
      string,
    ];
    const isFound = (item: Item) => {
      const at = item[sk]?.S ?? "";
      return item[pk]?.S === values[":pk"]!.S && at >= values[":from"]!.S! && at <= values[":to"]!.S!;
    };
    const found = [...this.items.values()].filter(isFound).sort((a, b) => (a[sk]!.S! < b[sk]!.S! ? -1 : 1));
    return { Items: structuredClone(found) };
  }

  private update(input: UpdateItemCommandInput): object {
    const key = JSON.stringify(input.Key);
    const before = this.items.get(key);
    if (input.ConditionExpression !== undefined && !holds(input, before)) {
      throw new AwsError("ConditionalCheckFailedException", "The conditional request failed");
    }
    const after: Item = { ...structuredClone(input.Key as Item), ...structuredClone(before ?? {}) };
    for (const [clause, assignments] of clausesOf(input.UpdateExpression ?? "")) {
      for (const assignment of assignments) apply(clause, assignment, input, after);
    }
    this.items.set(key, after);
    return {};
  }
}

const nameOf = (input: UpdateItemCommandInput, placeholder: string): string => {
  const name = input.ExpressionAttributeNames?.[placeholder];
  if (name === undefined) throw new Error(`no name for ${placeholder}`);
  return name;
};

const valueFor = (input: UpdateItemCommandInput, placeholder: string): AttributeValue => {
  const value = input.ExpressionAttributeValues?.[placeholder];
  if (value === undefined) throw new Error(`no value for ${placeholder}`);
  return structuredClone(value);
};

const same = (a: AttributeValue | undefined, b: AttributeValue) => JSON.stringify(a) === JSON.stringify(b);

function holds(input: UpdateItemCommandInput, item: Item | undefined): boolean {
  return (input.ConditionExpression ?? "").split(" OR ").some((condition) => {
    const absent = /^attribute_not_exists\((#\w+)\)$/.exec(condition);
    if (absent) return item?.[nameOf(input, absent[1]!)] === undefined;
    const equal = /^(#\w+) = (:\w+)$/.exec(condition);
    if (equal) return same(item?.[nameOf(input, equal[1]!)], valueFor(input, equal[2]!));
    const without = /^NOT contains\((#\w+), (:\w+)\)$/.exec(condition);
    if (without) return !setOf(item?.[nameOf(input, without[1]!)]).includes(valueFor(input, without[2]!).S!);
    const less = /^(#\w+) < (:\w+)$/.exec(condition);
    if (less) {
      const held = item?.[nameOf(input, less[1]!)]?.N;
      return held !== undefined && Number(held) < Number(valueFor(input, less[2]!).N);
    }
    throw new Error(`the table does not know the condition ${condition}`);
  });
}

const setOf = (value: AttributeValue | undefined): string[] => value?.SS ?? value?.NS ?? [];

/** Undefined: a set without elements, which there is not. */
function changed(known: AttributeValue | undefined, clause: "ADD" | "DELETE", value: AttributeValue) {
  if (value.N !== undefined) return { N: String(Number(known?.N ?? 0) + Number(value.N)) };
  const [before, given] = [setOf(known), setOf(value)];
  const after = clause === "ADD" ? [...new Set([...before, ...given])] : before.filter((one) => !given.includes(one));
  if (after.length === 0) return undefined;
  return value.NS ? { NS: after } : { SS: after };
}

/** `SET a, b REMOVE c` → clauses with their parts; commas inside parentheses separate arguments. */
function clausesOf(expression: string): [string, string[]][] {
  const words = expression.split(/\b(SET|REMOVE|ADD|DELETE)\b/).slice(1);
  return Array.from({ length: words.length / 2 }, (_, i) => [
    words[2 * i]!,
    words[2 * i + 1]!.split(/,(?![^(]*\))/).map((part) => part.trim()),
  ]);
}

function apply(clause: string, part: string, input: UpdateItemCommandInput, item: Item): void {
  if (clause === "REMOVE") {
    delete item[nameOf(input, part)];
    return;
  }
  const [placeholder = "", right = ""] = part.split(clause === "SET" ? / = / : / /);
  const name = nameOf(input, placeholder);
  if (clause === "ADD" || clause === "DELETE") {
    const left = changed(item[name], clause, valueFor(input, right));
    if (left) item[name] = left;
    else delete item[name];
    return;
  }
  const kept = /^if_not_exists\((#\w+), (:\w+)\)$/.exec(right);
  item[name] = kept ? (item[nameOf(input, kept[1]!)] ?? valueFor(input, kept[2]!)) : valueFor(input, right);
}
