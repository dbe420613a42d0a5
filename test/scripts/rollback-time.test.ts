import { afterAll, beforeEach, expect, it } from "vitest";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import type { GroupMember } from "../../lib/core/release/release-groups.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import {
  adapterOptions,
  call,
  deploymentGroup,
  flagProfile,
  LocalScene,
  ledgerTable,
  publish,
} from "../adapters/local-scene.ts";
import { timedRun } from "./timed-run.ts";

const scene = new LocalScene("2026-03-02T12:00:00.000Z");
let aws: LocalAws;
beforeEach(async () => {
  aws = await scene.open();
  await ledgerTable(aws, "goaround-dev-ledger");
});
afterAll(() => scene.close());

const ledger = () => createLedger("goaround-dev-ledger", adapterOptions(aws), () => new Date(aws.clock.now()));
const flags = [{ applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] }];

const policy = (functionName: string) =>
  call(aws, "ssm", "PutParameter", {
    Name: `/goaround/dev/${functionName}/live`,
    Type: "String",
    Value: JSON.stringify({
      ...{ schemaVersion: 1, functionName, alias: "live", flags },
      deploymentGroup: `${functionName}-deployment-group`,
    }),
  });

const moveTo = (FunctionName: string, FunctionVersion: string) =>
  call(aws, "lambda", "UpdateAlias", { FunctionName, Name: "live", FunctionVersion });

async function serving(functionName: string) {
  const { FunctionVersion, RoutingConfig } = await call(aws, "lambda", "GetAlias", {
    FunctionName: functionName,
    Name: "live",
  });
  return { version: FunctionVersion, weights: RoutingConfig?.AdditionalVersionWeights ?? {} };
}

async function release(functionName: string): Promise<string> {
  const content = JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [functionName]: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: functionName, Alias: "live", CurrentVersion: "1", TargetVersion: "2" },
        },
      },
    ],
  });
  const { deploymentId } = await call(aws, "codedeploy", "CreateDeployment", {
    applicationName: "goaround-dev",
    deploymentGroupName: `${functionName}-deployment-group`,
    revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
  });
  return deploymentId as string;
}

const member = (functionName: string, deploymentId: string, i: number): GroupMember => ({
  ...{
    functionName,
    alias: "live",
    deploymentId,
    application: "goaround-dev",
    group: `${functionName}-deployment-group`,
  },
  ...{ baselineVersion: "1", canaryVersion: "2", brought: ["2"], flags },
  openedAt: new Date(Date.parse("2026-03-02T11:00:00.000Z") + i * 60_000).toISOString(),
});

/** The most calls of a control plane in any one second. */
function busiestSecond(calls: readonly { atMs: number; service: string }[]): number {
  const at = calls.filter(({ service }) => service !== "DynamoDB").map(({ atMs }) => atMs);
  return Math.max(...at.map((from) => at.filter((ms) => ms >= from && ms < from + 1000).length));
}

it("25 functions and their flags are back within 30 s at 100 ms a call and 10 calls a second, the last released first", async () => {
  const names = Array.from({ length: 25 }, (_, i) => `f${String(i).padStart(2, "0")}`);
  for (const name of names) {
    await publish(aws, name, [`return "${name}"`, `return "${name} new"`]);
    await deploymentGroup(aws, name);
  }
  await flagProfile(aws, { new_api: true });
  for (const name of names.slice(0, -1)) await moveTo(name, "2");
  const open = await release(names.at(-1)!);
  await aws.clock.advanceBy(60_000);
  expect((await serving(names.at(-1)!)).weights).toEqual({ "2": 0.1 });
  const members = names.map((name, i) =>
    member(name, name === names.at(-1) ? open : `d-OF${name.toUpperCase()}000`, i),
  );
  await ledger().changeEnvironment(() => ({ groups: { shop: { id: "d-OFF00000", members, revert: undefined } } }));

  const ran = await timedRun(aws, rollback, ["--action", "rollback-group", "--group", "shop", "--reason", "bad"]);

  expect(ran.json).toMatchObject({ exitCode: 0, message: expect.stringContaining("group shop is back") });
  for (const name of names) expect(await serving(name)).toEqual({ version: "1", weights: {} });
  expect(ran.json.restoredSeconds).toBeLessThanOrEqual(30);
  expect(busiestSecond(ran.calls)).toBeLessThanOrEqual(10);
  const stops = ran.calls.filter(({ operation }) => operation === "StopDeployment");
  const writes = ran.calls.filter(({ operation }) => operation === "UpdateAlias");
  expect(Math.max(...stops.map(({ atMs }) => atMs))).toBeLessThan(Math.min(...writes.map(({ atMs }) => atMs)));
  const { deploymentInfo } = await call(aws, "codedeploy", "GetDeployment", { deploymentId: open });
  expect(OPEN_STATUSES).not.toContain(deploymentInfo.status);
  const { groups, killedFlags } = await ledger().getEnvironment();
  expect(groups.shop?.revert).toMatchObject({ doneAt: expect.any(String) });
  expect(Object.values(killedFlags)).toMatchObject([{ flag: "new_api" }]);
}, 120_000);

it("one function and its flags are back within 5 s at 100 ms a call, and the calls are counted", async () => {
  await publish(aws, "checkout", ["return 1", "return 2"]);
  await deploymentGroup(aws, "checkout");
  await policy("checkout");
  await flagProfile(aws, { new_api: true });
  await release("checkout");
  await aws.clock.advanceBy(20 * 60_000);
  expect((await serving("checkout")).version).toBe("2");

  const ran = await timedRun(aws, rollback, [
    "--action",
    "rollback-function",
    "--function-name",
    "checkout",
    "--with-flags",
  ]);

  expect(ran.exitCode).toBe(0);
  expect((await serving("checkout")).version).toBe("1");
  expect(ran.seconds).toBeLessThanOrEqual(5);
  const { killedFlags } = await ledger().getEnvironment();
  expect(Object.values(killedFlags)).toMatchObject([{ flag: "new_api" }]);
  const { apiCalls, untilTrafficWasBack } = ran.json.cost as {
    apiCalls: number;
    untilTrafficWasBack: { apiCalls: number; seconds: number };
  };
  expect(apiCalls).toBe(ran.calls.length);
  expect(untilTrafficWasBack.apiCalls).toBeLessThanOrEqual(40);
  expect(untilTrafficWasBack.seconds).toBeLessThanOrEqual(2.5);
}, 60_000);
