import { beforeEach, describe, expect, it } from "vitest";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import { machine, ROLE, START, StatesBench, task } from "./bench.ts";

let bench: StatesBench;
beforeEach(() => {
  bench = new StatesBench();
});

const throttled = () => new AwsError("TooManyRequestsException", "Rate Exceeded.", { status: 429 });
const atSeconds = () => bench.invocations.map(({ atMs }) => (atMs - START) / 1000);

describe("a task", () => {
  it("calls the function with its payload, as the execution role, and goes on with the reply", async () => {
    bench.onInvoke = () => ({ next: "again" });
    const ended = await bench.run(
      machine({
        Turn: task({
          Parameters: { FunctionName: "watch", Qualifier: "3", Payload: { "id.$": "$.deploymentId", fixed: 1 } },
          ResultSelector: { "next.$": "$.Payload.next" },
          ResultPath: "$.turn",
          End: true,
        }),
      }),
      { deploymentId: "d-1" },
    );
    expect(ended.output).toEqual({ deploymentId: "d-1", turn: { next: "again" } });
    expect(bench.invocations).toEqual([
      {
        input: expect.objectContaining({ FunctionName: "watch", Qualifier: "3" }),
        payload: { id: "d-1", fixed: 1 },
        principal: expect.stringMatching(/^arn:aws:sts::111122223333:assumed-role\/watch-role\/\w+$/),
        atMs: START,
      },
    ]);
  });

  it("writes the history that AWS writes", async () => {
    await bench.run(machine({ Turn: task() }), { a: 1 });
    expect((await bench.history()).map(({ type, id, previousEventId }) => [type, id, previousEventId])).toEqual([
      ["ExecutionStarted", 1, 0],
      ["TaskStateEntered", 2, 0],
      ["TaskScheduled", 3, 2],
      ["TaskStarted", 4, 3],
      ["TaskSucceeded", 5, 4],
      ["TaskStateExited", 6, 5],
      ["ExecutionSucceeded", 7, 6],
    ]);
    const [started, , scheduled] = await bench.history();
    expect(started?.executionStartedEventDetails).toEqual({
      input: '{"a":1}',
      inputDetails: { truncated: false },
      roleArn: ROLE,
    });
    expect(scheduled?.taskScheduledEventDetails).toEqual({
      resourceType: "lambda",
      resource: "invoke",
      region: "us-east-1",
      parameters: '{"FunctionName":"watch","Payload":{"a":1}}',
    });
  });

  it("fails with the type of what the function threw, and with Lambda's code when Lambda refuses", async () => {
    bench.onInvoke = () => ({ functionError: { errorType: "Boom", errorMessage: "no" } });
    expect(await bench.run(machine({ Turn: task() }))).toMatchObject({
      status: "FAILED",
      error: "Boom",
      cause: '{"errorType":"Boom","errorMessage":"no"}',
    });
    bench = new StatesBench();
    bench.onInvoke = throttled;
    expect(await bench.run(machine({ Turn: task() }))).toMatchObject({
      status: "FAILED",
      error: "Lambda.TooManyRequestsException",
      cause: expect.stringMatching(/^Rate Exceeded\. \(Service: AWSLambda; Status Code: 429; Error Code: TooMany/),
    });
  });

  it("is given up after its timeout, whatever the function still does", async () => {
    bench.onInvoke = () => bench.clock.sleep(100_000);
    const ended = await bench.run(machine({ Turn: task({ TimeoutSeconds: 30, End: true }) }), {}, 31);
    expect(ended).toMatchObject({ status: "FAILED", error: "States.Timeout" });
    expect((await bench.steps()).slice(-2)).toEqual(["TaskTimedOut", "ExecutionFailed"]);
  });

  it("refuses a result of more than 256 KB", async () => {
    bench.onInvoke = () => ({ text: "x".repeat(262_144) });
    expect(await bench.run(machine({ Turn: task() }))).toMatchObject({ error: "States.DataLimitExceeded" });
  });
});

describe("retries and catchers", () => {
  const retry = {
    ErrorEquals: ["States.ALL"],
    IntervalSeconds: 2,
    BackoffRate: 3,
    MaxDelaySeconds: 10,
    MaxAttempts: 3,
  };

  it("wait longer each time, up to the longest delay, and then give up", async () => {
    bench.onInvoke = throttled;
    const ended = await bench.run(machine({ Turn: task({ Retry: [retry], End: true }) }));
    expect(atSeconds()).toEqual([0, 2, 8, 18]);
    expect(ended.status).toBe("FAILED");
  });

  it("do without a new state visit, so that the turn's result is as if nothing had happened", async () => {
    bench.onInvoke = () => (bench.invocations.length < 3 ? throttled() : { ok: true });
    const ended = await bench.run(machine({ Turn: task({ Retry: [retry], ResultPath: "$.r", End: true }) }), { a: 1 });
    expect(ended.output).toMatchObject({ a: 1, r: { Payload: { ok: true } } });
    expect((await bench.steps()).filter((type) => type === "TaskStateEntered")).toHaveLength(1);
  });

  it("count each retrier by itself and match names before groups", async () => {
    const named = { ErrorEquals: ["Lambda.TooManyRequestsException"], IntervalSeconds: 5, MaxAttempts: 1 };
    bench.onInvoke = () =>
      bench.invocations.length === 1 ? throttled() : { functionError: { errorType: "Boom", errorMessage: "" } };
    await bench.run(machine({ Turn: task({ Retry: [named, { ErrorEquals: ["Boom"], MaxAttempts: 1 }], End: true }) }));
    expect(atSeconds()).toEqual([0, 5, 6]);
  });

  it("catch an error into the data at its place, and States.TaskFailed leaves timeouts alone", async () => {
    const caught = (ErrorEquals: string[]) =>
      machine({
        Turn: task({
          TimeoutSeconds: 5,
          Catch: [{ ErrorEquals, ResultPath: "$.failure", Next: "Done" }],
          Next: "Done",
        }),
        Done: { Type: "Succeed" },
      });
    bench.onInvoke = () => ({ functionError: { errorType: "Boom", errorMessage: "no" } });
    expect((await bench.run(caught(["States.TaskFailed"]), { a: 1 })).output).toEqual({
      a: 1,
      failure: { Error: "Boom", Cause: '{"errorType":"Boom","errorMessage":"no"}' },
    });
    bench = new StatesBench();
    bench.onInvoke = () => bench.clock.sleep(60_000);
    expect((await bench.run(caught(["States.TaskFailed"]))).error).toBe("States.Timeout");
    bench = new StatesBench();
    bench.onInvoke = () => bench.clock.sleep(60_000);
    expect((await bench.run(caught(["States.ALL"]))).output).toEqual({
      failure: { Error: "States.Timeout", Cause: "" },
    });
  });
});

describe("the flow of data", () => {
  it("goes through input path, parameters, result path and output path", async () => {
    const ended = await bench.run(
      machine({
        Shape: {
          Type: "Pass",
          InputPath: "$.inner",
          Parameters: { "x.$": "$.n", "id.$": "$$.Execution.Name", list: [{ "y.$": "$['n']" }] },
          ResultPath: "$.made.here",
          Next: "Show",
        },
        Show: { Type: "Succeed", OutputPath: "$.made" },
      }),
      { inner: { n: 7 }, rest: true },
    );
    expect(ended.output).toEqual({ here: { x: 7, id: "one", list: [{ y: 7 }] } });
  });

  it("throws a result away where the result path is null, and gives a Pass state's own result", async () => {
    const thrown = { Type: "Pass", Result: { a: 1 }, ResultPath: null, Next: "Fixed" };
    const fixed = { Type: "Pass", Result: { b: 2 }, ResultPath: "$.r", End: true };
    expect((await bench.run(machine({ Thrown: thrown, Fixed: fixed }), { c: 3 })).output).toEqual({
      c: 3,
      r: { b: 2 },
    });
  });

  it("fails the execution where a path leads nowhere", async () => {
    const ended = await bench.run(machine({ Lost: { Type: "Pass", InputPath: "$.none", End: true } }));
    expect(ended).toMatchObject({ status: "FAILED", error: "States.Runtime" });
    expect(ended.cause).toContain("executing the state 'Lost' (entered at the event id #2)");
  });
});

describe("a wait", () => {
  it.each([
    [{ Seconds: 90 }, {}],
    [{ SecondsPath: "$.s" }, { s: 90 }],
    [{ Timestamp: "2026-03-01T12:01:30Z" }, {}],
    [{ TimestampPath: "$.t" }, { t: "2026-03-01T12:01:30Z" }],
  ])("takes its time: %j", async (how, input) => {
    await bench.run(machine({ Wait: { Type: "Wait", ...how, Next: "Turn" }, Turn: task() }), input);
    expect(atSeconds()).toEqual([90]);
  });

  it("of a moment that has passed takes none", async () => {
    const wait = { Type: "Wait", Timestamp: "2020-01-01T00:00:00Z", Next: "Turn" };
    await bench.run(machine({ Wait: wait, Turn: task() }));
    expect(atSeconds()).toEqual([0]);
  });
});

describe("a choice", () => {
  const choose = (rule: object) =>
    machine({
      Choose: { Type: "Choice", Choices: [{ ...rule, Next: "Yes" }], Default: "No" },
      Yes: { Type: "Pass", Result: "yes", End: true },
      No: { Type: "Pass", Result: "no", End: true },
    });

  it.each([
    [{ Variable: "$.a", StringEquals: "x" }, { a: "x" }, "yes"],
    [{ Variable: "$.a", StringEquals: "x" }, { a: 1 }, "no"],
    [{ Variable: "$.a", StringMatches: "d-*" }, { a: "d-123" }, "yes"],
    [{ Variable: "$.a", StringMatches: "d.*" }, { a: "d-123" }, "no"],
    [{ Variable: "$.a", NumericGreaterThanEquals: 3 }, { a: 3 }, "yes"],
    [{ Variable: "$.a", NumericLessThan: 3 }, { a: 3 }, "no"],
    [{ Variable: "$.a", NumericEqualsPath: "$.b" }, { a: 3, b: 3 }, "yes"],
    [{ Variable: "$.a", BooleanEquals: true }, { a: true }, "yes"],
    [{ Variable: "$.a", TimestampLessThan: "2026-01-01T01:00:00+01:00" }, { a: "2025-12-31T23:59:59Z" }, "yes"],
    [{ Variable: "$.a", IsPresent: true }, {}, "no"],
    [{ Variable: "$.a", IsNull: true }, { a: null }, "yes"],
    [{ Not: { Variable: "$.a", IsNumeric: true } }, { a: "1" }, "yes"],
    [
      {
        And: [
          { Variable: "$.a", IsPresent: true },
          { Variable: "$.a", StringEquals: "x" },
        ],
      },
      {},
      "no",
    ],
    [
      {
        Or: [
          { Variable: "$.a", NumericEquals: 1 },
          { Variable: "$.a", NumericEquals: 2 },
        ],
      },
      { a: 2 },
      "yes",
    ],
  ])("%j with %j", async (rule, input, expected) => {
    expect((await bench.run(choose(rule), input)).output).toBe(expected);
  });

  it("without a rule that holds and without a default fails the execution", async () => {
    const states = {
      Choose: { Type: "Choice", Choices: [{ Variable: "$.a", NumericEquals: 1, Next: "Yes" }] },
      Yes: { Type: "Succeed" },
    };
    expect(await bench.run(machine(states), { a: 2 })).toMatchObject({
      status: "FAILED",
      error: "States.Runtime",
      cause: expect.stringContaining("The state does not point to a next state."),
    });
  });
});

describe("the end of an execution", () => {
  it("comes with what a Fail state says", async () => {
    expect(await bench.run(machine({ No: { Type: "Fail", Error: "Lost", Cause: "nobody came" } }))).toEqual({
      status: "FAILED",
      output: undefined,
      error: "Lost",
      cause: "nobody came",
    });
  });

  it("comes after the machine's timeout, and no turn follows", async () => {
    const loop = machine(
      { Turn: task({ Next: "Wait" }), Wait: { Type: "Wait", Seconds: 60, Next: "Turn" } },
      { TimeoutSeconds: 150 },
    );
    expect(await bench.run(loop)).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
    expect(atSeconds()).toEqual([0, 60, 120]);
    expect((await bench.steps()).at(-1)).toBe("ExecutionTimedOut");
  });

  it("comes when somebody stops it, in the middle of a task", async () => {
    bench.onInvoke = () => bench.clock.sleep(100_000);
    await bench.create(machine({ Turn: task({ Next: "Turn" }) }));
    const executionArn = await bench.start("one");
    await bench.clock.advanceBy(10_000);
    await bench.call("StopExecution", { executionArn, error: "Test", cause: "stopped by a test" });
    await bench.clock.advanceBy(600_000);
    expect(await bench.call("DescribeExecution", { executionArn })).toMatchObject({
      status: "ABORTED",
      error: "Test",
      stopDate: new Date(START + 10_000),
    });
    expect(bench.invocations).toHaveLength(1);
    expect((await bench.steps()).slice(-2)).toEqual(["TaskStarted", "ExecutionAborted"]);
  });

  it("comes at 25,000 events of history", async () => {
    const states = { A: { Type: "Pass", Next: "B" }, B: { Type: "Pass", Next: "A" } };
    expect(await bench.run(machine(states))).toMatchObject({
      error: "States.Runtime",
      cause: "The execution reached the maximum number of history events (25000).",
    });
    expect(
      await bench.call("GetExecutionHistory", { executionArn: bench.events[0]?.resources[0], reverseOrder: true }),
    ).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ id: 25_000, type: "ExecutionFailed" })]),
    });
  });

  it("is in the log group, as every event is, without data unless that is asked for", async () => {
    const logGroupArn = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/vendedlogs/states/watch:*";
    const loggingConfiguration = { level: "ALL", destinations: [{ cloudWatchLogsLogGroup: { logGroupArn } }] };
    await bench.create(machine({ Pass: { Type: "Pass", End: true } }), { loggingConfiguration });
    await bench.start("one", { secret: 1 });
    await bench.clock.advanceBy(1);
    expect(bench.logs.map(({ line }) => line.type)).toEqual(await bench.steps());
    expect(bench.logs.at(-1)).toEqual({
      group: "/aws/vendedlogs/states/watch",
      stream: "states/watch/2026-03-01-12/one",
      line: {
        id: "4",
        type: "ExecutionSucceeded",
        details: {},
        previous_event_id: "3",
        event_timestamp: String(START),
        execution_arn: "arn:aws:states:us-east-1:111122223333:execution:watch:one",
        redrive_count: "0",
      },
    });
    expect(JSON.stringify(bench.logs)).not.toContain("secret");
  });

  it("tells EventBridge and CloudWatch, as the beginning does", async () => {
    await bench.run(machine({ Turn: task() }), { a: 1 });
    expect(bench.events.map(({ detail }) => detail.status)).toEqual(["RUNNING", "SUCCEEDED"]);
    expect(bench.events[1]).toEqual({
      source: "aws.states",
      detailType: "Step Functions Execution Status Change",
      resources: ["arn:aws:states:us-east-1:111122223333:execution:watch:one"],
      detail: {
        executionArn: "arn:aws:states:us-east-1:111122223333:execution:watch:one",
        stateMachineArn: "arn:aws:states:us-east-1:111122223333:stateMachine:watch",
        name: "one",
        status: "SUCCEEDED",
        startDate: START,
        stopDate: START,
        input: '{"a":1}',
        output: expect.stringContaining('"Payload":{"a":1}'),
        stateMachineVersionArn: null,
        stateMachineAliasArn: null,
        redriveCount: 0,
        redriveDate: null,
        redriveStatus: "NOT_REDRIVABLE",
        redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
        inputDetails: { included: true },
        outputDetails: { included: true },
        error: null,
        cause: null,
      },
    });
    expect(bench.metrics.map(({ name }) => name)).toEqual(["ExecutionsStarted", "ExecutionsSucceeded"]);
  });
});
