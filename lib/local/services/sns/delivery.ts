import type { MessageAttributeValue } from "@aws-sdk/client-sns";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import { matchesPattern } from "../eventbridge/pattern.ts";
import { queueUrlOf } from "../sqs/queue-url.ts";
import type { DeliveredEmail, Subscription } from "./records.ts";

export interface PublishedMessage {
  messageId: string;
  topicArn: string;
  subject: string | undefined;
  /** The text for a protocol; with MessageStructure=json these differ. */
  textFor(protocol: string): string;
  attributes: Record<string, MessageAttributeValue>;
  atMs: number;
  groupId: string | undefined;
  deduplicationId: string | undefined;
  sequenceNumber: string | undefined;
}

/**
 * Delays before each further try when an endpoint in AWS is throttled or unavailable: 3 at once, 2 after a second,
 * 10 backing off to 20 s (SNS developer guide, "Message delivery retries", 2026). AWS then goes on for 23 days;
 * here the message is given up.
 */
const RETRY_SECONDS = [0, 0, 0, 1, 1, 1, 2, 3, 5, 8, 11, 14, 17, 20, 20];

/** True when the subscription's filter policy lets the message through. */
export function passesFilter(subscription: Subscription, message: PublishedMessage): boolean {
  if (!subscription.filter) return true;
  if (subscription.attributes.FilterPolicyScope === "MessageBody") {
    try {
      return matchesPattern(subscription.filter, JSON.parse(message.textFor(subscription.protocol)));
    } catch {
      return false;
    }
  }
  const fields = Object.entries(message.attributes).map(([name, { DataType, StringValue = "" }]) => [
    name,
    DataType === "Number" ? Number(StringValue) : DataType === "String.Array" ? parsedArray(StringValue) : StringValue,
  ]);
  return matchesPattern(subscription.filter, Object.fromEntries(fields));
}

