import { isObject, type Json, type JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceTypes } from "./resource-type.ts";
import { changed, jsonText, pick, retag, tagList, tagMap, text, unlessGone } from "./shared.ts";

const TOPIC_ATTRIBUTES = ["DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig"];
const SUBSCRIPTION_ATTRIBUTES = [
  "DeliveryPolicy",
  "FilterPolicy",
  "FilterPolicyScope",
  "RawMessageDelivery",
  "RedrivePolicy",
];
const QUEUE_ATTRIBUTES = [
  "DelaySeconds",
  "KmsDataKeyReusePeriodSeconds",
  "KmsMasterKeyId",
  "MaximumMessageSize",
  "MessageRetentionPeriod",
  "ReceiveMessageWaitTimeSeconds",
  "RedriveAllowPolicy",
  "RedrivePolicy",
  "SqsManagedSseEnabled",
  "VisibilityTimeout",
];

const asAttributes = (properties: JsonObject, names: readonly string[]) =>
  Object.fromEntries(
    names
      .filter((name) => properties[name] !== undefined)
      .map((name) => [name, jsonText(properties[name])!])
      .map(([name, value]) => [name, String(value)]),
  );

const list = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);

export const messagingTypes: ResourceTypes = {
  "AWS::SNS::Topic": {
    updatable: [...TOPIC_ATTRIBUTES, "Subscription", "Tags"],
    createOnly: ["TopicName", "FifoTopic"],
    nameProperty: "TopicName",
    async create(properties, context) {
      const Name = text(properties.TopicName) ?? context.physicalName(256);
      const { TopicArn } = await context.call<{ TopicArn: string }>("sns", "CreateTopic", {
        Name,
        Attributes: asAttributes(properties, [...TOPIC_ATTRIBUTES, "FifoTopic"]),
        Tags: properties.Tags === undefined ? undefined : tagList(properties.Tags),
      });
      context.created(TopicArn);
      for (const item of inlineSubscriptions(properties)) await context.call("sns", "Subscribe", { ...item, TopicArn });
      return { physicalId: TopicArn, attributes: { TopicArn, TopicName: Name } };
    },
    async update({ physicalId: TopicArn, properties: before, attributes }, properties, context) {
      for (const name of TOPIC_ATTRIBUTES.filter((attribute) => changed(before, properties, [attribute]))) {
        const AttributeValue = jsonText(properties[name]) ?? "";
        await context.call("sns", "SetTopicAttributes", {
          TopicArn,
          AttributeName: name,
          AttributeValue: String(AttributeValue),
        });
      }
      const known = new Set(inlineSubscriptions(before).map((item) => JSON.stringify(item)));
      for (const item of inlineSubscriptions(properties)) {
        if (!known.has(JSON.stringify(item))) await context.call("sns", "Subscribe", { ...item, TopicArn });
      }
      await retag(before.Tags, properties.Tags, {
        set: (Tags) => context.call("sns", "TagResource", { ResourceArn: TopicArn, Tags }),
        remove: (TagKeys) => context.call("sns", "UntagResource", { ResourceArn: TopicArn, TagKeys }),
      });
      return { physicalId: TopicArn, attributes };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("sns", "DeleteTopic", { TopicArn: physicalId })),
  },

  "AWS::SNS::Subscription": {
    updatable: SUBSCRIPTION_ATTRIBUTES,
    createOnly: ["Endpoint", "Protocol", "TopicArn"],
    async create(properties, context) {
      const { SubscriptionArn } = await context.call<{ SubscriptionArn: string }>("sns", "Subscribe", {
        ...pick(properties, ["Endpoint", "Protocol", "TopicArn"]),
        Attributes: asAttributes(properties, SUBSCRIPTION_ATTRIBUTES),
        ReturnSubscriptionArn: true,
      });
      return { physicalId: SubscriptionArn, attributes: { Arn: SubscriptionArn } };
    },
    async update({ physicalId: SubscriptionArn, properties: before, attributes }, properties, context) {
      for (const name of SUBSCRIPTION_ATTRIBUTES.filter((attribute) => changed(before, properties, [attribute]))) {
        const AttributeValue = String(jsonText(properties[name]) ?? (name === "RawMessageDelivery" ? "false" : "{}"));
        await context.call("sns", "SetSubscriptionAttributes", {
          SubscriptionArn,
          AttributeName: name,
          AttributeValue,
        });
      }
      return { physicalId: SubscriptionArn, attributes };
    },
    delete: ({ physicalId }, context) =>
      unlessGone(context.call("sns", "Unsubscribe", { SubscriptionArn: physicalId })),
  },

  "AWS::SNS::TopicPolicy": {
    updatable: ["PolicyDocument", "Topics"],
    createOnly: [],
    async create(properties, context) {
      await setTopicPolicies(properties, context);
      const physicalId = context.physicalName(128);
      return { physicalId, attributes: { Id: physicalId } };
    },
    async update({ physicalId, attributes }, properties, context) {
      await setTopicPolicies(properties, context);
      return { physicalId, attributes };
    },
    // The topic keeps its last policy; what deletes this resource deletes the topic too.
    delete: async () => undefined,
  },

  "AWS::SQS::Queue": {
    updatable: [...QUEUE_ATTRIBUTES, "Tags"],
    createOnly: ["QueueName", "FifoQueue"],
    nameProperty: "QueueName",
    async create(properties, context) {
      const QueueName = text(properties.QueueName) ?? context.physicalName(80);
      const { QueueUrl } = await context.call<{ QueueUrl: string }>("sqs", "CreateQueue", {
        QueueName,
        Attributes: asAttributes(properties, [...QUEUE_ATTRIBUTES, "FifoQueue"]),
        tags: properties.Tags === undefined ? undefined : tagMap(properties.Tags),
      });
      const { region, accountId } = context.world;
      const Arn = `arn:aws:sqs:${region}:${accountId}:${QueueName}`;
      return { physicalId: QueueUrl, attributes: { Arn, QueueName, QueueUrl } };
    },
    async update({ physicalId: QueueUrl, properties: before, attributes }, properties, context) {
      const Attributes = asAttributes(properties, QUEUE_ATTRIBUTES);
      if (before.RedrivePolicy !== undefined && properties.RedrivePolicy === undefined) Attributes.RedrivePolicy = "";
      await context.call("sqs", "SetQueueAttributes", { QueueUrl, Attributes });
      await retag(before.Tags, properties.Tags, {
        set: (tags) => context.call("sqs", "TagQueue", { QueueUrl, Tags: tagMap(tags) }),
        remove: (TagKeys) => context.call("sqs", "UntagQueue", { QueueUrl, TagKeys }),
      });
      return { physicalId: QueueUrl, attributes };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("sqs", "DeleteQueue", { QueueUrl: physicalId })),
  },

  "AWS::SQS::QueuePolicy": {
    updatable: ["PolicyDocument", "Queues"],
    createOnly: [],
    async create(properties, context) {
      await setQueuePolicies(properties, list(properties.Queues), context);
      const physicalId = context.physicalName(128);
      return { physicalId, attributes: { Id: physicalId } };
    },
    async update({ physicalId, attributes }, properties, context) {
      await setQueuePolicies(properties, list(properties.Queues), context);
      return { physicalId, attributes };
    },
    delete: ({ properties }, context) =>
      unlessGone(setQueuePolicies({ PolicyDocument: "" }, list(properties.Queues), context)),
  },
};

function inlineSubscriptions(properties: JsonObject) {
  const items = Array.isArray(properties.Subscription) ? properties.Subscription.filter(isObject) : [];
  return items.map(({ Endpoint, Protocol }) => ({ Endpoint: text(Endpoint), Protocol: text(Protocol) }));
}

async function setTopicPolicies(properties: JsonObject, context: ProviderContext): Promise<void> {
  for (const TopicArn of list(properties.Topics)) {
    const AttributeValue = jsonText(properties.PolicyDocument);
    await context.call("sns", "SetTopicAttributes", { TopicArn, AttributeName: "Policy", AttributeValue });
  }
}

async function setQueuePolicies(properties: JsonObject, queues: string[], context: ProviderContext): Promise<void> {
  for (const QueueUrl of queues) {
    await context.call("sqs", "SetQueueAttributes", {
      QueueUrl,
      Attributes: { Policy: jsonText(properties.PolicyDocument)! },
    });
  }
}
