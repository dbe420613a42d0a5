import { afterEach, beforeEach, expect, it } from "vitest";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { policySchema } from "../../lib/contract/policy.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import { adapterOptions, flagProfile } from "../adapters/local-scene.ts";
import { DoctorScene, release } from "./doctor-scene.ts";

const FLAGS = { applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] };
const MINUTE_MS = 60_000;

let scene: DoctorScene;
beforeEach(async () => {
  scene = await DoctorScene.start();
});
afterEach(() => scene.aws.close());

const ledger = () =>
  createLedger("goaround-dev-ledger", adapterOptions(scene.aws), () => new Date(scene.aws.clock.now()));
const examine = (...argv: string[]) => scene.run(doctor, "--functions", "orders", "--json", ...argv);
const codes = (ran: { json(): Record<string, unknown> }, of: string) =>
  (ran.json()[of] as { code: string }[]).map(({ code }) => code);

/** The next deploy goes through, and no request has met the version that was left. */
async function nextDeploySucceeds(version: string): Promise<void> {
  expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
  expect(scene.alias()).toEqual({ version, weights: {} });
  expect(scene.served["1"]).toBeGreaterThan(100);
  expect(scene.served["2"]).toBeUndefined();
}

it("doctor ends a deployment whose hook never answers, and the next deploy succeeds", async () => {
  const Hook = {
    Type: "AWS::Lambda::Function",
    Properties: {
      // CodeDeploy's managed policy lets it invoke functions of this prefix only.
      FunctionName: "CodeDeployHook_silent",
      Role: { "Fn::GetAtt": ["Role", "Arn"] },
      Runtime: "nodejs20.x",
      Handler: "index.handler",
      Code: { ZipFile: "exports.handler = async () => undefined;" },
    },
  };
  const resources = release("B", { Hook });
  const policy = resources.Alias!.UpdatePolicy as { CodeDeployLambdaAliasUpdate: Record<string, unknown> };
  policy.CodeDeployLambdaAliasUpdate.BeforeAllowTrafficHook = { Ref: "Hook" };
  await scene.begin(resources);
  await scene.pass(25 * MINUTE_MS);
  const found = await examine();
  expect(codes(found, "findings")).toEqual(["hook-silent"]);
  expect(codes(await examine("--repair"), "repaired")).toEqual(["hook-silent"]);
  await scene.pass(5 * MINUTE_MS);
  expect((await scene.stack()).status).toBe("UPDATE_ROLLBACK_COMPLETE");
  await nextDeploySucceeds("3");
});

it("doctor repairs flags, silenced alarms, alias and stack after a rollback by hand, and the next deploy succeeds", async () => {
  await flagProfile(scene.aws, { new_api: true });
  await scene.deploy(release("B"));
  const newest = (await scene.deployments()).find(({ creator }) => creator === "CloudFormation")!;
  await ledger().updateRelease(newest.id, {
    ...{ functionName: "orders", alias: "live", baselineVersion: "1", canaryVersion: "2", outcome: "promoted" },
    openedAt: new Date(scene.aws.clock.now()).toISOString(),
    policy: policySchema.parse({ schemaVersion: 1, functionName: "orders", alias: "live", deploymentGroup: "g" }),
    flags: [FLAGS],
    disabledAlarms: ["red-monitor"],
  });
  await scene.call("cloudwatch", "PutMetricAlarm", {
    ...{ AlarmName: "red-monitor", Namespace: "AWS/Lambda", MetricName: "Errors", Statistic: "Sum" },
    ...{ Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: "GreaterThanThreshold" },
    ActionsEnabled: false,
  });
  const back = await scene.run(rollback, "--action", "rollback-function", "--function-name", "orders");
  expect(back.exitCode).toBe(0);
  scene.forget();

  const found = await examine();
  const broken = ["alias-not-appspec", "alias-not-template", "flags-not-code", "alarm-actions-disabled"];
  expect(codes(found, "findings").sort()).toEqual([...broken].sort());
  const repaired = await examine("--repair");
  expect(repaired.json()).toMatchObject({ exitCode: 0, remaining: [] });
  expect(codes(repaired, "repaired").sort()).toEqual([...broken].sort());
  await nextDeploySucceeds("3");
  expect(codes(await examine(), "findings")).toEqual([]);
});

it("doctor takes what serves for known good where that was deleted, and the next deploy succeeds", async () => {
  await ledger().changeAlias("orders", "live", () => ({
    lastKnownGood: {
      version: "9",
      codeSha256: "x",
      configurationHash: "y",
      at: "2026-03-01T00:00:00Z",
      deploymentId: "d-1",
    },
  }));
  expect(codes(await examine("--repair"), "repaired")).toEqual(["missing-target"]);
  expect((await ledger().getAlias("orders", "live"))?.lastKnownGood?.version).toBe("1");
  scene.forget();
  expect((await scene.deploy(release("C"))).status).toBe("UPDATE_COMPLETE");
  expect(scene.alias()).toEqual({ version: "2", weights: {} });
});
