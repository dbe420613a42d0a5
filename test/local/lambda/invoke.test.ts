import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARN, handler, LambdaBench, MINUTE, START, zip } from "./fixtures.ts";

let bench: LambdaBench;
beforeEach(() => {
  bench = new LambdaBench();
});
afterEach(() => bench.lambda.close?.());

describe("a synchronous invocation", () => {
  it("runs the handler and answers with its result", async () => {
    await bench.create("return { got: event, arn: context.invokedFunctionArn }");
    expect(await bench.invoke({ Payload: Buffer.from('{"a":1}') })).toEqual({
      StatusCode: 200,
      ExecutedVersion: "$LATEST",
      Payload: { got: { a: 1 }, arn: ARN },
    });
  });

  it("gives an empty object where there is no event", async () => {
    await bench.create();
    expect((await bench.invoke()).Payload).toEqual({});
  });

  it("names the alias in the ARN and the version in the context", async () => {
    await bench.create(
      "return [context.invokedFunctionArn, context.functionVersion, process.env.AWS_LAMBDA_FUNCTION_VERSION]",
      {
        Publish: true,
      },
    );
    await bench.call("CreateAlias", { FunctionName: "fn", Name: "live", FunctionVersion: "1" });
    expect((await bench.invoke({ FunctionName: "fn:live" })).Payload).toEqual([`${ARN}:live`, "1", "1"]);
  });

  it("that fails is still status 200, with FunctionError and the error as payload", async () => {
    await bench.create(`throw new TypeError("no")`);
    expect(await bench.invoke()).toMatchObject({
      StatusCode: 200,
      FunctionError: "Unhandled",
      Payload: { errorType: "TypeError", errorMessage: "no", trace: expect.any(Array) },
    });
  });

  it("that times out says after how long, in virtual time", async () => {
    await bench.create("await new Promise((resolve) => setTimeout(resolve, 60_000))", { Timeout: 5 });
    const { Payload } = await bench.drive(bench.invoke());
    expect(Payload).toEqual({
      errorType: "Sandbox.Timedout",
      errorMessage: expect.stringMatching(/^RequestId: [0-9a-f-]{36} Error: Task timed out after 5\.00 seconds$/),
    });
    expect(bench.clock.now()).toBe(START + 5_000);
  });

  it.each([
    ["process.exit(0)", "Runtime exited without providing a reason"],
    ["process.exit(2)", "Runtime exited with error: exit status 2"],
  ])("whose process ends by %s is a Runtime.ExitError", async (body, text) => {
    await bench.create(body);
    expect((await bench.invoke()).Payload).toEqual({
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringContaining(text),
    });
  });

  it("with an answer that is too large fails", async () => {
    await bench.create(`return "x".repeat(6_300_000)`);
    expect((await bench.invoke()).Payload).toEqual({
      errorType: "Function.ResponseSizeTooLarge",
      errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    });
  });

  it.each([
    ["not json", "InvalidRequestContentException", 400, "Could not parse request body into json"],
    [`"${"x".repeat(6_291_456)}"`, "RequestTooLargeException", 413, "Request must be smaller than 6291456 bytes"],
  ])("refuses a bad event %#", async (payload, code, status, message) => {
    await bench.create();
    await expect(bench.invoke({ Payload: Buffer.from(payload) })).rejects.toMatchObject({
      code,
      status,
      message: expect.stringContaining(message),
    });
  });

  it("can be dry", async () => {
    await bench.create(`throw new Error("must not run")`);
    expect(await bench.invoke({ InvocationType: "DryRun" })).toEqual({ StatusCode: 204 });
  });

  it("of what cannot be run says what to do", async () => {
    await bench.create("", { Runtime: "python3.12" });
    await expect(bench.invoke()).rejects.toMatchObject({
      status: 501,
      message: expect.stringMatching(/function fn uses runtime python3\.12.*setModel\("fn", …\)/),
    });
    await bench.create("", {
      FunctionName: "image",
      PackageType: "Image",
      Code: { ImageUri: "repo:1" },
      Runtime: undefined,
    });
    await expect(bench.invoke({ FunctionName: "image", InvocationType: "Event" })).rejects.toMatchObject({
      status: 501,
    });
  });

  it("is announced with its figures", async () => {
    await bench.create("await new Promise((resolve) => setTimeout(resolve, 2_000))", { Timeout: 5 });
    await bench.drive(bench.invoke());
    expect(bench.occurrences.at(-1)).toMatchObject({
      kind: "invocation",
      detail: {
        functionName: "fn",
        version: "$LATEST",
        type: "RequestResponse",
        durationMs: 2_000,
        principal: "arn:aws:iam::111122223333:user/operator",
      },
    });
  });
});

