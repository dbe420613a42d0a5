import { AwsError } from "../../kernel/errors.ts";
import type { SubscriptionFilter } from "./subscriptions.ts";

export interface LogEvent {
  timestampMs: number;
  ingestedMs: number;
  message: string;
  /** Position in the account's order of arrival; makes event ids and breaks ties of equal timestamps. */
  sequence: number;
}

export interface LogStream {
  name: string;
  arn: string;
  createdMs: number;
  /** Ordered by timestamp, then arrival. */
  events: LogEvent[];
}

export interface LogGroup {
  name: string;
  arn: string;
  createdMs: number;
  retentionInDays: number | undefined;
  logGroupClass: string;
  kmsKeyId: string | undefined;
  deletionProtection: boolean;
  tags: Map<string, string>;
  streams: Map<string, LogStream>;
  /** By name. */
  filters: Map<string, SubscriptionFilter>;
}

export const invalid = (message: string) => new AwsError("InvalidParameterException", message);
const notFound = (message: string) => new AwsError("ResourceNotFoundException", message);
const exists = (message: string) => new AwsError("ResourceAlreadyExistsException", message);

/** Log groups, their streams and events. Error texts as recorded from the service (LocalStack snapshots, 2026-02). */
export class LogStore {
  private readonly groups = new Map<string, LogGroup>();
  private sequence = 0;
  private readonly arnPrefix: string;
  private readonly now: () => number;

  constructor(arnPrefix: string, now: () => number) {
    this.arnPrefix = arnPrefix;
    this.now = now;
  }

  clear(): void {
    this.groups.clear();
  }

  all(): LogGroup[] {
    return [...this.groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  createGroup(name: string): LogGroup {
    if (name.length > 512) {
      throw invalid("Invalid LogGroup or LogStream, both must have length less than or equal to 512.");
    }
    if (!/^[.\-_/#A-Za-z0-9]+$/.test(name)) {
      throw invalid(
        `1 validation error detected: Value '${name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`,
      );
    }
    if (this.groups.has(name)) throw exists("The specified log group already exists");
    const group: LogGroup = {
      name,
      arn: `${this.arnPrefix}${name}`,
      createdMs: this.now(),
      retentionInDays: undefined,
      logGroupClass: "STANDARD",
      kmsKeyId: undefined,
      deletionProtection: false,
      tags: new Map(),
      streams: new Map(),
      filters: new Map(),
    };
    this.groups.set(name, group);
    return group;
  }

  /** Takes a name or an ARN, with or without the `:*` that descriptions end with. */
  group(nameOrArn: string | undefined): LogGroup {
    const name = nameOrArn?.startsWith("arn:") ? nameOrArn.split(":log-group:")[1]?.replace(/:\*$/, "") : nameOrArn;
    const group = name === undefined ? undefined : this.groups.get(name);
    if (!group) throw notFound("The specified log group does not exist.");
    return group;
  }

  deleteGroup(name: string | undefined): void {
    const group = this.group(name);
    if (group.deletionProtection) {
      throw new AwsError("ValidationException", "The log group has deletion protection enabled and can't be deleted.");
    }
    this.groups.delete(group.name);
  }

  /** Undefined where there is none yet. */
  find(name: string): LogGroup | undefined {
    return this.groups.get(name);
  }

  createStream(group: LogGroup, name: string): LogStream {
    if (!/^[^:*]{1,512}$/.test(name)) {
      throw invalid(
        `1 validation error detected: Value '${name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*`,
      );
    }
    if (group.streams.has(name)) throw exists("The specified log stream already exists");
    const stream = { name, arn: `${group.arn}:log-stream:${name}`, createdMs: this.now(), events: [] };
    group.streams.set(name, stream);
    return stream;
  }

  stream(group: LogGroup, name: string | undefined): LogStream {
    const stream = name === undefined ? undefined : group.streams.get(name);
    if (!stream) throw notFound("The specified log stream does not exist.");
    return stream;
  }

  /** For services that write logs themselves: group and stream come into being with the first line. */
  ensureStream(groupName: string, streamName: string): LogStream {
    const group = this.groups.get(groupName) ?? this.createGroup(groupName);
    return group.streams.get(streamName) ?? this.createStream(group, streamName);
  }

  append(stream: LogStream, lines: readonly { timestampMs: number; message: string }[]): LogEvent[] {
    const appended: LogEvent[] = [];
    for (const { timestampMs, message } of lines) {
      const event = { timestampMs, message, ingestedMs: this.now(), sequence: ++this.sequence };
      appended.push(event);
      const last = stream.events.at(-1);
      if (!last || last.timestampMs <= timestampMs) {
        stream.events.push(event);
      } else {
        const index = stream.events.findIndex((other) => other.timestampMs > timestampMs);
        stream.events.splice(index, 0, event);
      }
    }
    return appended;
  }
}

/** Events older than the group's retention are gone. */
export function readable(group: LogGroup, stream: LogStream, nowMs: number): LogEvent[] {
  if (group.retentionInDays === undefined) return stream.events;
  const oldest = nowMs - group.retentionInDays * 86_400_000;
  return stream.events.filter((event) => event.timestampMs >= oldest);
}
