import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  QueryCommand,
  UpdateContinuousBackupsCommand,
  UpdateItemCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serve } from "./serve.ts";

let served: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  served = await serve();
});
beforeEach(() => served.aws.reset());
afterAll(() => served.aws.close());

const db = () => new DynamoDBClient(served.client);
const TableName = "ledger";
const create = (extra: Partial<CreateTableCommandInput> = {}) =>
  db().send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
      ],
      ...extra,
    }),
  );
const Key = { pk: { S: "a" }, sk: { S: "1" } };

describe("DynamoDB", () => {
  it("stores items with every type, and queries them", async () => {
    await create();
    const Item = {
      ...Key,
      n: { N: "1.5" },
      bytes: { B: new Uint8Array([0, 255]) },
      list: { L: [{ BOOL: true }, { NULL: true as const }] },
    };
    await db().send(new PutItemCommand({ TableName, Item }));
    expect((await db().send(new GetItemCommand({ TableName, Key }))).Item).toEqual(Item);
    const query = new QueryCommand({
      TableName,
      KeyConditionExpression: "pk = :pk and begins_with(sk, :sk)",
      ExpressionAttributeValues: { ":pk": { S: "a" }, ":sk": { S: "1" } },
    });
    expect((await db().send(query)).Count).toBe(1);
  });

  it("gives the item that failed a condition when asked for it", async () => {
    await create();
    const put = (value: string) =>
      db().send(
        new PutItemCommand({
          TableName,
          Item: { ...Key, v: { S: value } },
          ConditionExpression: "attribute_not_exists(pk)",
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
    await put("first");
    await expect(put("second")).rejects.toMatchObject({
      name: "ConditionalCheckFailedException",
      message: "The conditional request failed",
      Item: { ...Key, v: { S: "first" } },
    });
  });

  it("updates conditionally", async () => {
    await create();
    const { Attributes } = await db().send(
      new UpdateItemCommand({
        TableName,
        Key,
        UpdateExpression: "ADD hits :one",
        ExpressionAttributeValues: { ":one": { N: "1" } },
        ReturnValues: "ALL_NEW",
      }),
    );
    expect(Attributes?.hits).toEqual({ N: "1" });
  });

  it("describes a table in this world's account, region and time", async () => {
    const created = await create({
      SSESpecification: { Enabled: true },
      DeletionProtectionEnabled: true,
      Tags: [{ Key: "team", Value: "x" }],
    });
    expect(created.TableDescription?.TableStatus).toBe("CREATING");
    const { Table } = await db().send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({
      TableArn: "arn:aws:dynamodb:us-east-1:111122223333:table/ledger",
      TableStatus: "ACTIVE",
      CreationDateTime: new Date("2026-01-01T00:00:00Z"),
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
      SSEDescription: { Status: "ENABLED", SSEType: "KMS" },
      DeletionProtectionEnabled: true,
    });
    const { Tags } = await db().send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }));
    expect(Tags).toEqual([{ Key: "team", Value: "x" }]);
  });

  it("keeps time to live and point-in-time recovery", async () => {
    await create();
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "expires" };
    await db().send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
    expect((await db().send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription).toEqual({
      TimeToLiveStatus: "ENABLED",
      AttributeName: "expires",
    });
    await expect(db().send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }))).rejects.toMatchObject({
      message: "TimeToLive is already enabled",
    });
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
    await db().send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
    const { ContinuousBackupsDescription } = await db().send(new DescribeContinuousBackupsCommand({ TableName }));
    expect(ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe("ENABLED");
  });

  it("does not delete a protected table", async () => {
    await create({ DeletionProtectionEnabled: true });
    await expect(db().send(new DeleteTableCommand({ TableName }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    await db().send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await db().send(new DeleteTableCommand({ TableName }));
    await expect(db().send(new DescribeTableCommand({ TableName }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
  });

  it("refuses streams instead of leaving them out", async () => {
    await expect(
      create({ StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" } }),
    ).rejects.toMatchObject({
      $metadata: { httpStatusCode: 501 },
    });
  });

  it("answers calls inside the process as those over HTTP, and is empty after a reset", async () => {
    await create();
    const { world } = served.aws;
    const principal = world.credentials.principalFor(undefined);
    await world.call("dynamodb", "PutItem", { TableName, Item: Key }, principal);
    expect(await world.call("dynamodb", "GetItem", { TableName, Key }, principal)).toEqual({ Item: Key });
    await served.aws.reset();
    expect((await db().send(new ListTablesCommand({}))).TableNames).toEqual([]);
  });
});
