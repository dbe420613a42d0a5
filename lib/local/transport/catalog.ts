/** What the transport must know about each service before it loads the service's schemas. */

type Protocol = "awsJson1_0" | "awsJson1_1" | "restJson1" | "restXml" | "awsQuery";

/** How a service complains about a missing member (each row: the service's own error, see docs/fidelity/transport.md). */
export type RequiredMemberStyle =
  /** `ValidationException`, "1 validation error detected: Value null at 'x' …". */
  | "ValidationException"
  /** The same text under the code that most query services use. */
  | "ValidationError"
  /** The same text, CloudWatch Logs' code. */
  | "InvalidParameterException"
  | "BadRequestException"
  /** `ApplicationNameRequiredException` and its kin. */
  | "codedeploy"
  | "sns"
  | "sqs"
  | "s3";

export interface ServiceEntry {
  /** The SDK client package's name after `client-`; the name under which the service is registered. */
  name: string;
  protocol: Protocol;
  /** `X-Amz-Target` before the dot. */
  target?: string;
  /** The `Version` parameter of the query protocol. */
  version?: string;
  /** Service name in the credential scope of signatures. */
  signingName: string;
  required: RequiredMemberStyle;
  /** JSON service that was a query service: errors carry `x-amzn-query-error` when asked, and query still works. */
  queryCompatible?: boolean;
  /** Requests may be signed for us-east-1 whatever the region. */
  global?: boolean;
  load(): Promise<object>;
}

export const CATALOG: readonly ServiceEntry[] = [
  {
    name: "appconfig",
    protocol: "restJson1",
    signingName: "appconfig",
    required: "BadRequestException",
    load: () => import("@aws-sdk/client-appconfig"),
  },
  {
    name: "appconfigdata",
    protocol: "restJson1",
    signingName: "appconfig",
    required: "BadRequestException",
    load: () => import("@aws-sdk/client-appconfigdata"),
  },
  {
    name: "cloudformation",
    protocol: "awsQuery",
    version: "2010-05-15",
    signingName: "cloudformation",
    required: "ValidationError",
    load: () => import("@aws-sdk/client-cloudformation"),
  },
  {
    name: "cloudwatch",
    protocol: "awsJson1_0",
    target: "GraniteServiceVersion20100801",
    version: "2010-08-01",
    signingName: "monitoring",
    required: "ValidationError",
    queryCompatible: true,
    load: () => import("@aws-sdk/client-cloudwatch"),
  },
  {
    name: "cloudwatch-logs",
    protocol: "awsJson1_1",
    target: "Logs_20140328",
    signingName: "logs",
    required: "InvalidParameterException",
    load: () => import("@aws-sdk/client-cloudwatch-logs"),
  },
  {
    name: "codedeploy",
    protocol: "awsJson1_1",
    target: "CodeDeploy_20141006",
    signingName: "codedeploy",
    required: "codedeploy",
    load: () => import("@aws-sdk/client-codedeploy"),
  },
  {
    name: "dynamodb",
    protocol: "awsJson1_0",
    target: "DynamoDB_20120810",
    signingName: "dynamodb",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-dynamodb"),
  },
  {
    name: "eventbridge",
    protocol: "awsJson1_1",
    target: "AWSEvents",
    signingName: "events",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-eventbridge"),
  },
  {
    name: "iam",
    protocol: "awsQuery",
    version: "2010-05-08",
    signingName: "iam",
    required: "ValidationError",
    global: true,
    load: () => import("@aws-sdk/client-iam"),
  },
  {
    name: "kms",
    protocol: "awsJson1_1",
    target: "TrentService",
    signingName: "kms",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-kms"),
  },
  {
    name: "lambda",
    protocol: "restJson1",
    signingName: "lambda",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-lambda"),
  },
  {
    name: "s3",
    protocol: "restXml",
    signingName: "s3",
    required: "s3",
    load: () => import("@aws-sdk/client-s3"),
  },
  {
    name: "sfn",
    protocol: "awsJson1_0",
    target: "AWSStepFunctions",
    signingName: "states",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-sfn"),
  },
  {
    name: "sns",
    protocol: "awsQuery",
    version: "2010-03-31",
    signingName: "sns",
    required: "sns",
    load: () => import("@aws-sdk/client-sns"),
  },
  {
    name: "secrets-manager",
    protocol: "awsJson1_1",
    target: "secretsmanager",
    signingName: "secretsmanager",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-secrets-manager"),
  },
  {
    name: "sqs",
    protocol: "awsJson1_0",
    target: "AmazonSQS",
    version: "2012-11-05",
    signingName: "sqs",
    required: "sqs",
    queryCompatible: true,
    load: () => import("@aws-sdk/client-sqs"),
  },
  {
    name: "ssm",
    protocol: "awsJson1_1",
    target: "AmazonSSM",
    signingName: "ssm",
    required: "ValidationException",
    load: () => import("@aws-sdk/client-ssm"),
  },
  {
    name: "sts",
    protocol: "awsQuery",
    version: "2011-06-15",
    signingName: "sts",
    required: "ValidationError",
    global: true,
    load: () => import("@aws-sdk/client-sts"),
  },
];

export const byTarget = new Map(CATALOG.flatMap((entry) => (entry.target ? [[entry.target, entry] as const] : [])));
export const byVersion = new Map(CATALOG.flatMap((entry) => (entry.version ? [[entry.version, entry] as const] : [])));
export const byName = new Map(CATALOG.map((entry) => [entry.name, entry] as const));
export const bySigningName = new Map([...CATALOG].reverse().map((entry) => [entry.signingName, entry] as const));
