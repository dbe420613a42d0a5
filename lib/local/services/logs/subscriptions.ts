import { gzipSync } from "node:zlib";
import type {
  DeleteSubscriptionFilterCommandInput,
  DescribeSubscriptionFiltersCommandInput,
  PutSubscriptionFilterCommandInput,
} from "@aws-sdk/client-cloudwatch-logs";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { Disturbances } from "../eventbridge/disturbance.ts";
import { compileFilterPattern } from "./filter-pattern.ts";
import { eventId, page } from "./read.ts";
import { invalid, type LogEvent, type LogGroup, type LogStore, type LogStream } from "./store.ts";

/** Subscription filters for each log group (CloudWatch Logs quotas, 2026). */
const MAX_FILTERS = 2;
/** A batch for Lambda is closed at so many characters of messages, so that its event stays below 256 KB. [inferred] */
const BATCH_CHARACTERS = 500_000;
/** Delays before each further try at a function that is throttled or unavailable. The service goes on for a day. */
const RETRY_SECONDS = [1, 2, 4, 8, 16, 32];

export interface SubscriptionFilter {
  name: string;
  pattern: string;
  matches: (message: string) => boolean;
  destinationArn: string;
  createdMs: number;
}

interface Batch {
  group: LogGroup;
  stream: LogStream;
  filter: SubscriptionFilter;
  events: LogEvent[];
  characters: number;
}

/** Hands new events of log groups to the Lambdas that subscribe to them, at least once, stream by stream. */
export class Subscriptions {
  readonly disturbances: Disturbances;
  private readonly open = new Map<string, Batch>();
  private readonly world: World;
  private readonly store: LogStore;
  private readonly delayMs: number;

  constructor(world: World, store: LogStore, delayMs: number) {
    this.world = world;
    this.store = store;
    this.delayMs = delayMs;
    this.disturbances = new Disturbances(world.random.fork("logs/disturbances"));
  }

  readonly operations: Record<string, OperationHandler> = {
    PutSubscriptionFilter: (input: PutSubscriptionFilterCommandInput) => this.put(input),
    DeleteSubscriptionFilter: (input: DeleteSubscriptionFilterCommandInput) => {
      const { filters } = this.store.group(input.logGroupName);
      if (!filters.delete(input.filterName ?? "")) {
        throw new AwsError("ResourceNotFoundException", "The specified subscription filter does not exist.");
      }
      return {};
    },
    DescribeSubscriptionFilters: (input: DescribeSubscriptionFiltersCommandInput) => {
      const group = this.store.group(input.logGroupName);
      const wanted = [...group.filters.values()].filter(({ name }) => name.startsWith(input.filterNamePrefix ?? ""));
      const { items, next } = page(wanted, input.nextToken, input.limit ?? 50);
      return {
        subscriptionFilters: items.map(({ name, pattern, destinationArn, createdMs }) => ({
          filterName: name,
          logGroupName: group.name,
          filterPattern: pattern,
          destinationArn,
          distribution: "ByLogStream",
          applyOnTransformedLogs: false,
          creationTime: createdMs,
        })),
        nextToken: next,
      };
    },
  };

  clear(): void {
    this.open.clear();
    this.disturbances.clear();
  }

  /** New events wait for their stream's batch, which leaves a fixed time after its first event. */
  accept(group: LogGroup, stream: LogStream, events: readonly LogEvent[]): void {
    for (const filter of group.filters.values()) {
      const wanted = events.filter(({ message }) => filter.matches(message));
      for (const event of wanted) {
        const key = `${group.name}\n${stream.name}\n${filter.name}`;
        const batch = this.open.get(key) ?? this.begin(key, { group, stream, filter, events: [], characters: 0 });
        batch.events.push(event);
        batch.characters += event.message.length;
        if (batch.characters >= BATCH_CHARACTERS) this.leave(key, batch);
      }
    }
  }

