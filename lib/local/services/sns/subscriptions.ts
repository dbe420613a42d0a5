import type { SubscribeInput, SubscribeResponse } from "@aws-sdk/client-sns";
import { notImplemented } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { RequestContext, World } from "../../kernel/service.ts";
import { PatternError, parsePattern } from "../eventbridge/pattern.ts";
import { invalidParameter, requireArn, subscriptionNotFound } from "./errors.ts";
import type { Subscription } from "./records.ts";
import type { TopicStore } from "./topics.ts";

const PROTOCOLS = ["lambda", "sqs", "email", "email-json", "http", "https"];
const ELSEWHERE = ["sms", "application", "firehose"];
const SETTABLE = ["DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"];

export class SubscriptionStore {
  readonly subscriptions = new Map<string, Subscription>();
  private readonly world: World;
  private readonly topics: TopicStore;
  private readonly random: SeededRandom;

  constructor(world: World, topics: TopicStore, random: SeededRandom) {
    this.world = world;
    this.topics = topics;
    this.random = random;
  }

  get(arn: string | undefined): Subscription {
    const subscription = this.subscriptions.get(requireArn(arn, "SubscriptionArn"));
    if (!subscription) throw subscriptionNotFound();
    return subscription;
  }

  of(topicArn: string): Subscription[] {
    return [...this.subscriptions.values()].filter((subscription) => subscription.topicArn === topicArn);
  }

  subscribe(input: SubscribeInput, context: RequestContext): SubscribeResponse {
    const { Protocol = "", Endpoint = "", Attributes = {} } = input;
    const topic = this.topics.get(input.TopicArn);
    checkEndpoint(Protocol, Endpoint);
    const existing = this.of(topic.arn).find((other) => other.protocol === Protocol && other.endpoint === Endpoint);
    if (existing) {
      if (Object.entries(Attributes).some(([name, value]) => existing.attributes[name] !== value)) {
        throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
      }
      return this.answer(existing, input.ReturnSubscriptionArn ?? false);
    }
    // Only endpoints inside AWS are confirmed at once; nothing outside is ever called.
    const pending = Protocol !== "lambda" && Protocol !== "sqs";
    const subscription: Subscription = {
      arn: `${topic.arn}:${this.random.uuid()}`,
      topicArn: topic.arn,
      protocol: Protocol,
      endpoint: Endpoint,
      principal: context.principal.arn,
      pending,
      token: this.random.text(128, "0123456789abcdef"),
      attributes: {},
      filter: undefined,
    };
    for (const [name, value] of Object.entries(Attributes)) {
      applyAttribute(subscription, name, value, (detail) => invalidParameter(`Attributes Reason: ${detail}`));
    }
    this.subscriptions.set(subscription.arn, subscription);
    if (pending) {
      const { endpoint, token, topicArn } = subscription;
      this.world.announce("subscription-pending", { topicArn, protocol: Protocol, endpoint, token });
    }
    return this.answer(subscription, input.ReturnSubscriptionArn ?? false);
  }

  setAttribute(arn: string | undefined, name: string, value: string | undefined): void {
    const subscription = this.get(arn);
    applyAttribute(subscription, name, value ?? "", invalidParameter);
  }

  confirm(topicArn: string | undefined, token: string | undefined): Subscription {
    this.topics.get(topicArn);
    if (!/^[0-9a-f]{128}$/.test(token ?? "")) throw invalidParameter("Token");
    const subscription = this.of(topicArn ?? "").find((other) => other.token === token);
    if (!subscription) throw invalidParameter("Token");
    subscription.pending = false;
    return subscription;
  }

  attributes(subscription: Subscription): Record<string, string> {
    return {
      SubscriptionArn: subscription.arn,
      TopicArn: subscription.topicArn,
      Owner: this.world.accountId,
      Protocol: subscription.protocol,
      Endpoint: subscription.endpoint,
      ConfirmationWasAuthenticated: String(!subscription.pending),
      PendingConfirmation: String(subscription.pending),
      RawMessageDelivery: "false",
      SubscriptionPrincipal: subscription.principal,
      ...(subscription.filter ? { FilterPolicyScope: "MessageAttributes" } : {}),
      ...subscription.attributes,
    };
  }

  private answer(subscription: Subscription, wantsArn: boolean): SubscribeResponse {
    return { SubscriptionArn: subscription.pending && !wantsArn ? "pending confirmation" : subscription.arn };
  }
}

function checkEndpoint(protocol: string, endpoint: string): void {
  if (ELSEWHERE.includes(protocol)) throw notImplemented("sns", "Subscribe", `protocol ${protocol}`);
  if (!PROTOCOLS.includes(protocol)) {
    throw invalidParameter(`Amazon SNS does not support this protocol string: ${protocol}`);
  }
  if (protocol === "sqs" && !/^arn:aws[a-z-]*:sqs:/.test(endpoint)) throw invalidParameter("SQS endpoint ARN");
  if (protocol === "lambda" && !/^arn:aws[a-z-]*:lambda:/.test(endpoint)) throw invalidParameter("Lambda endpoint ARN");
  if (protocol.startsWith("email") && !/^[^@\s;,]+@[^@\s;,]+$/.test(endpoint)) throw invalidParameter("Email address");
  if (protocol.startsWith("http") && !endpoint.startsWith(`${protocol}://`)) {
    throw invalidParameter("Endpoint must match the specified protocol");
  }
}

function applyAttribute(
  subscription: Subscription,
  name: string,
  value: string,
  refuse: (detail: string) => Error,
): void {
  if (!SETTABLE.includes(name)) throw refuse("AttributeName");
  if (name === "RawMessageDelivery" && value.toLowerCase() !== "true" && value.toLowerCase() !== "false") {
    throw refuse(`RawMessageDelivery: Invalid value [${value}]. Must be true or false.`);
  }
  if (name === "FilterPolicyScope" && value !== "MessageAttributes" && value !== "MessageBody") {
    throw refuse(`FilterPolicyScope: Invalid value [${value}]. Please use either MessageBody or MessageAttributes`);
  }
  if (name === "RedrivePolicy" && value !== "") checkRedrive(value, refuse);
  if (name === "FilterPolicy") {
    // An empty policy takes the filter away.
    if (value === "" || value.replace(/\s/g, "") === "{}") {
      subscription.filter = undefined;
      delete subscription.attributes.FilterPolicy;
      return;
    }
    try {
      subscription.filter = parsePattern(value);
    } catch (error) {
      if (error instanceof PatternError) throw refuse(`FilterPolicy: ${error.message}`);
      throw error;
    }
  }
  if (value === "") delete subscription.attributes[name];
  else subscription.attributes[name] = name === "RawMessageDelivery" ? value.toLowerCase() : value;
}

function checkRedrive(value: string, refuse: (detail: string) => Error): void {
  let target: unknown;
  try {
    target = (JSON.parse(value) as { deadLetterTargetArn?: unknown }).deadLetterTargetArn;
  } catch {
    throw refuse("RedrivePolicy: failed to parse JSON.");
  }
  if (typeof target !== "string" || !/^arn:aws[a-z-]*:sqs:/.test(target)) {
    throw refuse("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  }
}
