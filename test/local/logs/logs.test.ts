import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import type { MetricSample } from "../../../lib/local/kernel/service.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { createLogs } from "../../../lib/local/services/logs/index.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");
const GROUP = "/aws/lambda/fn";

let world: LocalWorld;
let metrics: MetricSample[];

beforeEach(() => {
  world = new LocalWorld({ clock: new VirtualClock(START) });
  metrics = [];
  world.install("recordMetric", (sample) => metrics.push(sample));
  world.register(createLogs(world));
});

const call = <T = Record<string, unknown>>(operation: string, input: Record<string, unknown> = {}) =>
  world.call<T>("cloudwatch-logs", operation, input, world.credentials.principalFor(undefined));

const write = (...messages: string[]) =>
  world.links.writeLogs(
    GROUP,
    "stream",
    messages.map((message, index) => ({ timestampMs: START + index, message })),
  );

async function filtered(filterPattern?: string): Promise<(string | undefined)[]> {
  const { events } = await call<{ events: { message: string }[] }>("FilterLogEvents", {
    logGroupName: GROUP,
    filterPattern,
  });
  return events.map(({ message }) => message);
}

describe("log groups", () => {
  it("are described with the fields that the service gives", async () => {
    await call("CreateLogGroup", { logGroupName: GROUP, tags: { env: "dev" } });
    await call("PutRetentionPolicy", { logGroupName: GROUP, retentionInDays: 14 });
    expect(await call("DescribeLogGroups", { logGroupNamePrefix: "/aws/" })).toEqual({
      logGroups: [
        {
          arn: "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/fn:*",
          logGroupArn: "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/fn",
          logGroupName: GROUP,
          creationTime: START,
          retentionInDays: 14,
          logGroupClass: "STANDARD",
          metricFilterCount: 0,
          storedBytes: 0,
          deletionProtectionEnabled: false,
        },
      ],
      nextToken: undefined,
    });
    const resourceArn = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/fn";
    expect(await call("ListTagsForResource", { resourceArn })).toEqual({ tags: { env: "dev" } });
  });

  it("refuse a second one of the same name", async () => {
    await call("CreateLogGroup", { logGroupName: GROUP });
    await expect(call("CreateLogGroup", { logGroupName: GROUP })).rejects.toMatchObject({
      code: "ResourceAlreadyExistsException",
      message: "The specified log group already exists",
    });
  });

  it("refuse a retention that the service does not offer", async () => {
    await call("CreateLogGroup", { logGroupName: GROUP });
    await expect(call("PutRetentionPolicy", { logGroupName: GROUP, retentionInDays: 2 })).rejects.toMatchObject({
      code: "InvalidParameterException",
    });
  });

  it("are pages of at most the limit", async () => {
    for (const name of ["a", "b", "c"]) await call("CreateLogGroup", { logGroupName: name });
    const first = await call<{ logGroups: object[]; nextToken: string }>("DescribeLogGroups", { limit: 2 });
    const rest = await call<{ logGroups: object[]; nextToken?: string }>("DescribeLogGroups", {
      nextToken: first.nextToken,
    });
    expect([first.logGroups.length, rest.logGroups.length, rest.nextToken]).toEqual([2, 1, undefined]);
  });

  it("forget events that are older than the retention", async () => {
    write("old");
    await call("PutRetentionPolicy", { logGroupName: GROUP, retentionInDays: 1 });
    await world.clock.advanceBy(86_400_001);
    expect(await filtered()).toEqual([]);
  });
});

