import { createHash } from "node:crypto";
import type {
  MessageAttributeValue,
  PublishBatchInput,
  PublishBatchResponse,
  PublishInput,
  PublishResponse,
} from "@aws-sdk/client-sns";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { type Delivery, passesFilter } from "./delivery.ts";
import { attributeValueInvalid, batchError, invalidParameter, requireArn } from "./errors.ts";
import type { Topic } from "./records.ts";
import type { SubscriptionStore } from "./subscriptions.ts";
import type { TopicStore } from "./topics.ts";

const MESSAGE_LIMIT_BYTES = 262_144;
const DEDUPLICATION_MS = 5 * 60_000;

export function publishOperations(
  world: World,
  stores: { topics: TopicStore; subscriptions: SubscriptionStore; delivery: Delivery },
  random: SeededRandom,
) {
  function publishTo(topic: Topic, input: PublishInput): PublishResponse {
    checkMessage(topic, input);
    const texts = protocolTexts(input);
    const now = world.clock.now();
    const deduplicationId = topic.fifo ? (input.MessageDeduplicationId ?? sha256(input.Message ?? "")) : undefined;
    const repeated = deduplicationId === undefined ? undefined : topic.published.get(deduplicationId);
    if (repeated && now - repeated.atMs < DEDUPLICATION_MS) {
      return { MessageId: repeated.messageId, SequenceNumber: repeated.sequenceNumber };
    }
    const messageId = random.uuid();
    let sequenceNumber: string | undefined;
    if (deduplicationId !== undefined) {
      topic.sequence += 1n;
      sequenceNumber = String(10_000_000_000_000_000_000n + topic.sequence);
      topic.published.set(deduplicationId, { atMs: now, messageId, sequenceNumber });
    }
    const message = {
      messageId,
      topicArn: topic.arn,
      subject: input.Subject,
      textFor: (protocol: string) => texts[protocol] ?? texts.default ?? "",
      attributes: input.MessageAttributes ?? {},
      atMs: now,
      groupId: input.MessageGroupId,
      deduplicationId,
      sequenceNumber,
    };
    world.announce("notification", {
      topicArn: topic.arn,
      subject: input.Subject,
      message: message.textFor("default"),
    });
    for (const subscription of stores.subscriptions.of(topic.arn)) {
      if (passesFilter(subscription, message)) void stores.delivery.deliver(subscription, message);
    }
    return { MessageId: messageId, ...(sequenceNumber ? { SequenceNumber: sequenceNumber } : {}) };
  }

  function publish(input: PublishInput): PublishResponse {
    if (input.PhoneNumber !== undefined) throw notImplemented("sns", "Publish", "to a phone number");
    if (input.TopicArn !== undefined && input.TargetArn !== undefined) {
      throw invalidParameter("TopicArn or TargetArn Reason: both are present, exactly one is required");
    }
    if (input.TopicArn === undefined && input.TargetArn === undefined) {
      throw invalidParameter("TopicArn or TargetArn Reason: no value for required parameter");
    }
    const arn = requireArn(input.TopicArn ?? input.TargetArn, "TopicArn");
    if (input.TopicArn === undefined && arn.split(":")[5]?.startsWith("endpoint/")) {
      throw invalidParameter("TargetArn Reason: No endpoint found for the target arn specified");
    }
    return publishTo(stores.topics.get(arn), input);
  }

  function publishBatch({ TopicArn, PublishBatchRequestEntries }: PublishBatchInput): PublishBatchResponse {
    const topic = stores.topics.get(TopicArn);
    const entries = PublishBatchRequestEntries ?? [];
    if (entries.length === 0) throw batchError("EmptyBatchRequest", "The batch request doesn't contain any entries.");
    if (entries.length > 10) {
      throw batchError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.");
    }
    if (new Set(entries.map((entry) => entry.Id)).size !== entries.length) {
      throw batchError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
    }
    // FIFO parameters and the JSON structure are refused for the whole batch (recorded 2023-08).
    for (const entry of entries) {
      checkFifo(topic, entry);
      protocolTexts(entry);
    }
    const answer: Required<PublishBatchResponse> = { Successful: [], Failed: [] };
    for (const { Id, ...entry } of entries) {
      try {
        answer.Successful.push({ Id, ...publishTo(topic, entry) });
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        answer.Failed.push({ Id, Code: error.queryCode ?? error.code, Message: error.message, SenderFault: true });
      }
    }
    return answer;
  }

  return { Publish: publish, PublishBatch: publishBatch };
}

function checkMessage(topic: Topic, input: PublishInput): void {
  const { Message = "", Subject, MessageAttributes = {} } = input;
  if (Message === "") throw invalidParameter("Empty message");
  // Fewer than 100 characters, no line breaks or control characters (API reference, 2026).
  if (Subject !== undefined && (Subject === "" || Subject.length > 100 || /\p{Cc}/u.test(Subject))) {
    throw invalidParameter("Subject");
  }
  let bytes = Buffer.byteLength(Message);
  for (const [name, value] of Object.entries(MessageAttributes)) {
    checkAttribute(name, value);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value.DataType ?? "");
    bytes += value.BinaryValue?.length ?? Buffer.byteLength(value.StringValue ?? "");
  }
  if (bytes > MESSAGE_LIMIT_BYTES) throw invalidParameter("Message too long");
  checkFifo(topic, input);
}

function checkFifo(topic: Topic, input: { MessageGroupId?: string; MessageDeduplicationId?: string }): void {
  if (!topic.fifo) return;
  if (!input.MessageGroupId) throw invalidParameter("The MessageGroupId parameter is required for FIFO topics");
  if (!input.MessageDeduplicationId && topic.attributes.ContentBasedDeduplication !== "true") {
    throw invalidParameter(
      "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
}

function checkAttribute(name: string, { DataType = "", StringValue, BinaryValue }: MessageAttributeValue): void {
  const type = DataType.split(".")[0] ?? "";
  if (!["String", "Number", "Binary"].includes(type)) {
    throw attributeValueInvalid(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (!(type === "Binary" ? BinaryValue?.length : StringValue)) {
    throw attributeValueInvalid(
      `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${DataType}'.`,
    );
  }
}

/** Text by protocol; `default` always. Other keys of the JSON that are not strings are ignored. */
function protocolTexts({ Message = "", MessageStructure }: PublishInput): Record<string, string> {
  if (MessageStructure === undefined) return { default: Message };
  if (MessageStructure !== "json") throw invalidParameter("MessageStructure");
  let texts: unknown;
  try {
    texts = JSON.parse(Message);
  } catch {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const strings = Object.fromEntries(
    Object.entries(texts ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  if (strings.default === undefined) {
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  }
  return strings;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
