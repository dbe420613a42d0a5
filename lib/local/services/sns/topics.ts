import type { CreateTopicInput, CreateTopicResponse, Tag } from "@aws-sdk/client-sns";
import type { World } from "../../kernel/service.ts";
import { invalidParameter, requireArn, resourceNotFound, topicNotFound } from "./errors.ts";
import type { Subscription, Topic } from "./records.ts";

/** Attributes that can be set; recorded, and without effect except for FIFO deduplication. */
const SETTABLE = new Set([
  "ArchivePolicy",
  "ContentBasedDeduplication",
  "DeliveryPolicy",
  "DisplayName",
  "FifoThroughputScope",
  "KmsMasterKeyId",
  "Policy",
  "SignatureVersion",
  "TracingConfig",
]);
const FEEDBACK =
  /^(HTTP|Firehose|Lambda|SQS|Application)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)$/;

export class TopicStore {
  readonly topics = new Map<string, Topic>();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Throws InvalidParameter for what is no ARN, NotFound for an unknown topic. */
  get(arn: string | undefined): Topic {
    const topic = this.topics.get(requireArn(arn, "TopicArn"));
    if (!topic) throw topicNotFound();
    return topic;
  }

  create({ Name = "", Attributes = {}, Tags = [] }: CreateTopicInput): CreateTopicResponse {
    const fifo = Attributes.FifoTopic === "true";
    if (!/^[A-Za-z0-9_-]{1,256}$/.test(fifo ? Name.replace(/\.fifo$/, "") : Name) || fifo !== Name.endsWith(".fifo")) {
      throw invalidParameter(
        fifo
          ? "Fifo Topic names can only be made up of uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, must end with .fifo, and must be between 1 and 256 characters long"
          : "Topic Name",
      );
    }
    for (const name of Object.keys(Attributes)) {
      if (name !== "FifoTopic" && !settable(name))
        throw invalidParameter(`Attributes Reason: Unknown attribute ${name}`);
    }
    if (new Set(Tags.map((tag) => tag.Key)).size !== Tags.length) {
      throw invalidParameter("Duplicated keys are not allowed.");
    }
    const arn = `arn:aws:sns:${this.world.region}:${this.world.accountId}:${Name}`;
    const existing = this.topics.get(arn);
    if (existing) {
      if (Object.entries(Attributes).some(([name, value]) => existing.attributes[name] !== value)) {
        throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
      }
      if (Tags.some((tag) => existing.tags.get(tag.Key ?? "") !== tag.Value)) {
        throw invalidParameter("Tags Reason: Topic already exists with different tags");
      }
      return { TopicArn: arn };
    }
    this.topics.set(arn, {
      arn,
      name: Name,
      fifo,
      attributes: { ...(fifo ? { ContentBasedDeduplication: "false" } : {}), ...Attributes },
      tags: new Map(Tags.map((tag) => [tag.Key ?? "", tag.Value ?? ""])),
      published: new Map(),
      sequence: 0n,
    });
    return { TopicArn: arn };
  }

  setAttribute(arn: string | undefined, name: string, value: string | undefined): void {
    const topic = this.get(arn);
    if (!settable(name)) throw invalidParameter("AttributeName");
    if (value === undefined || value === "") delete topic.attributes[name];
    else topic.attributes[name] = value;
  }

  attributes(topic: Topic, subscriptions: readonly Subscription[]): Record<string, string> {
    const pending = subscriptions.filter((subscription) => subscription.pending).length;
    return {
      TopicArn: topic.arn,
      Owner: this.world.accountId,
      DisplayName: "",
      Policy: this.defaultPolicy(topic.arn),
      EffectiveDeliveryPolicy: DELIVERY_POLICY,
      SubscriptionsConfirmed: String(subscriptions.length - pending),
      SubscriptionsPending: String(pending),
      SubscriptionsDeleted: "0",
      ...topic.attributes,
    };
  }

  tagged(arn: string | undefined): Map<string, string> {
    const topic = this.topics.get(requireArn(arn, "ResourceArn"));
    if (!topic) throw resourceNotFound();
    return topic.tags;
  }

  private defaultPolicy(arn: string): string {
    const actions = "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe";
    return JSON.stringify({
      Version: "2008-10-17",
      Id: "__default_policy_ID",
      Statement: [
        {
          Sid: "__default_statement_ID",
          Effect: "Allow",
          Principal: { AWS: "*" },
          Action: `${actions} ListSubscriptionsByTopic Publish`.split(" ").map((action) => `SNS:${action}`),
          Resource: arn,
          Condition: { StringEquals: { "AWS:SourceOwner": this.world.accountId } },
        },
      ],
    });
  }
}

const DELIVERY_POLICY = JSON.stringify({
  http: {
    defaultHealthyRetryPolicy: {
      minDelayTarget: 20,
      maxDelayTarget: 20,
      numRetries: 3,
      numMaxDelayRetries: 0,
      numNoDelayRetries: 0,
      numMinDelayRetries: 0,
      backoffFunction: "linear",
    },
    disableSubscriptionOverrides: false,
    defaultRequestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
  },
});

function settable(name: string): boolean {
  return SETTABLE.has(name) || FEEDBACK.test(name);
}

export function tagList(tags: ReadonlyMap<string, string>): Tag[] {
  return [...tags].map(([Key, Value]) => ({ Key, Value }));
}
