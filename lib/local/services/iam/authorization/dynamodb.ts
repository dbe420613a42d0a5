import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { partitionKeys } from "../../dynamodb/partition-keys.ts";
import { NotEvaluable } from "../evaluation/policy.ts";
import { anything, type Input, type Need, needs, type Place, type Rule, type Rules, rulesOf } from "./rules.ts";

type Item = Record<string, AttributeValue>;

const table = (nameOrArn: string | undefined, place: Place) =>
  nameOrArn?.startsWith("arn:") ? nameOrArn : place.arn("dynamodb", `table/${nameOrArn}`);
const onTable = (input: Input, place: Place) => table(input.TableName, place);
const onTableOrIndex = (input: Input, place: Place) =>
  input.IndexName === undefined ? onTable(input, place) : `${onTable(input, place)}/index/${input.IndexName}`;
const onTagged = (input: Input) => input.ResourceArn as string;
const nameOf = (nameOrArn: string | undefined) => String(nameOrArn).split("table/").at(-1) ?? "";

/**
 * `dynamodb:LeadingKeys`: the partition keys of the items that a request names (DynamoDB developer guide, fine-grained access
 * control, 2026). Found out only where a policy asks for it.
 */
const leading = (values: () => readonly string[]): Need["keys"] => ({
  get "dynamodb:leadingkeys"() {
    return values();
  },
});

function keyOf(item: Item | undefined, attribute: string | undefined): string {
  const value = attribute === undefined ? undefined : item?.[attribute];
  const text = value?.S ?? value?.N ?? (value?.B && Buffer.from(value.B).toString("base64"));
  if (text === undefined) throw new NotEvaluable("dynamodb:LeadingKeys of a request whose partition key is not told");
  return text;
}

/** The value that a query holds its partition key against; any other comparison DynamoDB itself refuses. */
function queried(input: Input, attribute: string | undefined): string {
  const { KeyConditionExpression = "", ExpressionAttributeNames = {}, ExpressionAttributeValues = {} } = input;
  const legacy = input.KeyConditions?.[attribute ?? ""]?.AttributeValueList?.[0] as AttributeValue | undefined;
  if (legacy) return keyOf({ key: legacy }, "key");
  for (const [, name = "", value = ""] of KeyConditionExpression.matchAll(/([#\w.-]+)\s*=\s*(:\w+)/g)) {
    if ((ExpressionAttributeNames[name] ?? name) === attribute)
      return keyOf({ key: ExpressionAttributeValues[value] }, "key");
  }
  return keyOf(undefined, undefined);
}

const oneItem = (action: string): Rule => ({
  needs: (input, place) =>
    needs(
      `dynamodb:${action}`,
      onTable(input, place),
      leading(() => [keyOf(input.Key ?? input.Item, partitionKeys(place.world).of(nameOf(input.TableName)))]),
    ),
});

const query: Rule = {
  needs: (input, place) =>
    needs(
      "dynamodb:Query",
      onTableOrIndex(input, place),
      leading(() => [queried(input, partitionKeys(place.world).of(nameOf(input.TableName), input.IndexName))]),
    ),
};

const manyItems = (action: string, itemsOf: (request: Input) => readonly (Item | undefined)[]): Rule => ({
  needs: ({ RequestItems = {} }, place) =>
    Object.entries(RequestItems as Record<string, Input>).flatMap(([name, request]) => {
      const attribute = partitionKeys(place.world).of(nameOf(name));
      const keys = leading(() => itemsOf(request).map((item) => keyOf(item, attribute)));
      return needs(`dynamodb:${action}`, table(name, place), keys);
    }),
});

type Write = { PutRequest?: { Item?: Item }; DeleteRequest?: { Key?: Item } };

export const dynamoDbRules: Rules = rulesOf("dynamodb", {
  CreateTable: onTable,
  UpdateTable: onTable,
  DeleteTable: onTable,
  DescribeTable: onTable,
  TagResource: onTagged,
  UntagResource: onTagged,
  ListTagsOfResource: onTagged,
  UpdateTimeToLive: onTable,
  DescribeTimeToLive: onTable,
  UpdateContinuousBackups: onTable,
  DescribeContinuousBackups: onTable,
  BatchGetItem: manyItems("BatchGetItem", ({ Keys = [] }) => Keys as Item[]),
  BatchWriteItem: manyItems("BatchWriteItem", (request) =>
    (request as unknown as Write[]).map(({ PutRequest, DeleteRequest }) => PutRequest?.Item ?? DeleteRequest?.Key),
  ),
  GetItem: oneItem("GetItem"),
  ListTables: anything,
  Query: query,
  // All items, whatever their keys: there are none to tell.
  Scan: onTableOrIndex,
  PutItem: oneItem("PutItem"),
  UpdateItem: oneItem("UpdateItem"),
  DeleteItem: oneItem("DeleteItem"),
});