describe("the environment of a handler", () => {
  it("holds the role's credentials, and an endpoint that is never the real AWS", async () => {
    await bench.create("return process.env", { Environment: { Variables: { STAGE: "dev" } } });
    const { Payload } = await bench.invoke();
    const variables = Payload as Record<string, string>;
    expect(variables).toMatchObject({
      STAGE: "dev",
      AWS_REGION: "us-east-1",
      AWS_LAMBDA_FUNCTION_NAME: "fn",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    });
    expect(bench.world.credentials.principalFor(variables.AWS_ACCESS_KEY_ID)).toMatchObject({
      kind: "role",
      arn: "arn:aws:sts::111122223333:assumed-role/fn-role/fn",
    });
  });
});

describe("the log of an invocation", () => {
  it("is framed by START, END and REPORT in the function's group", async () => {
    await bench.create(`console.log("hello"); await new Promise((resolve) => setTimeout(resolve, 12))`);
    const { LogResult } = await bench.drive(bench.invoke({ LogType: "Tail" }), 1);
    const [start, hello, end, report] = bench.messages();
    expect(start).toMatch(/^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/);
    expect(hello).toMatch(/\tINFO\thello$/);
    expect(end).toMatch(/^END RequestId: /);
    expect(report).toMatch(
      /^REPORT RequestId: \S+\tDuration: 12\.00 ms\tBilled Duration: 12 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tInit Duration: 0\.00 ms\t$/,
    );
    expect(bench.logs[0]?.group).toBe("/aws/lambda/fn");
    expect(bench.logs[0]?.stream).toMatch(/^2026\/03\/01\/\[\$LATEST\][0-9a-f]{32}$/);
    expect(Buffer.from(String(LogResult), "base64").toString()).toBe(`${bench.messages().join("\n")}\n`);
  });

  it("is JSON where the function says so", async () => {
    await bench.create("return 1", { LoggingConfig: { LogFormat: "JSON", LogGroup: "/custom" } });
    await bench.invoke();
    expect(bench.messages().map((message) => JSON.parse(message))).toMatchObject([
      { type: "platform.start", record: { version: "$LATEST" } },
      { type: "platform.report", record: { status: "success", metrics: { durationMs: 1, memorySizeMB: 128 } } },
    ]);
    expect(bench.logs[0]?.group).toBe("/custom");
  });

  it("tells of failures only where the function's system log level is WARN", async () => {
    const LoggingConfig = { LogFormat: "JSON", SystemLogLevel: "WARN" };
    await bench.create("if (event.fail) throw new Error('no'); return 1", { LoggingConfig });
    const types = () =>
      bench.messages().flatMap((message) => {
        const { type } = JSON.parse(message) as { type?: string };
        return type?.startsWith("platform.") ? [type] : [];
      });
    await bench.invoke();
    expect(types()).toEqual([]);
    await bench.invoke({ Payload: Buffer.from(JSON.stringify({ fail: true })) });
    expect(types()).toEqual(["platform.report"]);
  });
});

