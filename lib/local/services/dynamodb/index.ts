import type {
  AttributeValue,
  CreateTableCommandInput,
  DescribeTableCommandOutput,
  PutItemCommandInput,
  TableDescription,
  Tag,
  UpdateContinuousBackupsCommandInput,
  UpdateItemCommandInput,
  UpdateTableCommandInput,
  UpdateTimeToLiveCommandInput,
} from "@aws-sdk/client-dynamodb";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { LocalService, OperationHandler, World } from "../../kernel/service.ts";
import { DynamoEngine } from "./engine.ts";
import { partitionKeys } from "./partition-keys.ts";

/** What the engine does not know about a table; kept in front of it. */
interface TableExtras {
  createdAt: Date;
  tags: Map<string, string>;
  ttlAttribute?: string;
  pointInTimeRecoverySince?: Date;
  recoveryDays: number;
  kmsKey?: string;
  encryptedWithKms: boolean;
  deletionProtection: boolean;
  tableClass?: TableDescription["TableClassSummary"];
}

type Item = Record<string, AttributeValue>;
type TableInput = { TableName?: string } & Record<string, unknown>;

const DATA_OPERATIONS = ["BatchGetItem", "BatchWriteItem", "GetItem", "ListTables", "Query", "Scan"];
const CONDITIONAL_OPERATIONS = ["PutItem", "UpdateItem", "DeleteItem"];
const DEFAULT_RECOVERY_DAYS = 35;

