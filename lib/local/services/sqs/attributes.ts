import { AwsError } from "../../kernel/errors.ts";
import { invalidAttribute, invalidValue, unknownAttribute } from "./errors.ts";
import type { Queue } from "./queue.ts";

/** Ranges of the SQS API reference (2026); the message size limit is 1 MiB since 2025-08. */
const NUMBERS: Record<string, { minimum: number; maximum: number; fallback: number }> = {
  DelaySeconds: { minimum: 0, maximum: 900, fallback: 0 },
  MaximumMessageSize: { minimum: 1024, maximum: 1_048_576, fallback: 1_048_576 },
  MessageRetentionPeriod: { minimum: 60, maximum: 1_209_600, fallback: 345_600 },
  ReceiveMessageWaitTimeSeconds: { minimum: 0, maximum: 20, fallback: 0 },
  VisibilityTimeout: { minimum: 0, maximum: 43_200, fallback: 30 },
};
/** Recorded without effect: there is no encryption here, and policies are not evaluated yet. */
const RECORDED = ["Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "SqsManagedSseEnabled"];
const FIFO_ONLY = ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];
const COMPUTED = [
  "QueueArn",
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
];

/** Attributes of a new queue: what was given over the defaults. */
export function initialAttributes(name: string, given: Record<string, string>): Record<string, string> {
  const fifo = name.endsWith(".fifo");
  const attributes: Record<string, string> = {};
  for (const [key, { fallback }] of Object.entries(NUMBERS)) attributes[key] = String(fallback);
  attributes.SqsManagedSseEnabled = given.KmsMasterKeyId ? "false" : "true";
  if (fifo) {
    Object.assign(attributes, {
      FifoQueue: "true",
      ContentBasedDeduplication: "false",
      DeduplicationScope: "queue",
      FifoThroughputLimit: "perQueue",
    });
  }
  return applyAttributes(attributes, given, { fifo });
}

/** New attributes after a change. An empty value takes an attribute away. Throws naming the first wrong one. */
export function applyAttributes(
  current: Record<string, string>,
  changes: Record<string, string>,
  context: { fifo: boolean },
): Record<string, string> {
  const next = { ...current };
  for (const [name, value] of Object.entries(changes)) {
    const range = NUMBERS[name];
    const known =
      range || RECORDED.includes(name) || name === "RedrivePolicy" || name === "KmsDataKeyReusePeriodSeconds";
    if (!known && !(FIFO_ONLY.includes(name) && context.fifo)) throw unknownAttribute(name);
    if (name === "FifoQueue" && value !== next.FifoQueue) {
      throw invalidAttribute(name, "Modifying queue type is not supported.");
    }
    if (value === "") {
      delete next[name];
      continue;
    }
    if (range) {
      const number = Number(value);
      if (!Number.isInteger(number) || number < range.minimum || number > range.maximum) throw invalidAttribute(name);
    }
    if (name === "RedrivePolicy") checkRedrivePolicy(value);
    next[name] = value;
  }
  if (changes.KmsMasterKeyId && changes.SqsManagedSseEnabled === "true") {
    throw new AwsError(
      "InvalidAttributeName",
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
  }
  if (changes.KmsMasterKeyId) {
    next.SqsManagedSseEnabled = "false";
    next.KmsDataKeyReusePeriodSeconds ??= "300";
  }
  return next;
}

function checkRedrivePolicy(text: string): void {
  const refuse = (reason: string) => invalidValue(text, "RedrivePolicy", reason);
  let policy: { deadLetterTargetArn?: unknown; maxReceiveCount?: unknown };
  try {
    policy = JSON.parse(text) as typeof policy;
  } catch {
    throw refuse("Redrive policy is not a valid JSON map.");
  }
  if (policy.deadLetterTargetArn === undefined || policy.maxReceiveCount === undefined) {
    throw refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn or maxReceiveCount.");
  }
  if (!/^arn:aws[a-z-]*:sqs:[^:]+:\d{12}:[^:]+$/.test(String(policy.deadLetterTargetArn))) {
    throw refuse("Invalid value for deadLetterTargetArn.");
  }
  const count = Number(policy.maxReceiveCount);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw refuse("Invalid value for maxReceiveCount: must be between 1 and 1000.");
  }
}

/** What GetQueueAttributes answers for the wanted names; `All` means every one. */
export function readAttributes(queue: Queue, wanted: readonly string[], nowMs: number): Record<string, string> {
  const { visible, delayed, inFlight } = queue.counts(nowMs);
  const all: Record<string, string> = {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: String(Math.floor(queue.createdMs / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedMs / 1000)),
    ...queue.attributes,
  };
  if (wanted.includes("All")) return all;
  for (const name of wanted) {
    const known = COMPUTED.includes(name) || name in NUMBERS || RECORDED.includes(name) || FIFO_ONLY.includes(name);
    if (!known && name !== "RedrivePolicy" && name !== "KmsDataKeyReusePeriodSeconds") throw unknownAttribute(name);
  }
  return Object.fromEntries(wanted.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
}
