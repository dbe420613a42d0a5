import { isObject, type Json, type JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceTypes } from "./resource-type.ts";
import { changed, jsonText, pick, retag, tagList, text, unlessGone } from "./shared.ts";

const TABLE = [
  "AttributeDefinitions",
  "BillingMode",
  "DeletionProtectionEnabled",
  "GlobalSecondaryIndexes",
  "OnDemandThroughput",
  "ProvisionedThroughput",
  "StreamSpecification",
  "TableClass",
];
const TABLE_CREATE_ONLY = ["TableName", "KeySchema", "LocalSecondaryIndexes"];
const TABLE_SETTINGS = ["PointInTimeRecoverySpecification", "SSESpecification", "TimeToLiveSpecification"];

/** The tables' API says `Enabled` and `StreamEnabled` where CloudFormation says `SSEEnabled` and nothing. */
function tableInput(properties: JsonObject, names: readonly string[]) {
  const input = pick(properties, names);
  const encryption = properties.SSESpecification;
  if (isObject(encryption)) {
    const { SSEEnabled, ...rest } = encryption;
    input.SSESpecification = { ...rest, Enabled: SSEEnabled ?? false };
  }
  if (isObject(input.StreamSpecification)) {
    input.StreamSpecification = { ...input.StreamSpecification, StreamEnabled: true };
  }
  return input;
}

async function setTableSettings(TableName: string, before: JsonObject, after: JsonObject, context: ProviderContext) {
  if (changed(before, after, ["TimeToLiveSpecification"])) {
    const old = before.TimeToLiveSpecification;
    const wanted = after.TimeToLiveSpecification;
    const enable = isObject(wanted) && wanted.Enabled !== false;
    if (isObject(old) && old.Enabled !== false) {
      const TimeToLiveSpecification = { AttributeName: text(old.AttributeName), Enabled: false };
      await context.call("dynamodb", "UpdateTimeToLive", { TableName, TimeToLiveSpecification });
    }
    if (enable) {
      const TimeToLiveSpecification = { AttributeName: text(wanted.AttributeName), Enabled: true };
      await context.call("dynamodb", "UpdateTimeToLive", { TableName, TimeToLiveSpecification });
    }
  }
  if (changed(before, after, ["PointInTimeRecoverySpecification"])) {
    const PointInTimeRecoverySpecification = after.PointInTimeRecoverySpecification ?? {
      PointInTimeRecoveryEnabled: false,
    };
    await context.call("dynamodb", "UpdateContinuousBackups", { TableName, PointInTimeRecoverySpecification });
  }
}

const tableAttributes = (name: string, { world }: ProviderContext) => ({
  Arn: `arn:aws:dynamodb:${world.region}:${world.accountId}:table/${name}`,
});

const BUCKET_SETTINGS: Record<string, (value: Json) => [operation: string, input: Record<string, unknown>]> = {
  BucketEncryption: (value) => {
    const rules =
      isObject(value) && Array.isArray(value.ServerSideEncryptionConfiguration)
        ? value.ServerSideEncryptionConfiguration
        : [];
    const Rules = rules.filter(isObject).map(({ ServerSideEncryptionByDefault, ...rest }) => ({
      ...rest,
      ApplyServerSideEncryptionByDefault: ServerSideEncryptionByDefault,
    }));
    return ["PutBucketEncryption", { ServerSideEncryptionConfiguration: { Rules } }];
  },
  OwnershipControls: (value) => ["PutBucketOwnershipControls", { OwnershipControls: value }],
  PublicAccessBlockConfiguration: (value) => ["PutPublicAccessBlock", { PublicAccessBlockConfiguration: value }],
  VersioningConfiguration: (value) => ["PutBucketVersioning", { VersioningConfiguration: value }],
};

async function setBucket(
  Bucket: string,
  before: JsonObject,
  after: JsonObject,
  context: ProviderContext,
): Promise<void> {
  for (const [name, request] of Object.entries(BUCKET_SETTINGS)) {
    const value = after[name];
    if (value === undefined || !changed(before, after, [name])) continue;
    const [operation, input] = request(value);
    await context.call("s3", operation, { Bucket, ...input });
  }
  if (changed(before, after, ["Tags"])) {
    const TagSet = tagList(after.Tags);
    await context.call("s3", "PutBucketTagging", { Bucket, Tagging: { TagSet } });
  }
}

const PARAMETER = ["AllowedPattern", "DataType", "Description", "Tier", "Type", "Value"];

