import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardFunctionName } from "../../../lib/contract/names.ts";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import type { Principal } from "../../../lib/local/kernel/service.ts";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../../scripts/rehearse/run-scenario.ts";

type Request = [service: string, operation: string, input: Record<string, unknown>];

const HANDLERS = ["pre-traffic", "post-traffic", "watch", "shift", "report-failure", "respond"] as const;
type Handler = (typeof HANDLERS)[number];

let aws: LocalAws;
let rehearsal: Rehearsal;
let table = "";
beforeAll(async () => {
  aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z") });
  rehearsal = new Rehearsal(aws, loadScenario("healthy"), {
    ...{ seed: 1, deployWith: "api" as const, app: ownApp("bin/app"), environment: "dev" },
  });
  await rehearsal.install();
  table = "goaround-dev-ledger";
}, 300_000);
afterAll(() => aws.close());

const operator = () => aws.world.credentials.principalFor(undefined);

/** A session of the very role that the app gives to a Lambda. */
async function roleOf(functionName: string): Promise<Principal> {
  const { Role } = await aws.world.call<{ Role: string }>(
    "lambda",
    "GetFunctionConfiguration",
    { FunctionName: functionName },
    operator(),
  );
  return aws.world.rolePrincipal(Role, functionName, { service: "lambda.amazonaws.com" });
}

const codeOf = async (principal: Principal, [service, operation, input]: Request): Promise<string> => {
  try {
    await aws.world.call(service, operation, input, principal);
    return "allowed";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
};

/** SNS has a word of its own (API reference, Subscribe, 2026). */
const denied = expect.stringMatching(/AccessDenied|AuthorizationError/);

/** Levers, code, rights and other people's things; each with input that would work for who may. */
function requests(): Record<string, Request> {
  const FunctionName = rehearsal.functionName;
  const group = { applicationName: "goaround-dev", deploymentGroupName: `${FunctionName}-deployment-group` };
  const Key = { pk: { S: "environment" }, sk: { S: "record" } };
  const logGroupName = `/aws/lambda/${FunctionName}`;
  const signals = `arn:aws:lambda:${aws.world.region}:${aws.world.accountId}:function:goaround-dev-signals`;
  return {
    "move the alias": ["lambda", "UpdateAlias", { FunctionName, Name: "live", FunctionVersion: "1" }],
    "stop a deployment": ["codedeploy", "StopDeployment", { deploymentId: "d-NOSUCH000" }],
    "start a deployment": ["codedeploy", "CreateDeployment", group],
    "answer for a hook": [
      "codedeploy",
      "PutLifecycleEventHookExecutionStatus",
      { deploymentId: "d-NOSUCH000", lifecycleEventHookExecutionId: "x", status: "Succeeded" },
    ],
    "change code": ["lambda", "UpdateFunctionCode", { FunctionName, ZipFile: new Uint8Array() }],
    "change configuration": ["lambda", "UpdateFunctionConfiguration", { FunctionName, Timeout: 3 }],
    "publish a version": ["lambda", "PublishVersion", { FunctionName }],
    "delete a function": ["lambda", "DeleteFunction", { FunctionName }],
    "delete an alias": ["lambda", "DeleteAlias", { FunctionName, Name: "live" }],
    "let others in": [
      "lambda",
      "AddPermission",
      { FunctionName, StatementId: "x", Action: "lambda:InvokeFunction", Principal: "*" },
    ],
    "write a role": ["iam", "PutRolePolicy", { RoleName: "x", PolicyName: "x", PolicyDocument: "{}" }],
    "make a role": ["iam", "CreateRole", { RoleName: "x", AssumeRolePolicyDocument: "{}" }],
    "change a stack": ["cloudformation", "UpdateStack", { StackName: "goaround-dev-guard", UsePreviousTemplate: true }],
    "delete the ledger": ["dynamodb", "DeleteTable", { TableName: table }],
    "delete from the ledger": ["dynamodb", "DeleteItem", { TableName: table, Key }],
    "read the whole ledger": ["dynamodb", "Scan", { TableName: table }],
    "move another's alias": ["lambda", "UpdateAlias", { FunctionName: "stranger", Name: "live", FunctionVersion: "1" }],
    "read another's policy": ["ssm", "GetParameter", { Name: "/goaround/prod/checkout/live" }],
    "write a policy": [
      "ssm",
      "PutParameter",
      { Name: `/goaround/dev/${FunctionName}/live`, Value: "{}", Type: "String" },
    ],
    "subscribe to what people are told": [
      "sns",
      "Subscribe",
      { TopicArn: "arn:aws:sns:us-east-1:111122223333:x", Protocol: "email" },
    ],
    "have a log counted": [
      "cloudwatch-logs",
      "PutSubscriptionFilter",
      { logGroupName, filterName: "goaround-dev-d-NOSUCH000", filterPattern: "", destinationArn: signals },
    ],
    "have a log counted no more": [
      "cloudwatch-logs",
      "DeleteSubscriptionFilter",
      { logGroupName, filterName: "goaround-dev-d-NOSUCH000" },
    ],
    "end another's subscription": [
      "cloudwatch-logs",
      "DeleteSubscriptionFilter",
      { logGroupName: "/aws/lambda/stranger", filterName: "siem" },
    ],
    "make a flag version": [
      "appconfig",
      "CreateHostedConfigurationVersion",
      {
        ApplicationId: "abcdefg",
        ConfigurationProfileId: "abcdefg",
        Content: new Uint8Array(),
        ContentType: "application/json",
      },
    ],
  };
}

/** All that a handler is meant to do of the above. What it names may not exist: then the answer is not a denial. */
const MAY: Record<Handler, string[]> = {
  "pre-traffic": ["answer for a hook", "have a log counted", "have a log counted no more"],
  "post-traffic": ["answer for a hook"],
  watch: ["answer for a hook", "have a log counted no more"],
  "report-failure": ["answer for a hook", "have a log counted no more"],
  shift: ["move the alias"],
  respond: ["move the alias", "stop a deployment"],
};

describe.each(HANDLERS)("the role of %s", (handler) => {
  it("is denied every lever, change and right that is not its own", async () => {
    const principal = await roleOf(guardFunctionName("dev", handler));
    const all = Object.entries(requests());
    const answers = await Promise.all(
      all
        .filter(([what]) => !MAY[handler].includes(what))
        .map(async ([what, request]) => [what, await codeOf(principal, request)] as const),
    );
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(answers.map(([what]) => [what, denied])));
  });
});

