import { Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import * as sqs from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { LEDGER_KEYS, ledgerTableName, notificationTopicName } from "../contract/names.ts";

/** What the account may allow its own administrators; written out in place of every KMS action there will ever be. */
const KEY_ADMINISTRATION = [
  "CancelKeyDeletion",
  "CreateAlias",
  "DeleteAlias",
  "DescribeKey",
  "DisableKey",
  "DisableKeyRotation",
  "EnableKey",
  "EnableKeyRotation",
  "GetKeyPolicy",
  "GetKeyRotationStatus",
  "ListKeyPolicies",
  "ListKeyRotations",
  "ListResourceTags",
  "PutKeyPolicy",
  "RotateKeyOnDemand",
  "ScheduleKeyDeletion",
  "TagResource",
  "UntagResource",
  "UpdateAlias",
  "UpdateKeyDescription",
].map((action) => `kms:${action}`);

/** Records of releases and aliases. */
export function ledgerTable(scope: Construct, environmentName: string, protect: boolean): dynamodb.Table {
  return new dynamodb.Table(scope, "Ledger", {
    tableName: ledgerTableName(environmentName),
    partitionKey: { name: LEDGER_KEYS.partition, type: dynamodb.AttributeType.STRING },
    sortKey: { name: LEDGER_KEYS.sort, type: dynamodb.AttributeType.STRING },
    billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: LEDGER_KEYS.expiry,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: dynamodb.TableEncryption.AWS_MANAGED,
    deletionProtection: protect,
    removalPolicy: protect ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
}

/**
 * The topic and its key. A key of our own, because alarms cannot publish to a topic that is encrypted with the key that
 * AWS manages for SNS: its policy cannot be changed (CloudWatch user guide, 2023).
 */
export function notificationTopic(scope: Construct, environmentName: string): { topic: sns.Topic; key: kms.Key } {
  const account = Stack.of(scope).account;
  const alarms = {
    principals: [new iam.ServicePrincipal("cloudwatch.amazonaws.com")],
    conditions: { StringEquals: { "aws:SourceAccount": account } },
  };
  const key = new kms.Key(scope, "TopicKey", {
    description: `Notifications of goaround ${environmentName}`,
    policy: new iam.PolicyDocument({
      statements: [
        new iam.PolicyStatement({
          principals: [new iam.AccountRootPrincipal()],
          actions: [...KEY_ADMINISTRATION, "kms:Decrypt", "kms:GenerateDataKey"],
          resources: ["*"],
        }),
      ],
    }),
    enableKeyRotation: true,
    rotationPeriod: Duration.days(90),
    // Nothing but notifications in flight is encrypted with it.
    removalPolicy: RemovalPolicy.DESTROY,
  });
  key.addToResourcePolicy(
    new iam.PolicyStatement({ actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: ["*"], ...alarms }),
  );
  const topic = new sns.Topic(scope, "Topic", {
    topicName: notificationTopicName(environmentName),
    displayName: `goaround ${environmentName}`,
    masterKey: key,
    enforceSSL: true,
  });
  topic.addToResourcePolicy(
    new iam.PolicyStatement({ actions: ["sns:Publish"], resources: [topic.topicArn], ...alarms }),
  );
  return { topic, key };
}

/** The last stop of events and failures; an alarm watches it. */
export function deadLetterQueue(scope: Construct, environmentName: string): sqs.Queue {
  const queue = new sqs.Queue(scope, "DeadLetters", {
    queueName: `goaround-${environmentName}-dead-letters`,
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    // The longest that SQS keeps a message.
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge({
    id: "AwsSolutions-SQS3",
    reason:
      "This is the dead-letter queue of Lambda destinations and EventBridge targets, which the rule does not look at.",
  });
  return queue;
}
