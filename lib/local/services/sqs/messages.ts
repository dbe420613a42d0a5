import type {
  BatchResultErrorEntry,
  ChangeMessageVisibilityBatchRequest,
  ChangeMessageVisibilityRequest,
  DeleteMessageBatchRequest,
  DeleteMessageRequest,
  Message,
  MessageAttributeValue,
  ReceiveMessageRequest,
  ReceiveMessageResult,
  SendMessageBatchRequest,
  SendMessageBatchResult,
  SendMessageRequest,
  SendMessageResult,
} from "@aws-sdk/client-sqs";
import { AwsError } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { RequestContext, World } from "../../kernel/service.ts";
import { md5, md5OfAttributes, messageBytes } from "./digests.ts";
import {
  batchTooLong,
  checkBatch,
  invalidParameter,
  invalidValue,
  missingParameter,
  receiptHandleInvalid,
} from "./errors.ts";
import type { Queue, StoredMessage } from "./queue.ts";

/** A batch may be 1 MiB since 2025-08, as a message. */
const BATCH_LIMIT_BYTES = 1_048_576;

/**
 * Long polling waits on virtual time. When virtual time stands still for this long in real time, nobody drives the
 * clock, and a client at the other end of a socket would hang: the wait then ends as if its time were over.
 */
const STANDSTILL_REAL_MS = 250;

export interface QueueAccess {
  queue(url: string | undefined): Queue;
  byArn(arn: string): Queue | undefined;
  /** Tells the minute's metrics that a queue has something to say. */
  touched(): void;
}