  private begin(key: string, batch: Batch): Batch {
    this.open.set(key, batch);
    this.world.clock.at(this.world.clock.now() + this.delayMs, () => this.leave(key, batch));
    return batch;
  }

  private leave(key: string, batch: Batch): void {
    if (this.open.get(key) !== batch) return;
    this.open.delete(key);
    for (const delayMs of this.disturbances.arrivals(batch.group.name)) {
      this.world.clock.at(this.world.clock.now() + delayMs, () => {
        void this.deliver(batch);
      });
    }
  }

  private async deliver({ group, stream, filter, events }: Batch): Promise<void> {
    // A filter that is gone meanwhile delivers nothing any more.
    if (group.filters.get(filter.name) !== filter) return;
    const document = {
      messageType: "DATA_MESSAGE",
      owner: this.world.accountId,
      logGroup: group.name,
      logStream: stream.name,
      subscriptionFilters: [filter.name],
      logEvents: events.map((event) => ({
        id: eventId(event),
        timestamp: event.timestampMs,
        message: event.message,
      })),
    };
    const data = gzipSync(JSON.stringify(document)).toString("base64");
    const Payload = new TextEncoder().encode(JSON.stringify({ awslogs: { data } }));
    const input = { FunctionName: filter.destinationArn, InvocationType: "Event", Payload };
    for (let tries = 0; ; tries += 1) {
      try {
        await this.world.call("lambda", "Invoke", input, this.principal(group));
        return;
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        const passing = (error.status >= 500 && error.status !== 501) || error.status === 429;
        const seconds = RETRY_SECONDS[tries];
        if (!passing || seconds === undefined) {
          const { name: filterName } = filter;
          this.world.announce("logs-undelivered", { logGroup: group.name, filterName, error: error.message });
          return;
        }
        await this.world.clock.sleep(seconds * 1000);
      }
    }
  }

  private put(input: PutSubscriptionFilterCommandInput): object {
    const { filterName = "", filterPattern = "", destinationArn = "", distribution, roleArn } = input;
    const [, , service, , accountId] = destinationArn.split(":");
    if (service !== "lambda") {
      throw notImplemented("cloudwatch-logs", "PutSubscriptionFilter", `the destination ${destinationArn}`);
    }
    if (roleArn !== undefined || (distribution !== undefined && distribution !== "ByLogStream")) {
      throw notImplemented("cloudwatch-logs", "PutSubscriptionFilter", "roleArn, and distributions but ByLogStream");
    }
    if (accountId !== this.world.accountId) {
      throw new AwsError(
        "AccessDeniedException",
        "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account lambda triggers.",
      );
    }
    if (!/^[^:*]{1,512}$/.test(filterName)) {
      throw invalid(
        `1 validation error detected: Value '${filterName}' at 'filterName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*`,
      );
    }
    const group = this.store.group(input.logGroupName);
    if (group.logGroupClass !== "STANDARD") {
      throw invalid(`Subscription filters are not supported for log groups of the class ${group.logGroupClass}.`);
    }
    const matches = compileFilterPattern(filterPattern);
    const known = group.filters.get(filterName);
    if (!known && group.filters.size >= MAX_FILTERS) {
      throw new AwsError("LimitExceededException", "Resource limit exceeded.");
    }
    this.checkDestination(destinationArn, group);
    const createdMs = known?.createdMs ?? this.world.clock.now();
    group.filters.set(filterName, { name: filterName, pattern: filterPattern, matches, destinationArn, createdMs });
    return {};
  }

  /** The service tries the function before it takes the filter; the text is the one that people report. */
  private checkDestination(destinationArn: string, group: LogGroup): void {
    const input = { FunctionName: destinationArn };
    try {
      this.world.links.authorize({
        service: "lambda",
        operation: "Invoke",
        input,
        principal: this.principal(group),
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw invalid(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
      );
    }
  }

  private principal(group: LogGroup) {
    return this.world.servicePrincipal("logs.amazonaws.com", `${group.arn}:*`);
  }
}
