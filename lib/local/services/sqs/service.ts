import type {
  CreateQueueRequest,
  CreateQueueResult,
  GetQueueAttributesRequest,
  GetQueueAttributesResult,
  GetQueueUrlRequest,
  ListDeadLetterSourceQueuesRequest,
  ListQueuesRequest,
  ListQueuesResult,
  SetQueueAttributesRequest,
} from "@aws-sdk/client-sqs";
import type { Timer } from "../../kernel/clock.ts";
import type { LocalService, OperationHandler, World } from "../../kernel/service.ts";
import { applyAttributes, initialAttributes, readAttributes } from "./attributes.ts";
import { invalidParameter, missingParameter, purgeInProgress, queueDoesNotExist, queueNameExists } from "./errors.ts";
import { messageOperations } from "./messages.ts";
import { Queue } from "./queue.ts";
import { queueNameOf, queueUrl } from "./queue-url.ts";

const MINUTE_MS = 60_000;

export interface SqsService extends LocalService {
  /** The URL that SendMessage wants, for a queue of which only the ARN is at hand. */
  queueUrlOf(arn: string): string;
}

/** SQS: standard and FIFO queues on the virtual clock. */
export function createSqs(world: World): SqsService {
  const queues = new Map<string, Queue>();
  const random = world.random.fork("sqs");
  const metrics = createQueueMetrics(world, queues);

  const find = (url: string | undefined): Queue => {
    if (!url) throw missingParameter("QueueUrl");
    const queue = queues.get(queueNameOf(url));
    if (!queue) throw queueDoesNotExist();
    return queue;
  };

  function createQueue({ QueueName = "", Attributes = {}, tags = {} }: CreateQueueRequest): CreateQueueResult {
    if (!/^[A-Za-z0-9_-]{1,80}$|^[A-Za-z0-9_-]{1,75}\.fifo$/.test(QueueName)) {
      throw invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    }
    if (QueueName.endsWith(".fifo") !== (Attributes.FifoQueue === "true")) {
      throw invalidParameter(
        QueueName.endsWith(".fifo")
          ? "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
          : "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length",
      );
    }
    const existing = queues.get(QueueName);
    if (existing) {
      const different = Object.entries(Attributes).find(([name, value]) => existing.attributes[name] !== value);
      if (different) throw queueNameExists(different[0]);
      return { QueueUrl: queueUrl(world, QueueName) };
    }
    const arn = `arn:aws:sqs:${world.region}:${world.accountId}:${QueueName}`;
    const queue = new Queue(QueueName, arn, initialAttributes(QueueName, Attributes), world.clock.now());
    for (const [key, value] of Object.entries(tags)) queue.tags.set(key, value);
    queues.set(QueueName, queue);
    return { QueueUrl: queueUrl(world, QueueName) };
  }

  function setAttributes({ QueueUrl, Attributes = {} }: SetQueueAttributesRequest): Record<string, never> {
    const queue = find(QueueUrl);
    queue.attributes = applyAttributes(queue.attributes, Attributes, { fifo: queue.fifo });
    queue.modifiedMs = world.clock.now();
    return {};
  }

  function getAttributes({ QueueUrl, AttributeNames = [] }: GetQueueAttributesRequest): GetQueueAttributesResult {
    const queue = find(QueueUrl);
    const now = world.clock.now();
    queue.expire(now);
    const attributes = readAttributes(queue, AttributeNames, now);
    return Object.keys(attributes).length > 0 ? { Attributes: attributes } : {};
  }

  function listQueues({ QueueNamePrefix = "", MaxResults, NextToken }: ListQueuesRequest): ListQueuesResult {
    const names = [...queues.keys()].filter((name) => name.startsWith(QueueNamePrefix)).sort();
    const from = NextToken ? names.findIndex((name) => name > NextToken) : 0;
    const shown = from === -1 ? [] : names.slice(from, from + (MaxResults ?? 1000));
    const last = shown.at(-1);
    if (shown.length === 0) return {};
    return {
      QueueUrls: shown.map((name) => queueUrl(world, name)),
      // Without MaxResults there is no token (API reference, 2026).
      ...(MaxResults && last !== undefined && last !== names.at(-1) ? { NextToken: last } : {}),
    };
  }

  const operations: Record<string, OperationHandler> = {
    CreateQueue: createQueue,
    DeleteQueue: ({ QueueUrl }: { QueueUrl?: string }) => {
      queues.delete(find(QueueUrl).name);
      return {};
    },
    GetQueueUrl: ({ QueueName = "" }: GetQueueUrlRequest) => {
      if (!queues.has(QueueName)) throw queueDoesNotExist();
      return { QueueUrl: queueUrl(world, QueueName) };
    },
    ListQueues: listQueues,
    GetQueueAttributes: getAttributes,
    SetQueueAttributes: setAttributes,
    PurgeQueue: ({ QueueUrl }: { QueueUrl?: string }) => {
      const queue = find(QueueUrl);
      const now = world.clock.now();
      if (now - queue.purgedMs < MINUTE_MS) throw purgeInProgress(queue.name);
      queue.purgedMs = now;
      queue.messages = [];
      queue.changed = true;
      metrics.schedule();
      return {};
    },
    ListDeadLetterSourceQueues: ({ QueueUrl }: ListDeadLetterSourceQueuesRequest) => {
      const target = find(QueueUrl);
      const sources = [...queues.values()].filter((queue) => queue.redrivePolicy()?.deadLetterTargetArn === target.arn);
      return { queueUrls: sources.map((queue) => queueUrl(world, queue.name)) };
    },
    TagQueue: ({ QueueUrl, Tags = {} }: { QueueUrl?: string; Tags?: Record<string, string> }) => {
      const queue = find(QueueUrl);
      for (const [key, value] of Object.entries(Tags)) queue.tags.set(key, value);
      return {};
    },
    UntagQueue: ({ QueueUrl, TagKeys = [] }: { QueueUrl?: string; TagKeys?: string[] }) => {
      const queue = find(QueueUrl);
      for (const key of TagKeys) queue.tags.delete(key);
      return {};
    },
    ListQueueTags: ({ QueueUrl }: { QueueUrl?: string }) => ({ Tags: Object.fromEntries(find(QueueUrl).tags) }),
    ...messageOperations(
      world,
      {
        queue: find,
        byArn: (arn) => queues.get(queueNameOf(arn)),
        touched: metrics.schedule,
      },
      random,
    ),
  };
  return {
    name: "sqs",
    operations,
    queueUrlOf: (arn) => queueUrl(world, queueNameOf(arn)),
    reset() {
      queues.clear();
      metrics.stop();
    },
  };
}