/** Items of the ledger by partition key; what has no sort key is a query of the whole partition. */
const PARTITIONS = {
  release: "release#d-NOSUCH000",
  alias: "alias#checkout#live",
  rollback: "rollback#d-NOSUCH000/1",
  signals: "signals#/aws/lambda/checkout",
  environment: "environment",
  "open-releases": "open-releases",
  "anything else": "else",
};
type Partition = keyof typeof PARTITIONS;

/** All that is read and written of the ledger; who writes reads. `asks`: whole partitions. */
const LEDGER: Record<string, { reads?: Partition[]; writes?: Partition[]; asks?: Partition[] }> = {
  "pre-traffic": { writes: ["release", "alias", "environment", "signals", "open-releases"] },
  "post-traffic": { writes: ["release", "alias"], reads: ["environment"] },
  watch: { writes: ["release", "alias", "signals", "open-releases"], reads: ["environment"], asks: ["signals"] },
  "report-failure": { writes: ["release", "alias", "signals", "open-releases"], reads: ["environment"] },
  shift: { reads: ["release"] },
  signals: { writes: ["signals"] },
  respond: { writes: ["release", "alias", "rollback", "environment", "open-releases"] },
  "merge-flags": { reads: ["environment"] },
  "validate-flags": { reads: ["environment"] },
};

it.each(Object.entries(LEDGER))("the role of %s has what it needs of the ledger and no more", async (handler, may) => {
  const principal = await roleOf(`goaround-dev-${handler}`);
  const { reads = [], writes = [], asks = [] } = may;
  for (const [name, pk] of Object.entries(PARTITIONS) as [Partition, string][]) {
    const Key = { pk: { S: pk }, sk: { S: "rights" } };
    const write = {
      ...{ TableName: table, Key, UpdateExpression: "SET #by = :by", ExpressionAttributeNames: { "#by": "by" } },
      ExpressionAttributeValues: { ":by": { S: handler } },
    };
    const query = { KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": { S: pk } } };
    const answers = {
      reads: await codeOf(principal, ["dynamodb", "GetItem", { TableName: table, Key }]),
      writes: await codeOf(principal, ["dynamodb", "UpdateItem", write]),
      asks: await codeOf(principal, ["dynamodb", "Query", { TableName: table, ...query }]),
    };
    const answer = (isAllowed: boolean) => (isAllowed ? "allowed" : denied);
    expect({ name, ...answers }).toEqual({
      name,
      reads: answer(reads.includes(name) || writes.includes(name)),
      writes: answer(writes.includes(name)),
      asks: answer(asks.includes(name)),
    });
  }
});

it("the responder may move the alias of a guarded function", async () => {
  const principal = await roleOf(guardFunctionName("dev", "respond"));
  expect(await codeOf(principal, requests()["move the alias"]!)).toBe("allowed");
});

it.each(["pre-traffic", "watch", "report-failure"] as const)(
  "the role of %s may take back the subscription of a guarded function's log",
  async (handler) => {
    const principal = await roleOf(guardFunctionName("dev", handler));
    expect(await codeOf(principal, requests()["have a log counted no more"]!)).not.toEqual(denied);
  },
);

it("a function under release may pull no lever and read no ledger", async () => {
  const principal = await roleOf(rehearsal.functionName);
  for (const [what, request] of Object.entries(requests())) {
    expect({ what, code: await codeOf(principal, request) }).toEqual({ what, code: denied });
  }
});

it("a hook can answer for no deployment of another application, nor read it", async () => {
  await aws.world.call(
    "codedeploy",
    "CreateApplication",
    { applicationName: "foreign", computePlatform: "Lambda" },
    operator(),
  );
  const principal = await roleOf(guardFunctionName("dev", "pre-traffic"));
  const group = { applicationName: "foreign", deploymentGroupName: "x" };
  expect(await codeOf(principal, ["codedeploy", "GetDeploymentGroup", group])).toEqual(denied);
  expect(await codeOf(principal, ["codedeploy", "ListDeployments", group])).toEqual(denied);
});