export const storageTypes: ResourceTypes = {
  "AWS::DynamoDB::Table": {
    updatable: [...TABLE, ...TABLE_SETTINGS, "Tags"],
    createOnly: TABLE_CREATE_ONLY,
    nameProperty: "TableName",
    async create(properties, context) {
      const TableName = text(properties.TableName) ?? context.physicalName(255);
      await context.call("dynamodb", "CreateTable", {
        ...tableInput(properties, [...TABLE, ...TABLE_CREATE_ONLY]),
        TableName,
        ...(properties.Tags === undefined ? {} : { Tags: tagList(properties.Tags) }),
      });
      context.created(TableName);
      await setTableSettings(TableName, {}, properties, context);
      return { physicalId: TableName, attributes: tableAttributes(TableName, context) };
    },
    async update({ physicalId: TableName, properties: before, attributes }, properties, context) {
      if (changed(before, properties, ["GlobalSecondaryIndexes"])) {
        throw new Error("The local AWS does not change GlobalSecondaryIndexes of an existing table");
      }
      const names = TABLE.filter((name) => name !== "GlobalSecondaryIndexes" && changed(before, properties, [name]));
      const encryption = changed(before, properties, ["SSESpecification"])
        ? pick(properties, ["SSESpecification"])
        : {};
      const input = tableInput({ ...pick(properties, names), ...encryption }, names);
      if (Object.keys(input).length > 0) await context.call("dynamodb", "UpdateTable", { TableName, ...input });
      await setTableSettings(TableName, before, properties, context);
      await retag(before.Tags, properties.Tags, {
        set: (Tags) => context.call("dynamodb", "TagResource", { ResourceArn: attributes.Arn, Tags }),
        remove: (TagKeys) => context.call("dynamodb", "UntagResource", { ResourceArn: attributes.Arn, TagKeys }),
      });
      return { physicalId: TableName, attributes };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("dynamodb", "DeleteTable", { TableName: physicalId })),
  },

  "AWS::S3::Bucket": {
    updatable: [...Object.keys(BUCKET_SETTINGS), "LifecycleConfiguration", "Tags"],
    createOnly: ["BucketName"],
    nameProperty: "BucketName",
    async create(properties, context) {
      const Bucket = text(properties.BucketName) ?? context.physicalName(63, "lower");
      await context.call("s3", "CreateBucket", { Bucket });
      context.created(Bucket);
      await setBucket(Bucket, {}, properties, context);
      return { physicalId: Bucket, attributes: bucketAttributes(Bucket, context) };
    },
    async update({ physicalId, properties: before, attributes }, properties, context) {
      await setBucket(physicalId, before, properties, context);
      return { physicalId, attributes };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("s3", "DeleteBucket", { Bucket: physicalId })),
  },

  "AWS::S3::BucketPolicy": {
    updatable: ["PolicyDocument"],
    createOnly: ["Bucket"],
    async create(properties, context) {
      await context.call("s3", "PutBucketPolicy", {
        Bucket: text(properties.Bucket),
        Policy: jsonText(properties.PolicyDocument),
      });
      return { physicalId: text(properties.Bucket)! };
    },
    async update({ physicalId }, properties, context) {
      await context.call("s3", "PutBucketPolicy", { Bucket: physicalId, Policy: jsonText(properties.PolicyDocument) });
      return { physicalId };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("s3", "DeleteBucketPolicy", { Bucket: physicalId })),
  },

  "AWS::SSM::Parameter": {
    updatable: [...PARAMETER, "Tags"],
    createOnly: ["Name"],
    nameProperty: "Name",
    async create(properties, context) {
      const Name = text(properties.Name) ?? `CFN-${context.physicalName(250)}`;
      const Tags = properties.Tags === undefined ? undefined : tagList(properties.Tags);
      await context.call("ssm", "PutParameter", { ...pick(properties, PARAMETER), Name, Tags });
      return { physicalId: Name, attributes: pick(properties, ["Type", "Value"]) };
    },
    async update({ physicalId: Name, properties: before }, properties, context) {
      await context.call("ssm", "PutParameter", { ...pick(properties, PARAMETER), Name, Overwrite: true });
      const target = { ResourceType: "Parameter", ResourceId: Name };
      await retag(before.Tags, properties.Tags, {
        set: (Tags) => context.call("ssm", "AddTagsToResource", { ...target, Tags }),
        remove: (TagKeys) => context.call("ssm", "RemoveTagsFromResource", { ...target, TagKeys }),
      });
      return { physicalId: Name, attributes: pick(properties, ["Type", "Value"]) };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("ssm", "DeleteParameter", { Name: physicalId })),
  },
};

const bucketAttributes = (name: string, { world }: ProviderContext) => ({
  Arn: `arn:aws:s3:::${name}`,
  DomainName: `${name}.s3.amazonaws.com`,
  RegionalDomainName: `${name}.s3.${world.region}.amazonaws.com`,
});
