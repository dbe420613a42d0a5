import { AwsError } from "../../../kernel/errors.ts";
import { queueNameOf } from "../../sqs/queue-url.ts";
import {
  anything,
  type Input,
  type Need,
  named,
  needs,
  type PassedRole,
  type Place,
  type Rule,
  type Rules,
  rulesOf,
} from "./rules.ts";

/** Writing to what is encrypted with a key needs the key too (SNS and SQS developer guides, key management, 2025). */
function keyNeeds(keyId: string | undefined, via: string, place: Place, actions: readonly string[]): Need[] {
  // The services' own keys let every principal of the account use them, but no other service.
  if (!keyId) return [];
  const key = place.read<{ KeyMetadata?: { Arn?: string } }>("kms", "DescribeKey", { KeyId: keyId })?.KeyMetadata?.Arn;
  const resource = key ?? place.arn("kms", keyId);
  const keys = { "kms:viaservice": `${via}.${place.world.region}.amazonaws.com` };
  return actions.flatMap((action) => needs(`kms:${action}`, resource, keys));
}

const ENCRYPT = ["GenerateDataKey", "Decrypt"];

const topicKey = (topicArn: string | undefined, place: Place) =>
  place.read<{ Attributes?: { KmsMasterKeyId?: string } }>("sns", "GetTopicAttributes", { TopicArn: topicArn })
    ?.Attributes?.KmsMasterKeyId;

const publish: Rule = {
  needs: (input, place) => {
    const topic = input.TopicArn ?? input.TargetArn;
    return [...needs("sns:Publish", topic), ...keyNeeds(topicKey(topic, place), "sns", place, ENCRYPT)];
  },
};

const onTopic = named("TopicArn");

export const snsRules: Rules = rulesOf("sns", {
  CreateTopic: (input, place) => place.arn("sns", input.Name),
  DeleteTopic: onTopic,
  GetTopicAttributes: onTopic,
  SetTopicAttributes: onTopic,
  ListTopics: anything,
  Subscribe: {
    needs: (input) =>
      needs("sns:Subscribe", input.TopicArn, {
        "sns:protocol": input.Protocol ?? "",
        "sns:endpoint": input.Endpoint ?? "",
      }),
  },
  Unsubscribe: anything,
  ConfirmSubscription: onTopic,
  ListSubscriptions: anything,
  ListSubscriptionsByTopic: onTopic,
  GetSubscriptionAttributes: anything,
  SetSubscriptionAttributes: anything,
  TagResource: named("ResourceArn"),
  UntagResource: named("ResourceArn"),
  ListTagsForResource: named("ResourceArn"),
  Publish: publish,
  PublishBatch: publish,
});

const queue = (name: string | undefined, place: Place) => place.arn("sqs", name ?? "");
const onQueue = (input: Input, place: Place) => queue(queueNameOf(input.QueueUrl ?? ""), place);

const queueKey = (QueueUrl: string | undefined, place: Place) =>
  place.read<{ Attributes?: { KmsMasterKeyId?: string } }>("sqs", "GetQueueAttributes", {
    QueueUrl,
    AttributeNames: ["All"],
  })?.Attributes?.KmsMasterKeyId;

const withKey = (action: string, kms: readonly string[]): Rule => ({
  needs: (input, place) => [
    ...needs(`sqs:${action}`, onQueue(input, place)),
    ...keyNeeds(queueKey(input.QueueUrl, place), "sqs", place, kms),
  ],
});

export const sqsRules: Rules = rulesOf("sqs", {
  CreateQueue: (input, place) => queue(input.QueueName, place),
  GetQueueUrl: (input, place) => queue(input.QueueName, place),
  DeleteQueue: onQueue,
  ListQueues: anything,
  GetQueueAttributes: onQueue,
  SetQueueAttributes: onQueue,
  PurgeQueue: onQueue,
  ListDeadLetterSourceQueues: onQueue,
  TagQueue: onQueue,
  UntagQueue: onQueue,
  ListQueueTags: onQueue,
  SendMessage: withKey("SendMessage", ENCRYPT),
  SendMessageBatch: withKey("SendMessage", ENCRYPT),
  ReceiveMessage: withKey("ReceiveMessage", ["Decrypt"]),
  DeleteMessage: onQueue,
  DeleteMessageBatch: { action: "DeleteMessage", on: onQueue },
  ChangeMessageVisibility: onQueue,
  ChangeMessageVisibilityBatch: { action: "ChangeMessageVisibility", on: onQueue },
});

const busName = (nameOrArn: string | undefined) => (nameOrArn ?? "default").split("event-bus/").at(-1) ?? "default";
const rule = (name: string | undefined, bus: string | undefined, place: Place) =>
  place.arn("events", busName(bus) === "default" ? `rule/${name}` : `rule/${busName(bus)}/${name}`);
const onRule = (input: Input, place: Place) => rule(input.Name ?? input.Rule, input.EventBusName, place);
const onBus = (input: Input, place: Place) => place.arn("events", `event-bus/${input.Name}`);

const targetRoles = ({ Targets = [] }: Input): PassedRole[] =>
  (Targets as { RoleArn?: string }[]).flatMap(({ RoleArn }) =>
    RoleArn === undefined
      ? []
      : [
          {
            roleArn: RoleArn,
            service: "events.amazonaws.com",
            refusal: new AwsError(
              "ValidationException",
              `Provided role '${RoleArn}' cannot be assumed by principal 'events.amazonaws.com'.`,
            ),
          },
        ],
  );

export const eventBridgeRules: Rules = rulesOf("events", {
  PutRule: onRule,
  DeleteRule: onRule,
  DescribeRule: onRule,
  EnableRule: onRule,
  DisableRule: onRule,
  PutTargets: { needs: (input, place) => needs("events:PutTargets", onRule(input, place)), passes: targetRoles },
  RemoveTargets: onRule,
  ListRules: anything,
  ListTargetsByRule: onRule,
  ListRuleNamesByTarget: anything,
  PutEvents: {
    needs: ({ Entries = [] }, place) =>
      (Entries as Record<string, string>[]).flatMap((entry) =>
        needs("events:PutEvents", onBus({ Name: busName(entry.EventBusName) }, place), {
          "events:source": entry.Source ?? "",
          "events:detail-type": entry.DetailType ?? "",
        }),
      ),
  },
  TestEventPattern: anything,
  CreateEventBus: onBus,
  DescribeEventBus: (input, place) => onBus({ Name: busName(input.Name) }, place),
  ListEventBuses: anything,
  DeleteEventBus: onBus,
  TagResource: named("ResourceARN"),
  UntagResource: named("ResourceARN"),
  ListTagsForResource: named("ResourceARN"),
});