function parsedArray(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export class Delivery {
  readonly emails: DeliveredEmail[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Delivers in the background; Publish does not wait for it. */
  async deliver(subscription: Subscription, message: PublishedMessage): Promise<void> {
    const { protocol, endpoint } = subscription;
    if (protocol.startsWith("email")) {
      this.emails.push({
        atMs: message.atMs,
        topicArn: message.topicArn,
        to: endpoint,
        subject: message.subject ?? "AWS Notification Message",
        message:
          protocol === "email-json"
            ? JSON.stringify(envelope(this.world, subscription, message))
            : message.textFor(protocol),
        confirmed: !subscription.pending,
      });
      return;
    }
    if (protocol !== "lambda" && protocol !== "sqs") return;
    const failure = await this.tryUntilGivenUp(() => this.send(subscription, message));
    if (!failure) return;
    this.world.announce("notification-undelivered", {
      topicArn: message.topicArn,
      endpoint,
      messageId: message.messageId,
      error: failure.message,
    });
    await this.toDeadLetters(subscription, message);
  }

  private async tryUntilGivenUp(attempt: () => Promise<unknown>): Promise<Error | undefined> {
    for (let tries = 0; ; tries++) {
      try {
        await attempt();
        return undefined;
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        const passing = (error.status >= 500 && error.status !== 501) || error.status === 429;
        const seconds = RETRY_SECONDS[tries];
        if (!passing || seconds === undefined) return error;
        if (seconds > 0) await this.world.clock.sleep(seconds * 1000);
      }
    }
  }

  private send(subscription: Subscription, message: PublishedMessage): Promise<unknown> {
    const principal = this.world.servicePrincipal("sns.amazonaws.com", message.topicArn);
    if (subscription.protocol === "lambda") {
      const payload = new TextEncoder().encode(JSON.stringify(lambdaEvent(this.world, subscription, message)));
      const input = { FunctionName: subscription.endpoint, InvocationType: "Event", Payload: payload };
      return this.world.call("lambda", "Invoke", input, principal);
    }
    const raw = subscription.attributes.RawMessageDelivery === "true";
    const input = {
      QueueUrl: queueUrlOf(this.world, subscription.endpoint),
      MessageBody: raw ? message.textFor("sqs") : JSON.stringify(envelope(this.world, subscription, message)),
      ...(raw && Object.keys(message.attributes).length > 0 ? { MessageAttributes: message.attributes } : {}),
      ...(message.groupId ? { MessageGroupId: message.groupId, MessageDeduplicationId: message.deduplicationId } : {}),
    };
    return this.world.call("sqs", "SendMessage", input, principal);
  }

  private async toDeadLetters(subscription: Subscription, message: PublishedMessage): Promise<void> {
    const policy = subscription.attributes.RedrivePolicy;
    if (!policy) return;
    const { deadLetterTargetArn } = JSON.parse(policy) as { deadLetterTargetArn: string };
    const body = JSON.stringify(
      subscription.protocol === "lambda"
        ? lambdaEvent(this.world, subscription, message)
        : envelope(this.world, subscription, message),
    );
    const input = { QueueUrl: queueUrlOf(this.world, deadLetterTargetArn), MessageBody: body };
    try {
      await this.world.call(
        "sqs",
        "SendMessage",
        input,
        this.world.servicePrincipal("sns.amazonaws.com", message.topicArn),
      );
    } catch (error) {
      // A dead-letter queue that is gone loses the message, as in AWS; the announcement above has told of it.
      if (!(error instanceof AwsError)) throw error;
    }
  }
}

/** There is no signer here: the signature says so, and the certificate's address is never fetched. */
const SIGNATURE = Buffer.from("not signed by the local AWS").toString("base64");

function links(world: World, subscription: Subscription) {
  const host = `https://sns.${world.region}.amazonaws.com`;
  return {
    certificate: `${host}/SimpleNotificationService-00000000000000000000000000000000.pem`,
    unsubscribe: `${host}/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`,
  };
}

function attributesOf(message: PublishedMessage) {
  return Object.fromEntries(
    Object.entries(message.attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      { Type: DataType, Value: BinaryValue ? Buffer.from(BinaryValue).toString("base64") : StringValue },
    ]),
  );
}

/** The JSON that queues, HTTP endpoints and `email-json` get; its URL names are spelt `…URL`, unlike Lambda's. */
function envelope(world: World, subscription: Subscription, message: PublishedMessage): Record<string, unknown> {
  const { certificate, unsubscribe } = links(world, subscription);
  return {
    Type: "Notification",
    MessageId: message.messageId,
    ...(message.sequenceNumber ? { SequenceNumber: message.sequenceNumber } : {}),
    TopicArn: message.topicArn,
    ...(message.subject === undefined ? {} : { Subject: message.subject }),
    Message: message.textFor(subscription.protocol),
    Timestamp: new Date(message.atMs).toISOString(),
    SignatureVersion: "1",
    Signature: SIGNATURE,
    SigningCertURL: certificate,
    UnsubscribeURL: unsubscribe,
    ...(Object.keys(message.attributes).length > 0 ? { MessageAttributes: attributesOf(message) } : {}),
  };
}

function lambdaEvent(world: World, subscription: Subscription, message: PublishedMessage): Record<string, unknown> {
  const { certificate, unsubscribe } = links(world, subscription);
  return {
    Records: [
      {
        EventSource: "aws:sns",
        EventVersion: "1.0",
        EventSubscriptionArn: subscription.arn,
        Sns: {
          Type: "Notification",
          MessageId: message.messageId,
          TopicArn: message.topicArn,
          Subject: message.subject ?? null,
          Message: message.textFor("lambda"),
          Timestamp: new Date(message.atMs).toISOString(),
          SignatureVersion: "1",
          Signature: SIGNATURE,
          SigningCertUrl: certificate,
          UnsubscribeUrl: unsubscribe,
          MessageAttributes: attributesOf(message),
        },
      },
    ],
  };
}
