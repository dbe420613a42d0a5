import type {
  FilterLogEventsCommandInput,
  FilterLogEventsCommandOutput,
  GetLogEventsCommandInput,
  GetLogEventsCommandOutput,
} from "@aws-sdk/client-cloudwatch-logs";
import { compileFilterPattern } from "./filter-pattern.ts";
import { invalid, type LogEvent, type LogStore, readable } from "./store.ts";

const MAX_EVENTS = 10_000;

type Output<T> = Omit<T, "$metadata">;

/** Pages over a list with opaque tokens (the offset, marked so that a foreign token is recognized). */
export function page<T>(items: readonly T[], token: string | undefined, limit: number): { items: T[]; next?: string } {
  const offset = token === undefined ? 0 : Number(/^o\/(\d+)$/.exec(token)?.[1] ?? Number.NaN);
  if (Number.isNaN(offset)) throw invalid("The specified nextToken is invalid.");
  const end = offset + limit;
  return { items: items.slice(offset, end), ...(end < items.length && { next: `o/${end}` }) };
}

function limitOf(limit: number | undefined): number {
  if (limit !== undefined && limit > MAX_EVENTS) {
    throw invalid(
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to ${MAX_EVENTS}`,
    );
  }
  return limit ?? MAX_EVENTS;
}

/** One stream's events, the newest page first unless `startFromHead`; tokens say forward (`f/`) or backward (`b/`). */
export function getLogEvents(
  store: LogStore,
  input: GetLogEventsCommandInput,
  nowMs: number,
): Output<GetLogEventsCommandOutput> {
  const limit = limitOf(input.limit);
  const group = store.group(input.logGroupName ?? input.logGroupIdentifier);
  const stream = store.stream(group, input.logStreamName);
  const { startTime = Number.NEGATIVE_INFINITY, endTime = Number.POSITIVE_INFINITY } = input;
  const events = readable(group, stream, nowMs).filter(
    ({ timestampMs }) => timestampMs >= startTime && timestampMs < endTime,
  );
  let start = input.startFromHead ? 0 : Math.max(0, events.length - limit);
  if (input.nextToken !== undefined) {
    const match = /^([fb])\/(\d+)$/.exec(input.nextToken);
    if (!match) throw invalid("The specified nextToken is invalid.");
    const position = Number(match[2]);
    start = match[1] === "f" ? position : Math.max(0, position - limit);
  }
  const end = input.nextToken?.startsWith("b") ? Number(input.nextToken.slice(2)) : start + limit;
  const found = events.slice(start, end);
  return {
    events: found.map(({ timestampMs, message, ingestedMs }) => ({
      timestamp: timestampMs,
      message,
      ingestionTime: ingestedMs,
    })),
    nextForwardToken: `f/${start + found.length}`,
    nextBackwardToken: `b/${start}`,
  };
}

/** Events of all (or the named) streams of a group that match a pattern, oldest first. */
export function filterLogEvents(
  store: LogStore,
  input: FilterLogEventsCommandInput,
  nowMs: number,
): Output<FilterLogEventsCommandOutput> {
  const limit = limitOf(input.limit);
  const group = store.group(input.logGroupName ?? input.logGroupIdentifier);
  const matches = compileFilterPattern(input.filterPattern);
  const { startTime = Number.NEGATIVE_INFINITY, endTime = Number.POSITIVE_INFINITY } = input;
  const streams = input.logStreamNames
    ? input.logStreamNames.map((name) => store.stream(group, name))
    : [...group.streams.values()].filter(({ name }) => name.startsWith(input.logStreamNamePrefix ?? ""));
  const found = streams.flatMap((stream) =>
    readable(group, stream, nowMs)
      .filter(({ timestampMs }) => timestampMs >= startTime && timestampMs <= endTime)
      .filter(({ message }) => matches(message))
      .map((event) => ({ stream: stream.name, event })),
  );
  found.sort((a, b) => a.event.timestampMs - b.event.timestampMs || a.event.sequence - b.event.sequence);
  const { items, next } = page(found, input.nextToken, limit);
  return {
    events: items.map(({ stream, event }) => ({
      logStreamName: stream,
      timestamp: event.timestampMs,
      message: event.message,
      ingestionTime: event.ingestedMs,
      eventId: eventId(event),
    })),
    searchedLogStreams: [],
    nextToken: next,
  };
}

export const eventId = (event: LogEvent) => `${event.timestampMs}${String(event.sequence).padStart(43, "0")}`;