describe("metrics", () => {
  it("have three dimension sets, and a fourth for an alias", async () => {
    await bench.release(1);
    await bench.invoke({ Qualifier: "live" });
    await bench.invoke({ Qualifier: "1" });
    const alias = { FunctionName: "fn", Resource: "fn:live" };
    expect([
      bench.sum("Invocations", {}),
      bench.sum("Invocations", { FunctionName: "fn" }),
      bench.sum("Invocations", alias),
      bench.sum("Invocations", { ...alias, ExecutedVersion: "1" }),
      bench.sum("Invocations", { FunctionName: "fn", Resource: "fn:1" }),
    ]).toEqual([2, 2, 1, 1, 1]);
  });

  it("belong to the minute of the start, and can be read a lag after the minute of the end", async () => {
    bench = new LambdaBench({ metricsLagMs: 90_000 });
    await bench.create("await new Promise((resolve) => setTimeout(resolve, 150_000)); throw new Error()", {
      Timeout: 300,
    });
    await bench.clock.advanceBy(30_000);
    await bench.drive(bench.invoke(), 1_000);
    expect(bench.metrics.find(({ name }) => name === "Errors")).toMatchObject({
      timestampMs: START,
      values: [1],
      visibleAtMs: START + 4 * MINUTE + 90_000,
    });
    expect(bench.sum("Duration", { FunctionName: "fn" })).toBe(150_000);
  });

  it("count a success as an explicit zero error", async () => {
    await bench.create();
    await bench.invoke();
    expect(bench.metrics.find(({ name }) => name === "Errors")).toMatchObject({ values: [0], counts: [1] });
  });
});

describe("reserved concurrency", () => {
  it("throttles what is over it, and only while it is", async () => {
    await bench.create("await new Promise((resolve) => setTimeout(resolve, 1_000))");
    await bench.call("PutFunctionConcurrency", { FunctionName: "fn", ReservedConcurrentExecutions: 1 });
    const first = bench.invoke();
    await expect(bench.invoke()).rejects.toMatchObject({
      code: "TooManyRequestsException",
      status: 429,
      message: "Rate Exceeded.",
      members: { Reason: "ReservedFunctionConcurrentInvocationLimitExceeded" },
    });
    await bench.drive(first);
    await bench.drive(bench.invoke());
    const fn = { FunctionName: "fn" };
    expect([bench.sum("Throttles", fn), bench.sum("Invocations", fn)]).toEqual([1, 2]);
  });
});

