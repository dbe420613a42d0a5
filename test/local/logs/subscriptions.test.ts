import { gunzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { createLogs, type LogsService } from "../../../lib/local/services/logs/index.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");
const GROUP = "/aws/lambda/fn";
const SIGNALS = "arn:aws:lambda:us-east-1:111122223333:function:signals";

interface Delivered {
  atMs: number;
  logStream: string;
  subscriptionFilters: string[];
  logEvents: { id: string; timestamp: number; message: string }[];
}

let world: LocalWorld;
let logs: LogsService;
let delivered: Delivered[];
let failures: AwsError[];
let allowed: boolean;

beforeEach(async () => {
  world = new LocalWorld({ clock: new VirtualClock(START) });
  delivered = [];
  failures = [];
  allowed = true;
  world.install("recordMetric", () => undefined);
  world.install("authorize", ({ service, principal }) => {
    const mayInvoke = allowed && principal.sourceArn?.endsWith(`log-group:${GROUP}:*`);
    if (service === "lambda" && !mayInvoke) throw new AwsError("AccessDeniedException", "no", { status: 403 });
  });
  logs = createLogs(world);
  world.register(logs);
  world.register({
    name: "lambda",
    operations: {
      Invoke({ Payload }: { Payload: Uint8Array }) {
        const failure = failures.shift();
        if (failure) throw failure;
        const { awslogs } = JSON.parse(Buffer.from(Payload).toString());
        const document = JSON.parse(gunzipSync(Buffer.from(awslogs.data, "base64")).toString());
        delivered.push({ atMs: world.clock.now(), ...document });
        return { StatusCode: 202 };
      },
    },
    reset() {},
  });
  await call("CreateLogGroup", { logGroupName: GROUP });
});

const call = <T = Record<string, unknown>>(operation: string, input: Record<string, unknown> = {}) =>
  world.call<T>("cloudwatch-logs", operation, input, world.credentials.principalFor(undefined));

const subscribe = (filterName = "one", filterPattern = "") =>
  call("PutSubscriptionFilter", { logGroupName: GROUP, filterName, filterPattern, destinationArn: SIGNALS });

const write = (stream: string, ...messages: string[]) =>
  world.links.writeLogs(
    GROUP,
    stream,
    messages.map((message) => ({ timestampMs: world.clock.now(), message })),
  );

const messages = () => delivered.map(({ logEvents }) => logEvents.map(({ message }) => message));

describe("subscription filters", () => {
  it("are described as the service does", async () => {
    await subscribe();
    expect(await call("DescribeSubscriptionFilters", { logGroupName: GROUP })).toEqual({
      subscriptionFilters: [
        {
          applyOnTransformedLogs: false,
          creationTime: START,
          destinationArn: SIGNALS,
          distribution: "ByLogStream",
          filterName: "one",
          filterPattern: "",
          logGroupName: GROUP,
        },
      ],
      nextToken: undefined,
    });
  });

  it("are at most two for a log group, and putting one again changes it", async () => {
    await subscribe("one");
    await subscribe("two");
    await expect(subscribe("three")).rejects.toMatchObject({
      code: "LimitExceededException",
      message: "Resource limit exceeded.",
    });
    await subscribe("two", "wanted");
    const { subscriptionFilters } = await call<{ subscriptionFilters: { filterPattern: string }[] }>(
      "DescribeSubscriptionFilters",
      { logGroupName: GROUP, filterNamePrefix: "two" },
    );
    expect(subscriptionFilters.map(({ filterPattern }) => filterPattern)).toEqual(["wanted"]);
  });

  it("need a function that CloudWatch Logs may call for this log group", async () => {
    allowed = false;
    await expect(subscribe()).rejects.toMatchObject({
      code: "InvalidParameterException",
      message: expect.stringContaining("Could not execute the lambda function"),
    });
  });

  it("are refused for a log group of the class for infrequent access", async () => {
    await call("CreateLogGroup", { logGroupName: "rare", logGroupClass: "INFREQUENT_ACCESS" });
    const input = { logGroupName: "rare", filterName: "one", filterPattern: "", destinationArn: SIGNALS };
    await expect(call("PutSubscriptionFilter", input)).rejects.toMatchObject({ code: "InvalidParameterException" });
  });

  it("cannot be removed twice", async () => {
    await subscribe();
    await call("DeleteSubscriptionFilter", { logGroupName: GROUP, filterName: "one" });
    await expect(call("DeleteSubscriptionFilter", { logGroupName: GROUP, filterName: "one" })).rejects.toMatchObject({
      code: "ResourceNotFoundException",
      message: "The specified subscription filter does not exist.",
    });
  });
});

describe("subscribers", () => {
  it("get what matches, stream by stream, a while after the first event", async () => {
    await subscribe("one", '?REPORT ?"platform.report"');
    write("a", "START", "REPORT 1");
    write("b", '{"type":"platform.report"}');
    await world.clock.advanceBy(1000);
    write("a", "REPORT 2");
    await world.clock.advanceBy(3900);
    expect(delivered).toEqual([]);
    await world.clock.advanceBy(200);
    expect(delivered.map(({ logStream, atMs }) => [logStream, atMs - START])).toEqual([
      ["a", 5000],
      ["b", 5000],
    ]);
    expect(messages()).toEqual([["REPORT 1", "REPORT 2"], ['{"type":"platform.report"}']]);
    const ids = delivered.flatMap(({ logEvents }) => logEvents.map(({ id }) => id));
    expect(new Set(ids).size).toBe(3);
  });

  it("get nothing any more once their filter is gone", async () => {
    await subscribe();
    write("a", "one");
    await call("DeleteSubscriptionFilter", { logGroupName: GROUP, filterName: "one" });
    write("a", "two");
    await world.clock.advanceBy(60_000);
    expect(delivered).toEqual([]);
  });

  it("get a batch again when they were throttled", async () => {
    await subscribe();
    failures = [new AwsError("TooManyRequestsException", "Rate exceeded", { status: 429 })];
    write("a", "one");
    await world.clock.advanceBy(7000);
    expect(messages()).toEqual([["one"]]);
    expect(delivered[0]?.atMs).toBe(START + 6000);
  });

  it("may get a batch twice, with the same ids of events", async () => {
    await subscribe();
    logs.disturb({ duplicate: 1 });
    write("a", "one");
    await world.clock.advanceBy(6000);
    expect(messages()).toEqual([["one"], ["one"]]);
    expect(delivered[0]?.logEvents).toEqual(delivered[1]?.logEvents);
  });

  it("lose batches where the world says so", async () => {
    await subscribe();
    const end = logs.disturb({ drop: 1 });
    write("a", "one");
    await world.clock.advanceBy(6000);
    end();
    write("a", "two");
    await world.clock.advanceBy(6000);
    expect(messages()).toEqual([["two"]]);
  });
});