/** Queue depths each whole minute, for queues that hold messages or changed since the last minute. */
function createQueueMetrics(world: World, queues: ReadonlyMap<string, Queue>) {
  let timer: Timer | undefined;

  function schedule(): void {
    if (timer) return;
    const next = Math.floor(world.clock.now() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
    timer = world.clock.at(next, () => {
      timer = undefined;
      publish(next);
    });
  }

  function publish(atMs: number): void {
    let busy = false;
    for (const queue of queues.values()) {
      queue.expire(atMs);
      if (queue.messages.length === 0 && !queue.changed) continue;
      busy = true;
      queue.changed = false;
      if (!world.service("cloudwatch")) continue;
      const { visible, delayed, inFlight } = queue.counts(atMs);
      const oldest = queue.messages.reduce((sentMs, message) => Math.min(sentMs, message.sentMs), atMs);
      for (const [name, value, unit] of [
        ["ApproximateNumberOfMessagesVisible", visible, "Count"],
        ["ApproximateNumberOfMessagesNotVisible", inFlight, "Count"],
        ["ApproximateNumberOfMessagesDelayed", delayed, "Count"],
        ["ApproximateAgeOfOldestMessage", (atMs - oldest) / 1000, "Seconds"],
      ] as const) {
        world.links.recordMetric({
          namespace: "AWS/SQS",
          name,
          dimensions: { QueueName: queue.name },
          // The depth at the end of a minute belongs to that minute.
          timestampMs: atMs - MINUTE_MS,
          values: [value],
          unit,
        });
      }
    }
    if (busy) schedule();
  }

  return {
    schedule,
    stop() {
      timer?.cancel();
      timer = undefined;
    },
  };
}