describe("log events", () => {
  it("are refused by a stream that does not exist", async () => {
    await call("CreateLogGroup", { logGroupName: GROUP });
    await expect(
      call("PutLogEvents", { logGroupName: GROUP, logStreamName: "no", logEvents: [] }),
    ).rejects.toMatchObject({ code: "ResourceNotFoundException", message: "The specified log stream does not exist." });
  });

  it("are refused out of order, and dropped when too old or too new", async () => {
    write("first");
    const put = (...times: number[]) =>
      call("PutLogEvents", {
        logGroupName: GROUP,
        logStreamName: "stream",
        logEvents: times.map((timestamp) => ({ timestamp, message: String(timestamp - START) })),
      });
    await expect(put(START + 2, START + 1)).rejects.toThrow("must be in chronological order");
    expect(await put(START - 15 * 86_400_000, START + 5, START + 3 * 3_600_000)).toMatchObject({
      rejectedLogEventsInfo: { tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 2 },
    });
    expect(await filtered()).toEqual(["first", "5"]);
  });

  it("are read newest page first, with tokens for both directions", async () => {
    write("a", "b", "c", "d");
    const get = (options: object) =>
      call<{ events: { message: string }[]; nextForwardToken: string; nextBackwardToken: string }>("GetLogEvents", {
        logGroupName: GROUP,
        logStreamName: "stream",
        limit: 3,
        ...options,
      });
    const newest = await get({});
    expect(newest.events.map(({ message }) => message)).toEqual(["b", "c", "d"]);
    const before = await get({ nextToken: newest.nextBackwardToken });
    expect(before.events.map(({ message }) => message)).toEqual(["a"]);
    const after = await get({ nextToken: newest.nextForwardToken });
    expect([after.events, after.nextForwardToken]).toEqual([[], newest.nextForwardToken]);
    await expect(get({ nextToken: "nonsense" })).rejects.toThrow("The specified nextToken is invalid.");
  });
});

describe("filter patterns", () => {
  it.each([
    ["ERROR", ["ERROR timeout in db", "ERROR refused"]],
    ["ERROR timeout", ["ERROR timeout in db"]],
    ['"timeout in"', ["ERROR timeout in db"]],
    ["?refused ?INFO", ["ERROR refused", "INFO fine"]],
    ["ERROR -timeout", ["ERROR refused"]],
    ['{ $.level = "warn" }', ['{"level":"warn","n":5,"deep":{"a":[1]}}']],
    ['{ $.level = "w*" && $.n >= 5 }', ['{"level":"warn","n":5,"deep":{"a":[1]}}']],
    ["{ $.n > 5 }", []],
    ["{ $.deep.a[0] = 1 }", ['{"level":"warn","n":5,"deep":{"a":[1]}}']],
    ["{ $.missing NOT EXISTS }", ['{"level":"warn","n":5,"deep":{"a":[1]}}']],
  ])("%s finds what it should", async (pattern, expected) => {
    write("ERROR timeout in db", "ERROR refused", "INFO fine", '{"level":"warn","n":5,"deep":{"a":[1]}}');
    expect(await filtered(pattern)).toEqual(expected);
  });

  it("of kinds that are not implemented say so", async () => {
    write("a b");
    await expect(filtered("[a, b]")).rejects.toMatchObject({ code: "NotImplementedException", status: 501 });
  });
});

describe("embedded metrics", () => {
  const emf = (directive: object, members: object) =>
    JSON.stringify({ _aws: { Timestamp: START - 1, CloudWatchMetrics: [directive] }, ...members });

  it("become metrics, one for each dimension set", () => {
    write(
      emf(
        {
          Namespace: "Goaround",
          Dimensions: [["Service"], []],
          Metrics: [{ Name: "Rollbacks", Unit: "Count", StorageResolution: 1 }],
        },
        { Service: "guard", Rollbacks: [1, 2] },
      ),
    );
    const sample = {
      namespace: "Goaround",
      name: "Rollbacks",
      timestampMs: START - 1,
      values: [1, 2],
      unit: "Count",
      storageResolutionSeconds: 1,
    };
    expect(metrics).toEqual([
      { ...sample, dimensions: { Service: "guard" } },
      { ...sample, dimensions: {} },
    ]);
  });

  it("are ignored when a dimension is not a string, or other text surrounds them", () => {
    const directive = { Namespace: "N", Dimensions: [["D"]], Metrics: [{ Name: "M" }] };
    write(emf(directive, { D: 1, M: 1 }), `INFO ${emf(directive, { D: "x", M: 1 })}`);
    expect(metrics).toEqual([]);
  });

  it("count when they arrive through the API, too", async () => {
    write("first");
    const message = emf({ Namespace: "N", Dimensions: [[]], Metrics: [{ Name: "M" }] }, { M: 3 });
    await call("PutLogEvents", {
      logGroupName: GROUP,
      logStreamName: "stream",
      logEvents: [{ timestamp: START, message }],
    });
    expect(metrics).toMatchObject([{ name: "M", values: [3], dimensions: {} }]);
  });
});

it("subscription filters are not implemented, and say so", async () => {
  await expect(call("PutSubscriptionFilter")).rejects.toMatchObject({ status: 501 });
});