export function messageOperations(world: World, access: QueueAccess, random: SeededRandom) {
  const send = (
    queue: Queue,
    input: Omit<SendMessageRequest, "QueueUrl">,
    context: RequestContext,
  ): SendMessageResult => {
    checkMessage(queue, input);
    const now = world.clock.now();
    const delaySeconds = input.DelaySeconds ?? queue.number("DelaySeconds");
    const body = input.MessageBody ?? "";
    const stored = queue.add(
      {
        id: random.uuid(),
        body,
        attributes: input.MessageAttributes,
        senderId: context.principal.arn,
        sentMs: now,
        visibleAtMs: now + delaySeconds * 1000,
        firstReceivedMs: undefined,
        receiveCount: 0,
        receiptHandle: undefined,
        groupId: input.MessageGroupId,
        deduplicationId: queue.fifo ? (input.MessageDeduplicationId ?? md5(body)) : input.MessageDeduplicationId,
        sequenceNumber: undefined,
        deadLetterSourceArn: undefined,
      },
      now,
    );
    access.touched();
    const attributesMd5 = md5OfAttributes(input.MessageAttributes);
    return {
      MessageId: stored.id,
      MD5OfMessageBody: md5(body),
      ...(attributesMd5 ? { MD5OfMessageAttributes: attributesMd5 } : {}),
      ...(stored.sequenceNumber ? { SequenceNumber: stored.sequenceNumber } : {}),
    };
  };

  function sendBatch({ QueueUrl, Entries }: SendMessageBatchRequest, context: RequestContext): SendMessageBatchResult {
    const queue = access.queue(QueueUrl);
    checkBatch(Entries, "SendMessageBatchRequestEntry");
    const entries = Entries ?? [];
    const bytes = entries.reduce(
      (sum, entry) => sum + messageBytes(entry.MessageBody ?? "", entry.MessageAttributes),
      0,
    );
    if (bytes > BATCH_LIMIT_BYTES) throw batchTooLong(bytes, BATCH_LIMIT_BYTES);
    return eachEntry(entries, ({ Id, ...entry }) => ({ Id, ...send(queue, entry, context) })) as SendMessageBatchResult;
  }

  async function receive(input: ReceiveMessageRequest): Promise<ReceiveMessageResult> {
    const queue = access.queue(input.QueueUrl);
    const limit = input.MaxNumberOfMessages ?? 1;
    if (limit < 1 || limit > 10) {
      throw invalidValue(limit, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.");
    }
    const wait = input.WaitTimeSeconds ?? queue.number("ReceiveMessageWaitTimeSeconds");
    if (wait < 0 || wait > 20) throw invalidValue(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.");
    const deadline = world.clock.now() + wait * 1000;
    for (;;) {
      const messages = take(queue, limit, input);
      if (messages.length > 0) return { Messages: messages };
      if (world.clock.now() >= deadline || (await waitForChange(queue, deadline)) === "standstill") return {};
    }
  }

  async function waitForChange(queue: Queue, deadline: number): Promise<"changed" | "standstill"> {
    const stop = new AbortController();
    const until = Math.min(deadline, queue.nextVisibleMs(world.clock.now()) ?? deadline);
    const time = world.clock.sleep(until - world.clock.now(), stop.signal).then(
      () => "changed" as const,
      () => "changed" as const,
    );
    const message = queue.nextMessage().then(() => "changed" as const);
    try {
      return await Promise.race([time, message, standstill(stop.signal)]);
    } finally {
      stop.abort();
    }
  }

  function standstill(signal: AbortSignal): Promise<"standstill"> {
    return new Promise((resolve) => {
      let seen = world.clock.now();
      const watch = setInterval(() => {
        if (world.clock.now() === seen) resolve("standstill");
        seen = world.clock.now();
      }, STANDSTILL_REAL_MS);
      watch.unref();
      signal.addEventListener("abort", () => clearInterval(watch), { once: true });
    });
  }

  function take(queue: Queue, limit: number, input: ReceiveMessageRequest): Message[] {
    const now = world.clock.now();
    queue.expire(now);
    const redrive = queue.redrivePolicy();
    const deadLetters = redrive && access.byArn(redrive.deadLetterTargetArn);
    const taken: Message[] = [];
    for (const message of queue.receivable(now)) {
      if (taken.length === limit) break;
      if (redrive && deadLetters && message.receiveCount >= redrive.maxReceiveCount) {
        queue.remove(message);
        deadLetters.add(
          { ...message, visibleAtMs: now, receiptHandle: undefined, deadLetterSourceArn: queue.arn },
          now,
        );
        access.touched();
        continue;
      }
      message.receiveCount += 1;
      message.firstReceivedMs ??= now;
      message.receiptHandle = random.text(48);
      message.visibleAtMs = now + (input.VisibilityTimeout ?? queue.number("VisibilityTimeout")) * 1000;
      queue.changed = true;
      taken.push(shown(message, input));
    }
    if (taken.length > 0) access.touched();
    return taken;
  }

  const forget = (queue: Queue, handle: string | undefined) => {
    if (!handle) throw missingParameter("ReceiptHandle");
    const message = queue.byHandle(handle);
    if (message && queue.fifo && message.visibleAtMs <= world.clock.now()) {
      throw invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.");
    }
    // Deleting twice, or with a handle that a later receive has replaced, succeeds without effect on standard queues.
    if (message) queue.remove(message);
    else if (!/^[a-z0-9]{48}$/.test(handle)) throw receiptHandleInvalid(handle);
    access.touched();
  };

  const changeVisibility = (queue: Queue, handle: string | undefined, seconds: number | undefined) => {
    if (!handle) throw missingParameter("ReceiptHandle");
    if (seconds === undefined) throw missingParameter("VisibilityTimeout");
    if (seconds < 0 || seconds > 43_200) {
      throw invalidValue(seconds, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200");
    }
    const message = queue.byHandle(handle);
    if (!message) throw receiptHandleInvalid(handle);
    message.visibleAtMs = world.clock.now() + seconds * 1000;
    queue.changed = true;
    access.touched();
  };

  return {
    SendMessage: (input: SendMessageRequest, context: RequestContext) =>
      send(access.queue(input.QueueUrl), input, context),
    SendMessageBatch: sendBatch,
    ReceiveMessage: receive,
    DeleteMessage: (input: DeleteMessageRequest) => {
      forget(access.queue(input.QueueUrl), input.ReceiptHandle);
      return {};
    },
    DeleteMessageBatch: (input: DeleteMessageBatchRequest) => {
      const queue = access.queue(input.QueueUrl);
      checkBatch(input.Entries, "DeleteMessageBatchRequestEntry");
      return eachEntry(input.Entries ?? [], ({ Id, ReceiptHandle }) => {
        forget(queue, ReceiptHandle);
        return { Id };
      });
    },
    ChangeMessageVisibility: (input: ChangeMessageVisibilityRequest) => {
      changeVisibility(access.queue(input.QueueUrl), input.ReceiptHandle, input.VisibilityTimeout);
      return {};
    },
    ChangeMessageVisibilityBatch: (input: ChangeMessageVisibilityBatchRequest) => {
      const queue = access.queue(input.QueueUrl);
      checkBatch(input.Entries, "ChangeMessageVisibilityBatchRequestEntry");
      return eachEntry(input.Entries ?? [], ({ Id, ReceiptHandle, VisibilityTimeout }) => {
        changeVisibility(queue, ReceiptHandle, VisibilityTimeout);
        return { Id };
      });
    },
  };
}

function eachEntry<Entry extends { Id?: string }, Result>(entries: readonly Entry[], run: (entry: Entry) => Result) {
  const successful: Result[] = [];
  const failed: BatchResultErrorEntry[] = [];
  for (const entry of entries) {
    try {
      successful.push(run(entry));
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      failed.push({
        Id: entry.Id,
        SenderFault: error.fault === "client",
        Code: error.queryCode ?? error.code,
        Message: error.message,
      });
    }
  }
  return {
    ...(successful.length > 0 ? { Successful: successful } : {}),
    ...(failed.length > 0 ? { Failed: failed } : {}),
  };
}

function checkMessage(queue: Queue, input: Omit<SendMessageRequest, "QueueUrl">): void {
  const { MessageBody, MessageAttributes, DelaySeconds } = input;
  if (!MessageBody) throw missingParameter("MessageBody");
  const limit = queue.number("MaximumMessageSize");
  if (messageBytes(MessageBody, MessageAttributes) > limit) {
    throw invalidParameter(`One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`);
  }
  for (const [name, { DataType = "", StringValue, BinaryValue }] of Object.entries(MessageAttributes ?? {})) {
    if (!/^(String|Number|Binary)(\..+)?$/.test(DataType)) {
      throw invalidParameter(
        `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
      );
    }
    if (!(DataType.startsWith("Binary") ? BinaryValue?.length : StringValue)) {
      const type = DataType.split(".")[0];
      throw invalidParameter(`Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`);
    }
  }
  if (queue.fifo) {
    if (!input.MessageGroupId) throw missingParameter("MessageGroupId");
    if (!input.MessageDeduplicationId && queue.attributes.ContentBasedDeduplication !== "true") {
      throw invalidParameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
      );
    }
    if (DelaySeconds) {
      throw invalidValue(
        DelaySeconds,
        "DelaySeconds",
        "The request include parameter that is not valid for this queue type.",
      );
    }
  }
  if (DelaySeconds !== undefined && (DelaySeconds < 0 || DelaySeconds > 900)) {
    throw invalidValue(DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.");
  }
}

function shown(message: StoredMessage, input: ReceiveMessageRequest): Message {
  const system: Record<string, string | undefined> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentMs),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedMs),
    MessageGroupId: message.groupId,
    MessageDeduplicationId: message.deduplicationId,
    SequenceNumber: message.sequenceNumber,
    DeadLetterQueueSourceArn: message.deadLetterSourceArn,
  };
  const names: string[] = [...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])];
  const attributes = Object.fromEntries(
    Object.entries(system).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (names.includes("All") || names.includes(entry[0])),
    ),
  );
  const chosen = chosenAttributes(message.attributes, input.MessageAttributeNames ?? []);
  const attributesMd5 = md5OfAttributes(chosen);
  return {
    MessageId: message.id,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: md5(message.body),
    Body: message.body,
    ...(Object.keys(attributes).length > 0 ? { Attributes: attributes } : {}),
    ...(attributesMd5 ? { MD5OfMessageAttributes: attributesMd5, MessageAttributes: chosen } : {}),
  };
}

/** `All`, `.*`, `prefix.*` and plain names; `.*` after a prefix also takes names without the dot (recorded 2023-07). */
function chosenAttributes(
  attributes: Record<string, MessageAttributeValue> | undefined,
  wanted: readonly string[],
): Record<string, MessageAttributeValue> {
  const matches = (name: string) =>
    wanted.some((filter) => {
      if (filter === "All" || filter === ".*" || filter === "*") return true;
      return filter.endsWith(".*") ? name.startsWith(filter.slice(0, -2)) : name === filter;
    });
  return Object.fromEntries(Object.entries(attributes ?? {}).filter(([name]) => matches(name)));
}
