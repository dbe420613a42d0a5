import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it } from "vitest";
import { startLocalAws } from "../../../lib/local/index.ts";
import { MACHINE, machine, ROLE, START, StatesBench, task } from "./bench.ts";

const WAIT = machine({ Wait: { Type: "Wait", Seconds: 60, End: true } });
const PASS = machine({ Pass: { Type: "Pass", End: true } });
const DAY = 86_400_000;

let bench: StatesBench;
beforeEach(() => {
  bench = new StatesBench();
});

const refused = (work: Promise<unknown>) =>
  work.then(
    () => "succeeded",
    ({ code, message, status }) => ({ code, message, status }),
  );
const error = (code: string, message: string) => ({ code, message, status: 400 });
const invalid = (problem: string) => error("InvalidDefinition", `Invalid State Machine Definition: '${problem}'`);

describe("a definition", () => {
  it.each<[object, string]>([
    [{ StartAt: "A" }, "SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"],
    [
      machine({ A: { Type: "Pass", Next: "C" } }),
      "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Next",
    ],
    [
      machine({ A: { Type: "Pass", End: true }, B: { Type: "Pass", End: true } }),
      'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
    ],
    [
      machine({ A: { Type: "Map", End: true } }),
      "NOT_IMPLEMENTED: the local AWS does not implement state type Map at /States/A/Type",
    ],
    [
      machine({ A: task({ Resource: "arn:aws:states:::sqs:sendMessage", End: true }) }),
      "NOT_IMPLEMENTED: the local AWS does not implement resource arn:aws:states:::sqs:sendMessage at /States/A/Resource",
    ],
    [
      machine({ A: { Type: "Pass", Assign: { a: 1 }, End: true } }),
      "NOT_IMPLEMENTED: the local AWS does not implement field Assign at /States/A/Assign",
    ],
    [
      { ...PASS, QueryLanguage: "JSONata" },
      "NOT_IMPLEMENTED: the local AWS does not implement field QueryLanguage at /QueryLanguage",
    ],
    [
      machine({ A: { Type: "Pass", Parameters: { "a.$": "States.UUID()" }, End: true } }),
      "NOT_IMPLEMENTED: the local AWS does not implement path States.UUID() at /States/A/Parameters/a.$",
    ],
    [
      machine({ A: { Type: "Pass", Next: "B", End: true }, B: { Type: "Succeed" } }),
      "SCHEMA_VALIDATION_FAILED: Exactly one of Next and End must be given at /States/A, " +
        'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
    ],
  ])("is refused with its problems: %j", async (definition, problem) => {
    expect(await refused(bench.create(definition))).toEqual(invalid(problem));
  });

  it("is refused when a task may be retried for everything and something else", async () => {
    const retry = { ErrorEquals: ["States.ALL", "Boom"] };
    expect(await refused(bench.create(machine({ A: task({ Retry: [retry], End: true }) })))).toEqual(
      invalid(
        "SCHEMA_VALIDATION_FAILED: 'States.ALL' must appear alone in an 'ErrorEquals' list at /States/A/Retry[0]/ErrorEquals",
      ),
    );
  });

  it.each([{ type: "EXPRESS" }, { publish: true }, { loggingConfiguration: { level: "ERROR" } }])(
    "comes without %j here",
    async (wanted) => {
      await expect(bench.create(PASS, wanted)).rejects.toMatchObject({ status: 501 });
    },
  );
});

describe("a state machine", () => {
  it("can be created twice alike, and not with another definition", async () => {
    const first = await bench.create(PASS);
    expect(first).toEqual({ stateMachineArn: MACHINE, creationDate: new Date(START) });
    expect(await bench.create(PASS)).toEqual(first);
    expect(await refused(bench.create(WAIT))).toEqual(
      error("StateMachineAlreadyExists", `State Machine Already Exists: '${MACHINE}'`),
    );
  });

  it("describes itself, and has a revision once it was updated", async () => {
    await bench.create(PASS);
    const described = {
      stateMachineArn: MACHINE,
      name: "watch",
      status: "ACTIVE",
      definition: JSON.stringify(PASS),
      roleArn: ROLE,
      type: "STANDARD",
      creationDate: new Date(START),
      loggingConfiguration: { level: "OFF", includeExecutionData: false },
      tracingConfiguration: { enabled: false },
    };
    expect(await bench.call("DescribeStateMachine", { stateMachineArn: MACHINE })).toEqual(described);
    const { revisionId } = await bench.call("UpdateStateMachine", {
      stateMachineArn: MACHINE,
      definition: JSON.stringify(WAIT),
    });
    expect(await bench.call("DescribeStateMachine", { stateMachineArn: MACHINE })).toEqual({
      ...described,
      definition: JSON.stringify(WAIT),
      revisionId,
    });
  });

  it("runs executions on as they were started when it is updated", async () => {
    await bench.create(WAIT);
    const executionArn = await bench.start("one");
    await bench.call("UpdateStateMachine", { stateMachineArn: MACHINE, definition: JSON.stringify(PASS) });
    await bench.clock.advanceBy(59_000);
    expect(await bench.call("DescribeExecution", { executionArn })).toMatchObject({ status: "RUNNING" });
    await bench.clock.advanceBy(1000);
    expect(await bench.call("DescribeExecution", { executionArn })).toMatchObject({ status: "SUCCEEDED" });
  });

  it("that is deleted ends its executions at their next transition and then is gone", async () => {
    await bench.create(machine({ Wait: { Type: "Wait", Seconds: 60, Next: "Turn" }, Turn: task() }));
    const executionArn = await bench.start("one");
    await bench.clock.advanceBy(1000);
    await bench.call("DeleteStateMachine", { stateMachineArn: MACHINE });
    expect(await bench.call("DescribeStateMachine", { stateMachineArn: MACHINE })).toMatchObject({
      status: "DELETING",
    });
    expect(await refused(bench.start("two"))).toMatchObject({ code: "StateMachineDeleting" });
    await bench.clock.advanceBy(60_000);
    expect(await bench.call("DescribeExecution", { executionArn })).toMatchObject({ status: "ABORTED" });
    expect(bench.invocations).toEqual([]);
    expect(await refused(bench.start("three"))).toEqual(
      error("StateMachineDoesNotExist", `State Machine Does Not Exist: '${MACHINE}'`),
    );
    await bench.call("DeleteStateMachine", { stateMachineArn: MACHINE });
  });

  it("is listed by name, in pages, and has tags", async () => {
    for (const name of ["c", "a", "b"]) await bench.create(PASS, { name, tags: [{ key: "k", value: name }] });
    const names = ({ stateMachines }: { stateMachines: { name: string }[] }) => stateMachines.map(({ name }) => name);
    const first = await bench.call("ListStateMachines", { maxResults: 2 });
    expect(names(first)).toEqual(["a", "b"]);
    expect(names(await bench.call("ListStateMachines", { nextToken: first.nextToken }))).toEqual(["c"]);
    const resourceArn = MACHINE.replace(/watch$/, "a");
    await bench.call("TagResource", { resourceArn, tags: [{ key: "x", value: "1" }] });
    await bench.call("UntagResource", { resourceArn, tagKeys: ["k"] });
    expect(await bench.call("ListTagsForResource", { resourceArn })).toEqual({ tags: [{ key: "x", value: "1" }] });
    expect(await refused(bench.call("TagResource", { resourceArn: MACHINE, tags: [] }))).toMatchObject({
      code: "ResourceNotFound",
    });
  });
});

