import type { CreateTableCommandInput, KeySchemaElement } from "@aws-sdk/client-dynamodb";
import type { World } from "../../kernel/service.ts";

/** The partition key of each table, and of each index that it was made with. */
export class PartitionKeys {
  private readonly attributes = new Map<string, string>();

  add({ TableName = "", KeySchema, GlobalSecondaryIndexes = [], LocalSecondaryIndexes = [] }: CreateTableCommandInput) {
    this.attributes.set(TableName, hashOf(KeySchema));
    for (const { IndexName, KeySchema: own } of [...GlobalSecondaryIndexes, ...LocalSecondaryIndexes]) {
      this.attributes.set(`${TableName}/index/${IndexName}`, hashOf(own));
    }
  }

  of(table: string, index?: string): string | undefined {
    return this.attributes.get(index === undefined ? table : `${table}/index/${index}`);
  }

  clear(): void {
    this.attributes.clear();
  }
}

const hashOf = (schema: readonly KeySchemaElement[] | undefined) =>
  schema?.find(({ KeyType }) => KeyType === "HASH")?.AttributeName ?? "";

const known = new WeakMap<World, PartitionKeys>();

/** What tables of a world are keyed by: authorization must tell items apart before the request is answered. */
export function partitionKeys(world: World): PartitionKeys {
  const keys = known.get(world) ?? new PartitionKeys();
  known.set(world, keys);
  return keys;
}