/** DynamoDB: dynalite holds tables and items; settings that it lacks are recorded here. Items are never expired by TTL. */
export function createDynamoDb(world: World): LocalService {
  const engine = new DynamoEngine();
  const extras = new Map<string, TableExtras>();
  const arnPrefix = `arn:aws:dynamodb:${world.region}:${world.accountId}:table/`;
  const call = (operation: string, input: Record<string, unknown>) =>
    world.clock.whileBusy(() => engine.call(operation, withTableName(input)));

  /** Tables may be named by ARN everywhere (DynamoDB API reference, 2024). */
  function withTableName(input: Record<string, unknown>): Record<string, unknown> {
    const { TableName } = input;
    if (typeof TableName !== "string" || !TableName.startsWith(arnPrefix)) return input;
    return { ...input, TableName: TableName.slice(arnPrefix.length) };
  }

  function decorate(table: TableDescription | undefined): TableDescription | undefined {
    const extra = extras.get(table?.TableName ?? "");
    if (!table || !extra) return table;
    const TableArn = `${arnPrefix}${table.TableName}`;
    const index = <T extends { IndexName?: string }>(one: T): T => ({
      ...one,
      IndexArn: `${TableArn}/index/${one.IndexName}`,
    });
    return {
      ...table,
      TableArn,
      CreationDateTime: extra.createdAt,
      GlobalSecondaryIndexes: table.GlobalSecondaryIndexes?.map(index),
      LocalSecondaryIndexes: table.LocalSecondaryIndexes?.map(index),
      DeletionProtectionEnabled: extra.deletionProtection,
      TableClassSummary: extra.tableClass,
      SSEDescription: extra.encryptedWithKms
        ? {
            Status: "ENABLED",
            SSEType: "KMS",
            KMSMasterKeyArn: extra.kmsKey ?? `arn:aws:kms:${world.region}:${world.accountId}:alias/aws/dynamodb`,
          }
        : undefined,
    };
  }

  async function describe(TableName: string | undefined): Promise<TableDescription> {
    const { Table } = (await call("DescribeTable", { TableName })) as unknown as DescribeTableCommandOutput;
    return Table ?? {};
  }

  /** Creation and deletion take the engine some turns of the event loop; here they are done when the call returns. */
  async function settled(TableName: string | undefined, done: (table: TableDescription | undefined) => boolean) {
    for (;;) {
      const table = await describe(TableName).catch((error: unknown) => {
        if (error instanceof AwsError && error.code === "ResourceNotFoundException") return undefined;
        throw error;
      });
      if (done(table)) return;
    }
  }
  const active = (table: TableDescription | undefined) =>
    table?.TableStatus === "ACTIVE" &&
    (table.GlobalSecondaryIndexes ?? []).every((one) => one.IndexStatus === "ACTIVE");

  const needExtras = async (TableName: string | undefined): Promise<TableExtras> => {
    const name = String(withTableName({ TableName }).TableName);
    const extra = extras.get(name);
    if (!extra) {
      throw new AwsError("ResourceNotFoundException", `Requested resource not found: Table: ${name} not found`);
    }
    return extra;
  };
  const needTagged = (arn = "") => {
    const extra = extras.get(arn.slice(arnPrefix.length));
    if (arn.startsWith(arnPrefix) && extra) return extra;
    throw new AwsError("ResourceNotFoundException", `Requested resource not found: ResourcArn: ${arn} not found`);
  };

  async function createTable(input: CreateTableCommandInput) {
    const { Tags, SSESpecification, DeletionProtectionEnabled, TableClass, StreamSpecification, ...rest } = input;
    if (StreamSpecification?.StreamEnabled) throw notImplemented("dynamodb", "CreateTable", "streams");
    if (input.ResourcePolicy) throw notImplemented("dynamodb", "CreateTable", "ResourcePolicy");
    await call("CreateTable", { ...rest });
    partitionKeys(world).add(input);
    extras.set(input.TableName ?? "", {
      createdAt: new Date(world.clock.now()),
      tags: toMap(Tags),
      recoveryDays: DEFAULT_RECOVERY_DAYS,
      encryptedWithKms: Boolean(SSESpecification?.Enabled),
      kmsKey: SSESpecification?.KMSMasterKeyId,
      deletionProtection: DeletionProtectionEnabled ?? false,
      tableClass: TableClass ? { TableClass } : undefined,
    });
    await settled(input.TableName, active);
    return { TableDescription: { ...decorate(await describe(input.TableName)), TableStatus: "CREATING" } };
  }

  async function updateTable(input: UpdateTableCommandInput) {
    const { SSESpecification, DeletionProtectionEnabled, TableClass, StreamSpecification, ReplicaUpdates, ...rest } =
      input;
    if (StreamSpecification?.StreamEnabled) throw notImplemented("dynamodb", "UpdateTable", "streams");
    if (ReplicaUpdates) throw notImplemented("dynamodb", "UpdateTable", "replicas");
    const extra = await needExtras(input.TableName);
    if (Object.keys(rest).some((key) => key !== "TableName")) await call("UpdateTable", { ...rest });
    if (DeletionProtectionEnabled !== undefined) extra.deletionProtection = DeletionProtectionEnabled;
    if (TableClass) extra.tableClass = { TableClass, LastUpdateDateTime: new Date(world.clock.now()) };
    if (SSESpecification) {
      extra.encryptedWithKms = Boolean(SSESpecification.Enabled);
      extra.kmsKey = SSESpecification.KMSMasterKeyId;
    }
    await settled(input.TableName, active);
    return { TableDescription: decorate(await describe(input.TableName)) };
  }

  async function deleteTable({ TableName }: TableInput) {
    const extra = await needExtras(TableName);
    if (extra.deletionProtection) {
      throw new AwsError(
        "ValidationException",
        `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`,
      );
    }
    const table = decorate(await describe(TableName));
    await call("DeleteTable", { TableName });
    await settled(TableName, (one) => one === undefined);
    extras.delete(table?.TableName ?? "");
    return { TableDescription: { ...table, TableStatus: "DELETING" } };
  }

  /** The engine leaves `ReturnValuesOnConditionCheckFailure` out, so the item that failed the condition is read here. */
  async function conditional(operation: string, input: TableInput & { Item?: Item; Key?: Item }) {
    const { ReturnValuesOnConditionCheckFailure: onFailure, ...rest } = input as TableInput &
      Pick<PutItemCommandInput & UpdateItemCommandInput, "ReturnValuesOnConditionCheckFailure">;
    try {
      return await call(operation, rest);
    } catch (error) {
      const failed = error instanceof AwsError && error.code === "ConditionalCheckFailedException";
      if (!failed || onFailure !== "ALL_OLD") throw error;
      const { KeySchema = [] } = await describe(input.TableName);
      const source = input.Key ?? input.Item ?? {};
      const Key = Object.fromEntries(KeySchema.map(({ AttributeName = "" }) => [AttributeName, source[AttributeName]]));
      const { Item } = await call("GetItem", { TableName: input.TableName, Key, ConsistentRead: true });
      throw new AwsError(error.code, error.message, { status: error.status, members: { Item } });
    }
  }

  const operations: Record<string, OperationHandler> = {
    CreateTable: createTable,
    UpdateTable: updateTable,
    DeleteTable: deleteTable,
    DescribeTable: async ({ TableName }: TableInput) => ({ Table: decorate(await describe(TableName)) }),
    TagResource: ({ ResourceArn, Tags }: { ResourceArn?: string; Tags?: Tag[] }) => {
      const { tags } = needTagged(ResourceArn);
      for (const [key, value] of toMap(Tags)) tags.set(key, value);
    },
    UntagResource: ({ ResourceArn, TagKeys = [] }: { ResourceArn?: string; TagKeys?: string[] }) => {
      const { tags } = needTagged(ResourceArn);
      for (const key of TagKeys) tags.delete(key);
    },
    ListTagsOfResource: ({ ResourceArn }: { ResourceArn?: string }) => ({
      Tags: [...needTagged(ResourceArn).tags].map(([Key, Value]) => ({ Key, Value })),
    }),
    UpdateTimeToLive: async ({ TableName, TimeToLiveSpecification }: UpdateTimeToLiveCommandInput) => {
      const extra = await needExtras(TableName);
      const { Enabled, AttributeName } = TimeToLiveSpecification ?? {};
      if (Enabled === (extra.ttlAttribute !== undefined)) {
        throw new AwsError("ValidationException", `TimeToLive is already ${Enabled ? "enabled" : "disabled"}`);
      }
      extra.ttlAttribute = Enabled ? AttributeName : undefined;
      return { TimeToLiveSpecification };
    },
    DescribeTimeToLive: async ({ TableName }: TableInput) => {
      const { ttlAttribute } = await needExtras(TableName);
      return {
        TimeToLiveDescription: ttlAttribute
          ? { TimeToLiveStatus: "ENABLED", AttributeName: ttlAttribute }
          : { TimeToLiveStatus: "DISABLED" },
      };
    },
    UpdateContinuousBackups: async (input: UpdateContinuousBackupsCommandInput) => {
      const extra = await needExtras(input.TableName);
      const { PointInTimeRecoveryEnabled, RecoveryPeriodInDays } = input.PointInTimeRecoverySpecification ?? {};
      extra.pointInTimeRecoverySince = PointInTimeRecoveryEnabled
        ? (extra.pointInTimeRecoverySince ?? new Date(world.clock.now()))
        : undefined;
      extra.recoveryDays = RecoveryPeriodInDays ?? extra.recoveryDays;
      return backups(extra);
    },
    DescribeContinuousBackups: async ({ TableName }: TableInput) => backups(await needExtras(TableName)),
  };
  for (const name of DATA_OPERATIONS) operations[name] = (input: TableInput) => call(name, input);
  for (const name of CONDITIONAL_OPERATIONS) operations[name] = (input: TableInput) => conditional(name, input);

  const backups = (extra: TableExtras) => ({
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: "ENABLED",
      PointInTimeRecoveryDescription: extra.pointInTimeRecoverySince
        ? {
            PointInTimeRecoveryStatus: "ENABLED",
            RecoveryPeriodInDays: extra.recoveryDays,
            EarliestRestorableDateTime: extra.pointInTimeRecoverySince,
            LatestRestorableDateTime: new Date(world.clock.now()),
          }
        : { PointInTimeRecoveryStatus: "DISABLED" },
    },
  });

  return {
    name: "dynamodb",
    operations,
    reset: async () => {
      extras.clear();
      partitionKeys(world).clear();
      await world.clock.whileBusy(() => engine.stop());
    },
    close: () => engine.stop(),
  };
}

function toMap(tags: readonly Tag[] | undefined): Map<string, string> {
  return new Map((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
}