describe("an asynchronous invocation", () => {
  const sqs = () => bench.neighbour("sqs", { SendMessage: {} });
  const event = () => bench.invoke({ InvocationType: "Event", Payload: Buffer.from('{"e":1}') });
  const starts = () =>
    bench.logs
      .filter(({ line }) => line.message.startsWith("START"))
      .map(({ line }) => (line.timestampMs - START) / MINUTE);
  const configure = (input: object) => bench.call("PutFunctionEventInvokeConfig", { FunctionName: "fn", ...input });
  const queue = "arn:aws:sqs:us-east-1:111122223333:failures";
  const record = () => JSON.parse(String(bench.calls.at(-1)?.input.MessageBody));

  it("is answered with 202 and runs afterwards, under one request id", async () => {
    await bench.create("return 1");
    expect(await event()).toEqual({ StatusCode: 202 });
    expect(bench.logs).toEqual([]);
    await bench.clock.advanceBy(0);
    expect(starts()).toEqual([0]);
  });

  it("that fails is retried after one minute and two more, then reported to its destination", async () => {
    sqs();
    await bench.create(`throw new Error("always")`);
    await configure({ DestinationConfig: { OnFailure: { Destination: queue } } });
    await event();
    await bench.clock.advanceBy(10 * MINUTE);
    expect(starts()).toEqual([0, 1, 3]);
    expect(bench.calls.map(({ operation, principal }) => [operation, principal])).toEqual([
      ["SendMessage", "arn:aws:sts::111122223333:assumed-role/fn-role/fn"],
    ]);
    expect(record()).toEqual({
      version: "1.0",
      timestamp: "2026-03-01T12:03:00.000Z",
      requestContext: {
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        functionArn: `${ARN}:$LATEST`,
        condition: "RetriesExhausted",
        approximateInvokeCount: 3,
      },
      requestPayload: { e: 1 },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      responsePayload: { errorType: "Error", errorMessage: "always", trace: expect.any(Array) },
    });
  });

  it("without retries is tried once", async () => {
    await bench.create("throw new Error()");
    await configure({ MaximumRetryAttempts: 0 });
    await event();
    await bench.clock.advanceBy(10 * MINUTE);
    expect(starts()).toEqual([0]);
  });

  it("is given up at its maximum age", async () => {
    sqs();
    await bench.create("await new Promise((r) => setTimeout(r, 30_000)); throw new Error()", { Timeout: 60 });
    await configure({ MaximumEventAgeInSeconds: 60, DestinationConfig: { OnFailure: { Destination: queue } } });
    await event();
    await bench.clock.advanceBy(10 * MINUTE);
    expect(starts()).toEqual([0]);
    expect(record()).toMatchObject({
      timestamp: "2026-03-01T12:01:00.000Z",
      requestContext: { condition: "EventAgeExceeded", approximateInvokeCount: 1 },
    });
  });

  it("of a function without concurrency goes straight to the destination", async () => {
    sqs();
    await bench.create();
    await bench.call("PutFunctionConcurrency", { FunctionName: "fn", ReservedConcurrentExecutions: 0 });
    await configure({ DestinationConfig: { OnFailure: { Destination: queue } } });
    await event();
    await bench.clock.advanceBy(0);
    expect(record()).not.toHaveProperty("responseContext");
    expect(record().requestContext).toMatchObject({ condition: "ZeroReservedConcurrency", approximateInvokeCount: 0 });
  });

  it("that is throttled waits for its turn", async () => {
    await bench.create("await new Promise((r) => setTimeout(r, 2_000))");
    await bench.call("PutFunctionConcurrency", { FunctionName: "fn", ReservedConcurrentExecutions: 1 });
    await event();
    await event();
    await bench.clock.advanceBy(MINUTE);
    expect(starts().map((minutes) => minutes * 60)).toEqual([0, 3]);
  });

  it("leaves the event in the dead-letter queue, with what went wrong as attributes", async () => {
    sqs();
    await bench.create(`throw new Error("dead")`, { DeadLetterConfig: { TargetArn: queue } });
    await configure({ MaximumRetryAttempts: 0 });
    await event();
    await bench.clock.advanceBy(0);
    expect(bench.calls.at(-1)?.input).toEqual({
      QueueUrl: "http://127.0.0.1/111122223333/failures",
      MessageBody: '{"e":1}',
      MessageAttributes: {
        RequestID: { DataType: "String", StringValue: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        ErrorCode: { DataType: "Number", StringValue: "200" },
        ErrorMessage: { DataType: "String", StringValue: "dead" },
      },
    });
  });

  it("counts a destination that cannot be reached", async () => {
    await bench.create("throw new Error()", { DeadLetterConfig: { TargetArn: queue } });
    await configure({ MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: { Destination: queue } } });
    await event();
    await bench.clock.advanceBy(0);
    expect(bench.sum("DestinationDeliveryFailures", { FunctionName: "fn" })).toBe(1);
    expect(bench.sum("DeadLetterErrors", { FunctionName: "fn" })).toBe(1);
  });

  it("hands its result to another function, a topic or a bus", async () => {
    bench.neighbour("sns", { Publish: {} });
    bench.neighbour("eventbridge", { PutEvents: {} });
    await bench.create("return 1");
    await bench.create("console.log(event.requestContext.condition)", { FunctionName: "next" });
    const bus = "arn:aws:events:us-east-1:111122223333:event-bus/default";
    const topic = "arn:aws:sns:us-east-1:111122223333:topic";
    for (const Destination of [ARN.replace(/fn$/, "next"), topic, bus]) {
      await configure({ DestinationConfig: { OnSuccess: { Destination } } });
      await event();
      await bench.clock.advanceBy(0);
    }
    expect(bench.messages().some((message) => message.endsWith("\tINFO\tSuccess"))).toBe(true);
    expect(bench.calls).toMatchObject([
      { operation: "Publish", input: { TopicArn: topic } },
      {
        operation: "PutEvents",
        input: { Entries: [{ Source: "lambda", DetailType: "Lambda Function Invocation Result - Success" }] },
      },
    ]);
  });

  it("follows the configuration of the qualifier that was invoked", async () => {
    await bench.create("throw new Error()", { Publish: true });
    await bench.call("CreateAlias", { FunctionName: "fn", Name: "live", FunctionVersion: "1" });
    await configure({ Qualifier: "live", MaximumRetryAttempts: 0 });
    await bench.invoke({ InvocationType: "Event", Qualifier: "live" });
    await bench.clock.advanceBy(10 * MINUTE);
    expect(starts()).toEqual([0]);
  });
});

