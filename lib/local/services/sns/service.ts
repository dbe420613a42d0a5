import type {
  ConfirmSubscriptionInput,
  CreateTopicInput,
  SetSubscriptionAttributesInput,
  SetTopicAttributesInput,
  SubscribeInput,
  Tag,
} from "@aws-sdk/client-sns";
import type { LocalService, OperationHandler, RequestContext, World } from "../../kernel/service.ts";
import { Delivery } from "./delivery.ts";
import { invalidParameter, requireArn } from "./errors.ts";
import { publishOperations } from "./publish.ts";
import type { DeliveredEmail, Subscription } from "./records.ts";
import { SubscriptionStore } from "./subscriptions.ts";
import { TopicStore, tagList } from "./topics.ts";

/** Lists come in pages of 100 (API reference, 2026). */
const PAGE = 100;

export interface SnsService extends LocalService {
  /** Everything that e-mail subscriptions were sent, oldest first. */
  deliveredEmails(): readonly DeliveredEmail[];
}

/** SNS: topics, subscriptions, and delivery to Lambda and SQS. Nothing outside the world is ever called. */
export function createSns(world: World): SnsService {
  const random = world.random.fork("sns");
  const topics = new TopicStore(world);
  const subscriptions = new SubscriptionStore(world, topics, random);
  const delivery = new Delivery(world);

  const page = <T>(items: T[], token: string | undefined): { items: T[]; next?: string } => {
    const from = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString());
    if (!Number.isInteger(from)) throw invalidParameter("NextToken");
    const end = from + PAGE;
    return {
      items: items.slice(from, end),
      ...(end < items.length ? { next: Buffer.from(String(end)).toString("base64url") } : {}),
    };
  };
  const listed = (subscription: Subscription) => ({
    SubscriptionArn: subscription.pending ? "PendingConfirmation" : subscription.arn,
    Owner: world.accountId,
    Protocol: subscription.protocol,
    Endpoint: subscription.endpoint,
    TopicArn: subscription.topicArn,
  });
  const listSubscriptions = (all: Subscription[], token: string | undefined) => {
    const { items, next } = page(all, token);
    return { Subscriptions: items.map(listed), ...(next ? { NextToken: next } : {}) };
  };

  const operations: Record<string, OperationHandler> = {
    CreateTopic: (input: CreateTopicInput) => topics.create(input),
    DeleteTopic: ({ TopicArn }: { TopicArn?: string }) => {
      // Deleting an unknown topic is no error (API reference, 2026).
      const arn = requireArn(TopicArn, "TopicArn");
      topics.topics.delete(arn);
      for (const subscription of subscriptions.of(arn)) subscriptions.subscriptions.delete(subscription.arn);
      return {};
    },
    GetTopicAttributes: ({ TopicArn }: { TopicArn?: string }) => {
      const topic = topics.get(TopicArn);
      return { Attributes: topics.attributes(topic, subscriptions.of(topic.arn)) };
    },
    SetTopicAttributes: ({ TopicArn, AttributeName = "", AttributeValue }: SetTopicAttributesInput) => {
      topics.setAttribute(TopicArn, AttributeName, AttributeValue);
      return {};
    },
    ListTopics: ({ NextToken }: { NextToken?: string }) => {
      const { items, next } = page([...topics.topics.keys()].sort(), NextToken);
      return { Topics: items.map((TopicArn) => ({ TopicArn })), ...(next ? { NextToken: next } : {}) };
    },
    Subscribe: (input: SubscribeInput, context: RequestContext) => subscriptions.subscribe(input, context),
    Unsubscribe: ({ SubscriptionArn }: { SubscriptionArn?: string }) => {
      // So is unsubscribing what is not subscribed (recorded 2025-10).
      subscriptions.subscriptions.delete(requireArn(SubscriptionArn, "SubscriptionArn"));
      return {};
    },
    ConfirmSubscription: ({ TopicArn, Token }: ConfirmSubscriptionInput) => ({
      SubscriptionArn: subscriptions.confirm(TopicArn, Token).arn,
    }),
    ListSubscriptions: ({ NextToken }: { NextToken?: string }) =>
      listSubscriptions([...subscriptions.subscriptions.values()], NextToken),
    ListSubscriptionsByTopic: ({ TopicArn, NextToken }: { TopicArn?: string; NextToken?: string }) =>
      listSubscriptions(subscriptions.of(topics.get(TopicArn).arn), NextToken),
    GetSubscriptionAttributes: ({ SubscriptionArn }: { SubscriptionArn?: string }) => ({
      Attributes: subscriptions.attributes(subscriptions.get(SubscriptionArn)),
    }),
    SetSubscriptionAttributes: (input: SetSubscriptionAttributesInput) => {
      subscriptions.setAttribute(input.SubscriptionArn, input.AttributeName ?? "", input.AttributeValue);
      return {};
    },
    TagResource: ({ ResourceArn, Tags = [] }: { ResourceArn?: string; Tags?: Tag[] }) => {
      const tags = topics.tagged(ResourceArn);
      if (new Set(Tags.map((tag) => tag.Key)).size !== Tags.length) {
        throw invalidParameter("Duplicated keys are not allowed.");
      }
      for (const { Key = "", Value = "" } of Tags) tags.set(Key, Value);
      return {};
    },
    UntagResource: ({ ResourceArn, TagKeys = [] }: { ResourceArn?: string; TagKeys?: string[] }) => {
      const tags = topics.tagged(ResourceArn);
      for (const key of TagKeys) tags.delete(key);
      return {};
    },
    ListTagsForResource: ({ ResourceArn }: { ResourceArn?: string }) => ({
      Tags: tagList(topics.tagged(ResourceArn)),
    }),
    ...publishOperations(world, { topics, subscriptions, delivery }, random),
  };
  return {
    name: "sns",
    operations,
    deliveredEmails: () => delivery.emails,
    reset() {
      topics.topics.clear();
      subscriptions.subscriptions.clear();
      delivery.emails.length = 0;
    },
  };
}
