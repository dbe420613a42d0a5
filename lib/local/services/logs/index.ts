import type {
  CreateLogGroupCommandInput,
  CreateLogStreamCommandInput,
  DeleteLogGroupCommandInput,
  DeleteLogStreamCommandInput,
  DeleteRetentionPolicyCommandInput,
  DescribeLogGroupsCommandInput,
  DescribeLogStreamsCommandInput,
  FilterLogEventsCommandInput,
  GetLogEventsCommandInput,
  ListTagsForResourceCommandInput,
  ListTagsLogGroupCommandInput,
  LogGroup as LogGroupDescription,
  LogStream as LogStreamDescription,
  PutLogEventsCommandInput,
  PutRetentionPolicyCommandInput,
  TagLogGroupCommandInput,
  TagResourceCommandInput,
  UntagLogGroupCommandInput,
  UntagResourceCommandInput,
} from "@aws-sdk/client-cloudwatch-logs";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, LogLine, World } from "../../kernel/service.ts";
import type { Disturbance } from "../eventbridge/disturbance.ts";
import { embeddedMetrics } from "./embedded-metrics.ts";
import { filterLogEvents, getLogEvents, page } from "./read.ts";
import { invalid, type LogGroup, LogStore, type LogStream } from "./store.ts";
import { Subscriptions } from "./subscriptions.ts";

const RETENTIONS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const DAY_MS = 86_400_000;

export interface LogsOptions {
  /** Virtual milliseconds from an event to the Lambdas that subscribe to it. Default 5,000. [unverified] */
  subscriptionDelayMs?: number;
}

export interface LogsService extends LocalService {
  /** Loses, doubles or holds up batches for subscribers; its `source` is a log group. Returns how to end it. */
  disturb(disturbance: Disturbance): () => void;
}

/**
 * CloudWatch Logs as far as the project uses it; installs `writeLogs` and `hasSubscribers`, and turns embedded metrics
 * into metrics.
 */
export function createLogs(world: World, options: LogsOptions = {}): LogsService {
  const now = () => world.clock.now();
  const store = new LogStore(`arn:${world.partition}:logs:${world.region}:${world.accountId}:log-group:`, now);

  const subscriptions = new Subscriptions(world, store, options.subscriptionDelayMs ?? 5000);
  const ingest = (group: LogGroup, stream: LogStream, lines: readonly LogLine[]) => {
    subscriptions.accept(group, stream, store.append(stream, lines));
    for (const { message } of lines) {
      for (const sample of embeddedMetrics(message, now())) world.links.recordMetric(sample);
    }
  };
  world.install("writeLogs", (name, streamName, lines) => {
    const stream = store.ensureStream(name, streamName);
    ingest(store.group(name), stream, lines);
  });
  world.install("hasSubscribers", (group) => (store.find(group)?.filters.size ?? 0) > 0);

  const tagged = (arnOrName: string | undefined) => store.group(arnOrName).tags;
  const tag = (tags: Map<string, string>, added: Record<string, string> = {}) => {
    for (const [key, value] of Object.entries(added)) tags.set(key, value);
  };

  return {
    name: "cloudwatch-logs",
    operations: {
      ...subscriptions.operations,
      CreateLogGroup(input: CreateLogGroupCommandInput) {
        const group = store.createGroup(input.logGroupName ?? "");
        group.logGroupClass = input.logGroupClass ?? "STANDARD";
        group.kmsKeyId = input.kmsKeyId;
        group.deletionProtection = input.deletionProtectionEnabled ?? false;
        tag(group.tags, input.tags);
        return {};
      },
      DeleteLogGroup(input: DeleteLogGroupCommandInput) {
        store.deleteGroup(input.logGroupName);
        return {};
      },
      DescribeLogGroups: (input: DescribeLogGroupsCommandInput) => describeGroups(store, input),
      PutRetentionPolicy(input: PutRetentionPolicyCommandInput) {
        const group = store.group(input.logGroupName);
        if (!RETENTIONS.includes(input.retentionInDays ?? 0)) {
          throw invalid(
            `1 validation error detected: Value '${input.retentionInDays}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${RETENTIONS.join(", ")}]`,
          );
        }
        group.retentionInDays = input.retentionInDays;
        return {};
      },
      DeleteRetentionPolicy(input: DeleteRetentionPolicyCommandInput) {
        store.group(input.logGroupName).retentionInDays = undefined;
        return {};
      },
      CreateLogStream(input: CreateLogStreamCommandInput) {
        store.createStream(store.group(input.logGroupName), input.logStreamName ?? "");
        return {};
      },
      DeleteLogStream(input: DeleteLogStreamCommandInput) {
        const group = store.group(input.logGroupName);
        group.streams.delete(store.stream(group, input.logStreamName).name);
        return {};
      },
      DescribeLogStreams: (input: DescribeLogStreamsCommandInput) => describeStreams(store, input),
      PutLogEvents(input: PutLogEventsCommandInput) {
        const group = store.group(input.logGroupName);
        const stream = store.stream(group, input.logStreamName);
        if (input.logEvents?.length === 0) {
          throw invalid(
            "1 validation error detected: Value '[]' at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1",
          );
        }
        const lines = (input.logEvents ?? []).map(({ timestamp = now(), message = "" }) => ({
          timestampMs: timestamp,
          message,
        }));
        if (lines.some((line, index) => line.timestampMs < (lines[index - 1]?.timestampMs ?? line.timestampMs))) {
          throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
        }
        // Accepted: up to 14 days old and up to 2 hours ahead (API reference, PutLogEvents).
        const tooOld = lines.filter((line) => line.timestampMs < now() - 14 * DAY_MS).length;
        const firstTooNew = lines.findIndex((line) => line.timestampMs > now() + 2 * 3_600_000);
        ingest(group, stream, lines.slice(tooOld, firstTooNew === -1 ? undefined : firstTooNew));
        const rejected = {
          ...(tooOld > 0 && { tooOldLogEventEndIndex: tooOld }),
          ...(firstTooNew !== -1 && { tooNewLogEventStartIndex: firstTooNew }),
        };
        return {
          nextSequenceToken: String(stream.events.length).padStart(56, "0"),
          ...(Object.keys(rejected).length > 0 && { rejectedLogEventsInfo: rejected }),
        };
      },
      GetLogEvents: (input: GetLogEventsCommandInput) => getLogEvents(store, input, now()),
      FilterLogEvents: (input: FilterLogEventsCommandInput) => filterLogEvents(store, input, now()),
      TagLogGroup(input: TagLogGroupCommandInput) {
        tag(tagged(input.logGroupName), input.tags);
        return {};
      },
      UntagLogGroup(input: UntagLogGroupCommandInput) {
        for (const key of input.tags ?? []) tagged(input.logGroupName).delete(key);
        return {};
      },
      ListTagsLogGroup: (input: ListTagsLogGroupCommandInput) => ({
        tags: Object.fromEntries(tagged(input.logGroupName)),
      }),
      TagResource(input: TagResourceCommandInput) {
        tag(tagged(input.resourceArn), input.tags);
        return {};
      },
      UntagResource(input: UntagResourceCommandInput) {
        for (const key of input.tagKeys ?? []) tagged(input.resourceArn).delete(key);
        return {};
      },
      ListTagsForResource: (input: ListTagsForResourceCommandInput) => ({
        tags: Object.fromEntries(tagged(input.resourceArn)),
      }),
    },
    disturb: (disturbance) => subscriptions.disturbances.add(disturbance),
    reset() {
      store.clear();
      subscriptions.clear();
    },
  };
}

