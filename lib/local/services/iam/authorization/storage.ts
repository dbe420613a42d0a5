import { anything, type Input, type Need, needs, type Place, type Rule, type Rules, rulesOf } from "./rules.ts";

const bucket = (name: string | undefined) => `arn:aws:s3:::${name}`;
const object = (name: string | undefined, key: string | undefined) => `${bucket(name)}/${key}`;
const onBucket = (input: Input) => bucket(input.Bucket);
const onObject = (input: Input) => object(input.Bucket, input.Key);
/** Operations whose actions have other names (S3 user guide, required permissions, 2026). */
const bucketAction = (action: string) => ({ action, on: onBucket });
const objectAction = (action: string) => ({ action, on: onObject });

const copy: Rule = {
  needs: (input): Need[] => [
    ...needs("s3:GetObject", `arn:aws:s3:::${decodeURIComponent(String(input.CopySource)).replace(/^\//, "")}`),
    ...needs("s3:PutObject", onObject(input)),
  ],
};
const deleteMany: Rule = {
  needs: ({ Bucket, Delete }) =>
    ((Delete?.Objects ?? []) as { Key?: string }[]).flatMap(({ Key }) => needs("s3:DeleteObject", object(Bucket, Key))),
};

export const s3Rules: Rules = rulesOf("s3", {
  PutObject: onObject,
  GetObject: onObject,
  HeadObject: objectAction("GetObject"),
  DeleteObject: onObject,
  DeleteObjects: deleteMany,
  CopyObject: copy,
  ListObjectsV2: bucketAction("ListBucket"),
  ListObjects: bucketAction("ListBucket"),
  CreateMultipartUpload: objectAction("PutObject"),
  UploadPart: objectAction("PutObject"),
  CompleteMultipartUpload: objectAction("PutObject"),
  AbortMultipartUpload: onObject,
  PutBucketEncryption: bucketAction("PutEncryptionConfiguration"),
  GetBucketEncryption: bucketAction("GetEncryptionConfiguration"),
  DeleteBucketEncryption: bucketAction("PutEncryptionConfiguration"),
  PutPublicAccessBlock: bucketAction("PutBucketPublicAccessBlock"),
  GetPublicAccessBlock: bucketAction("GetBucketPublicAccessBlock"),
  DeletePublicAccessBlock: bucketAction("PutBucketPublicAccessBlock"),
  PutBucketPolicy: onBucket,
  GetBucketPolicy: onBucket,
  DeleteBucketPolicy: onBucket,
  PutBucketOwnershipControls: onBucket,
  GetBucketOwnershipControls: onBucket,
  DeleteBucketOwnershipControls: bucketAction("PutBucketOwnershipControls"),
  CreateBucket: onBucket,
  DeleteBucket: onBucket,
  HeadBucket: bucketAction("ListBucket"),
  ListBuckets: { action: "ListAllMyBuckets", on: anything },
  GetBucketLocation: onBucket,
  PutBucketVersioning: onBucket,
  GetBucketVersioning: onBucket,
  PutBucketTagging: onBucket,
  GetBucketTagging: onBucket,
  DeleteBucketTagging: bucketAction("PutBucketTagging"),
});

const parameter = (name: string | undefined, place: Place) =>
  name?.startsWith("arn:") ? name : place.arn("ssm", `parameter/${(name ?? "").replace(/^\//, "")}`);
const onParameter = (input: Input, place: Place) => parameter(input.Name, place);
const onParameters = ({ Names = [] }: Input, place: Place) => (Names as string[]).map((name) => parameter(name, place));
const onTaggedParameter = (input: Input, place: Place) => parameter(input.ResourceId, place);

export const ssmRules: Rules = rulesOf("ssm", {
  PutParameter: onParameter,
  GetParameter: onParameter,
  GetParameters: onParameters,
  GetParametersByPath: (input, place) => parameter(input.Path, place),
  GetParameterHistory: onParameter,
  DescribeParameters: anything,
  DeleteParameter: onParameter,
  DeleteParameters: onParameters,
  AddTagsToResource: onTaggedParameter,
  RemoveTagsFromResource: onTaggedParameter,
  ListTagsForResource: onTaggedParameter,
});

const onSecret = ({ SecretId }: Input, place: Place) =>
  place.read<{ ARN?: string }>("secrets-manager", "DescribeSecret", { SecretId })?.ARN ??
  place.arn("secretsmanager", `secret:${SecretId ?? ""}`);

export const secretsManagerRules: Rules = rulesOf("secretsmanager", {
  CreateSecret: ({ Name }, place) => place.arn("secretsmanager", `secret:${Name ?? ""}-000000`),
  PutSecretValue: onSecret,
  GetSecretValue: onSecret,
  DescribeSecret: onSecret,
  ListSecrets: anything,
  DeleteSecret: onSecret,
});

const onKey = ({ KeyId }: Input, place: Place) =>
  place.read<{ KeyMetadata?: { Arn?: string } }>("kms", "DescribeKey", { KeyId })?.KeyMetadata?.Arn;
const aliasAndKey = (keyId: (input: Input) => string | undefined) => (input: Input, place: Place) => [
  place.arn("kms", input.AliasName),
  onKey({ KeyId: keyId(input) }, place),
];

export const kmsRules: Rules = rulesOf("kms", {
  CreateKey: anything,
  DescribeKey: onKey,
  ListKeys: anything,
  UpdateKeyDescription: onKey,
  EnableKeyRotation: onKey,
  DisableKeyRotation: onKey,
  GetKeyRotationStatus: onKey,
  PutKeyPolicy: onKey,
  GetKeyPolicy: onKey,
  ListResourceTags: onKey,
  ScheduleKeyDeletion: onKey,
  CreateAlias: aliasAndKey(({ TargetKeyId }) => TargetKeyId),
  UpdateAlias: aliasAndKey(({ TargetKeyId }) => TargetKeyId),
  DeleteAlias: aliasAndKey(({ AliasName }) => AliasName),
  ListAliases: anything,
});

const group = (name: string | undefined, rest: string, place: Place) => place.arn("logs", `log-group:${name}${rest}`);
/** The form that denials show for a group (public reports, 2020 to 2025). */
const onGroup = (input: Input, place: Place) =>
  input.logGroupIdentifier ?? group(input.logGroupName, ":log-stream:", place);
const onStream = (input: Input, place: Place) => group(input.logGroupName, `:log-stream:${input.logStreamName}`, place);
const onTaggedLogs = (input: Input) => input.resourceArn as string;

export const logsRules: Rules = rulesOf("logs", {
  CreateLogGroup: onGroup,
  DeleteLogGroup: onGroup,
  DescribeLogGroups: anything,
  PutRetentionPolicy: onGroup,
  DeleteRetentionPolicy: onGroup,
  CreateLogStream: onStream,
  DeleteLogStream: onStream,
  DescribeLogStreams: onGroup,
  PutLogEvents: onStream,
  GetLogEvents: onStream,
  FilterLogEvents: onGroup,
  PutSubscriptionFilter: onGroup,
  DeleteSubscriptionFilter: onGroup,
  DescribeSubscriptionFilters: onGroup,
  TagLogGroup: onGroup,
  UntagLogGroup: onGroup,
  ListTagsLogGroup: onGroup,
  TagResource: onTaggedLogs,
  UntagResource: onTaggedLogs,
  ListTagsForResource: onTaggedLogs,
});