describe("the configuration of asynchronous invocations", () => {
  const put = (input: object) => bench.call("PutFunctionEventInvokeConfig", { FunctionName: "fn", ...input });

  it("is kept per qualifier, merged by update and overwritten by put", async () => {
    await bench.create();
    await put({ MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 });
    const update = { FunctionName: "fn", MaximumRetryAttempts: 0 };
    expect(await bench.call("UpdateFunctionEventInvokeConfig", update)).toEqual({
      FunctionArn: `${ARN}:$LATEST`,
      LastModified: new Date(START),
      MaximumEventAgeInSeconds: 60,
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: {}, OnSuccess: {} },
    });
    expect(await put({ MaximumRetryAttempts: 1 })).not.toHaveProperty("MaximumEventAgeInSeconds");
  });

  it.each([
    [{}, "You must specify at least one of error handling or destination setting."],
    [{ MaximumRetryAttempts: 3 }, "Member must have value less than or equal to 2"],
    [{ MaximumEventAgeInSeconds: 59 }, "Member must have value greater than or equal to 60"],
    [
      { DestinationConfig: { OnFailure: { Destination: ARN } } },
      "You can't specify the function as a destination for itself.",
    ],
    [
      { DestinationConfig: { OnSuccess: { Destination: ARN.replace(/fn$/, "no") } } },
      `The destination ARN ${ARN.replace(/fn$/, "no")} is invalid.`,
    ],
    [
      { DestinationConfig: { OnSuccess: { Destination: "arn:aws:iam::1:x" } } },
      "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:iam::1:x), onFailure=null) is invalid.",
    ],
    [{ Qualifier: "none", MaximumRetryAttempts: 1 }, "The function doesn't exist."],
  ])("refuses %j", async (input, message) => {
    await bench.create();
    await expect(put(input)).rejects.toThrow(message);
  });

  it("that does not exist is reported with the qualified ARN", async () => {
    await bench.create();
    await expect(bench.call("GetFunctionEventInvokeConfig", { FunctionName: "fn" })).rejects.toThrow(
      `The function ${ARN}:$LATEST doesn't have an EventInvokeConfig`,
    );
  });
});

describe("sabotage", () => {
  it("breaks the invocations it is told to, for real, and no more", async () => {
    await bench.create(`return "fine"`);
    bench.lambda.sabotage("fn", "crash", { times: 1 });
    expect((await bench.invoke()).Payload).toMatchObject({ errorType: "Runtime.ExitError" });
    expect((await bench.invoke()).Payload).toBe("fine");
    bench.lambda.sabotage("fn", "throw", { version: "7" });
    expect((await bench.invoke()).Payload).toBe("fine");
    bench.lambda.sabotage("fn", "throw", { fromMs: START + 1_000 });
    expect((await bench.invoke()).Payload).toBe("fine");
    await bench.clock.advanceBy(1_000);
    expect((await bench.invoke()).FunctionError).toBe("Unhandled");
    bench.lambda.sabotage("fn", undefined);
    expect((await bench.invoke()).Payload).toBe("fine");
  });

  it("can hang a handler until its timeout", async () => {
    await bench.create(`return "fine"`);
    bench.lambda.sabotage("fn", "hang");
    expect((await bench.drive(bench.invoke())).Payload).toMatchObject({ errorType: "Sandbox.Timedout" });
  });
});

it("after a reset nothing is left, and the next world starts afresh", async () => {
  await bench.create();
  await bench.invoke();
  await bench.lambda.reset();
  await expect(bench.invoke()).rejects.toMatchObject({ status: 404 });
  await bench.create("return 2", { Code: { ZipFile: zip("exports.handler = async () => 2", "index.js") } });
  expect((await bench.invoke()).Payload).toBe(2);
  expect(handler("").length).toBeGreaterThan(0);
});