function describeGroups(store: LogStore, input: DescribeLogGroupsCommandInput) {
  const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern } = input;
  if (prefix !== undefined && pattern !== undefined) {
    throw invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  checkLimit(input.limit);
  const wanted = input.logGroupIdentifiers?.map((identifier) => store.group(identifier));
  const groups = (wanted ?? store.all()).filter(
    ({ name }) => name.startsWith(prefix ?? "") && name.toLowerCase().includes(pattern?.toLowerCase() ?? ""),
  );
  const { items, next } = page(groups, input.nextToken, input.limit ?? 50);
  const described = items.map(describeGroup);
  if (pattern === undefined) return { logGroups: described, nextToken: next };
  // A search by pattern answers from an index that knows less (recorded, test_describe_log_groups_with_pattern, 2026-02).
  const known = described.map(({ storedBytes: _, deletionProtectionEnabled: __, ...group }) => group);
  return { logGroups: known, nextToken: next };
}

function checkLimit(limit: number | undefined): void {
  if (limit === undefined || (limit >= 1 && limit <= 50)) return;
  const bound = limit < 1 ? "greater than or equal to 1" : "less than or equal to 50";
  throw invalid(
    `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value ${bound}`,
  );
}

function describeGroup(group: LogGroup): LogGroupDescription {
  return {
    logGroupName: group.name,
    creationTime: group.createdMs,
    ...(group.retentionInDays !== undefined && { retentionInDays: group.retentionInDays }),
    metricFilterCount: 0,
    arn: `${group.arn}:*`,
    logGroupArn: group.arn,
    logGroupClass: group.logGroupClass as LogGroupDescription["logGroupClass"],
    storedBytes: [...group.streams.values()]
      .flatMap(({ events }) => events)
      .reduce((sum, { message }) => sum + Buffer.byteLength(message) + 26, 0),
    ...(group.kmsKeyId && { kmsKeyId: group.kmsKeyId }),
    deletionProtectionEnabled: group.deletionProtection,
  };
}

function describeStreams(store: LogStore, input: DescribeLogStreamsCommandInput) {
  if (input.logGroupName !== undefined && input.logGroupIdentifier !== undefined) {
    throw new AwsError("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.");
  }
  checkLimit(input.limit);
  const byTime = input.orderBy === "LastEventTime";
  if (byTime && input.logStreamNamePrefix !== undefined) {
    throw invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  const streams = [...store.group(input.logGroupName ?? input.logGroupIdentifier).streams.values()].filter(({ name }) =>
    name.startsWith(input.logStreamNamePrefix ?? ""),
  );
  const lastEvent = (stream: LogStream) => stream.events.at(-1)?.timestampMs ?? 0;
  streams.sort((a, b) => (byTime ? lastEvent(a) - lastEvent(b) : a.name < b.name ? -1 : 1));
  if (input.descending) streams.reverse();
  const { items, next } = page(streams, input.nextToken, input.limit ?? 50);
  return { logStreams: items.map(describeStream), nextToken: next };
}

function describeStream(stream: LogStream): LogStreamDescription {
  const first = stream.events.at(0);
  const last = stream.events.at(-1);
  return {
    logStreamName: stream.name,
    creationTime: stream.createdMs,
    arn: stream.arn,
    storedBytes: 0,
    ...(first && { firstEventTimestamp: first.timestampMs }),
    ...(last && {
      lastEventTimestamp: last.timestampMs,
      lastIngestionTime: last.ingestedMs,
      uploadSequenceToken: String(stream.events.length).padStart(56, "0"),
    }),
  };
}