describe("an execution", () => {
  it("that is started again while it runs is the same, with another input it is refused", async () => {
    await bench.create(WAIT);
    const first = await bench.start("d-1", { deploymentId: "d-1" });
    await bench.clock.advanceBy(30_000);
    expect(await bench.start("d-1", { deploymentId: "d-1" })).toBe(first);
    expect(bench.events).toHaveLength(1);
    expect(await refused(bench.start("d-1", {}))).toEqual(
      error("ExecutionAlreadyExists", `Execution Already Exists: '${first}'`),
    );
  });

  it("that has ended keeps its name for ninety days", async () => {
    await bench.create(PASS);
    const first = await bench.start("d-1");
    await bench.clock.advanceBy(90 * DAY - 1);
    expect(await refused(bench.start("d-1"))).toEqual(
      error("ExecutionAlreadyExists", `Execution Already Exists: '${first}'`),
    );
    await bench.clock.advanceBy(1);
    expect(await bench.start("d-1")).toBe(first);
  });

  it("is listed newest first, by its state", async () => {
    await bench.create(WAIT);
    for (const name of ["a", "b"]) await bench.start(name);
    await bench.clock.advanceBy(60_000);
    await bench.start("c");
    const list = async (statusFilter?: string) =>
      (await bench.call("ListExecutions", { stateMachineArn: MACHINE, statusFilter })).executions.map(
        ({ name }: { name: string }) => name,
      );
    expect(await list()).toEqual(["c", "b", "a"]);
    expect(await list("RUNNING")).toEqual(["c"]);
    expect(await refused(list("running"))).toEqual(
      error(
        "ValidationException",
        "1 validation error detected: Value 'running' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
      ),
    );
  });

  it("that does not exist is missing, and what is no ARN is invalid", async () => {
    const executionArn = "arn:aws:states:us-east-1:111122223333:execution:watch:none";
    for (const operation of ["DescribeExecution", "StopExecution", "GetExecutionHistory"]) {
      expect(await refused(bench.call(operation, { executionArn }))).toEqual(
        error("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`),
      );
    }
    expect(await refused(bench.call("DescribeExecution", { executionArn: "none" }))).toEqual(
      error("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: none'"),
    );
  });

  it("has a name without spaces and signs, and JSON for input", async () => {
    await bench.create(PASS);
    expect(await refused(bench.start("a b"))).toEqual(error("InvalidName", "Invalid Name: 'a b'"));
    const start = (input: string) => refused(bench.call("StartExecution", { stateMachineArn: MACHINE, input }));
    expect(await start("")).toEqual(
      error("InvalidExecutionInput", "Invalid State Machine Execution Input: 'Invalid execution input.'"),
    );
    expect(await start("not json")).toMatchObject({ code: "InvalidExecutionInput" });
    expect(await start('"text"')).toBe("succeeded");
  });

  it("leaves data out of its history on request", async () => {
    await bench.run(machine({ Turn: task() }), { secret: 1 });
    const executionArn = bench.events[0]?.resources[0];
    const history = await bench.call("GetExecutionHistory", { executionArn, includeExecutionData: false });
    expect(JSON.stringify(history)).not.toContain("secret");
    expect(history.events).toHaveLength(7);
  });
});

it("speaks AWS JSON 1.0 with the SDK's client, and gives errors as it expects them", async () => {
  const aws = await startLocalAws({ startMs: START });
  const client = new SFNClient({
    endpoint: aws.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  try {
    await expect(client.send(new StartExecutionCommand({ stateMachineArn: MACHINE }))).rejects.toMatchObject({
      name: "StateMachineDoesNotExist",
      message: `State Machine Does Not Exist: '${MACHINE}'`,
    });
  } finally {
    client.destroy();
    await aws.close();
  }
});
