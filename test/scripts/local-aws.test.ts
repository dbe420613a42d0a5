import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createFlags } from "../../lib/adapters/flags.ts";
import { setFlags } from "../../lib/core/release/flag-document.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import type { CliIo } from "../../scripts/cli/io.ts";
import type { Result } from "../../scripts/cli/run.ts";
import { command as config } from "../../scripts/config.ts";
import { command as deploy } from "../../scripts/deploy.ts";
import { command as policy } from "../../scripts/policy.ts";
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
import { runLocal } from "./local-run.ts";

const scene = new LocalScene("2026-03-02T12:00:00.000Z");
let aws: LocalAws;
/** Ends what a test makes happen again and again; the clock outlives a reset. */
let stopFailing = (): void => undefined;
beforeEach(async () => {
  stopFailing();
  aws = await scene.open();
});
afterAll(() => scene.close());

const run = (make: (io: CliIo, result: Result) => Command, ...argv: string[]) => runLocal(aws, make, argv, 500);

/** A guarded function with three versions, alias on 1, which a first deployment has brought. */
async function guardedFunction(): Promise<void> {
  await publish(aws, "checkout", ["return 1", "return 2", "return 3"]);
  await deploymentGroup(aws, "checkout");
  await ledgerTable(aws, "goaround-dev-ledger");
  await call(aws, "ssm", "PutParameter", {
    Name: "/goaround/dev/checkout/live",
    Type: "String",
    Value: JSON.stringify({
      schemaVersion: 1,
      functionName: "checkout",
      alias: "live",
      deploymentGroup: "checkout-deployment-group",
    }),
  });
}

const release = (version: string, ...more: string[]) =>
  run(deploy, "--function-name", "checkout", "--version", version, "--json", ...more);

async function alias(): Promise<unknown> {
  const found = await call(aws, "lambda", "GetAlias", { FunctionName: "checkout", Name: "live" });
  return { version: found.FunctionVersion, weights: found.RoutingConfig?.AdditionalVersionWeights ?? {} };
}

/** Starts a canary 1 → 2 that is followed by nobody, and waits until traffic moves. */
async function openDeployment(): Promise<string> {
  const { deploymentId } = await call(aws, "codedeploy", "CreateDeployment", {
    applicationName: "goaround-dev",
    deploymentGroupName: "checkout-deployment-group",
    revision: {
      revisionType: "AppSpecContent",
      appSpecContent: {
        content: JSON.stringify({
          version: 0.0,
          Resources: [
            {
              checkout: {
                Type: "AWS::Lambda::Function",
                Properties: { Name: "checkout", Alias: "live", CurrentVersion: "1", TargetVersion: "2" },
              },
            },
          ],
        }),
      },
    },
  });
  await aws.clock.advanceBy(20_000);
  expect(await alias()).toEqual({ version: "1", weights: { 2: 0.1 } });
  return deploymentId;
}

/** Lambda's metrics of the canary, every half minute from now on. */
function failingCanary(version: string): void {
  const dimensions = { FunctionName: "checkout", Resource: "checkout:live", ExecutedVersion: version };
  const publishMinute = () => {
    for (const name of ["Invocations", "Errors"]) {
      aws.world.links.recordMetric({
        namespace: "AWS/Lambda",
        name,
        dimensions,
        timestampMs: aws.clock.now(),
        values: [1],
        counts: [50],
      });
    }
    const next = aws.clock.at(aws.clock.now() + 30_000, publishMinute);
    stopFailing = () => next.cancel();
  };
  publishMinute();
}

describe("scripts on the local AWS", () => {
  it("deploy releases a version step by step and ends with all traffic on it", async () => {
    await guardedFunction();
    const ran = await release("2", "--canary-percentage", "25", "--canary-minutes", "2", "--rollback-threshold", "5");
    expect(ran.stderr).toContain("25 % of the traffic on version 2");
    expect(ran.json()).toMatchObject({ ok: true, exitCode: 0, deployment: { status: "Succeeded" } });
    expect(await alias()).toEqual({ version: "2", weights: {} });
    const { MetricAlarms } = await call(aws, "cloudwatch", "DescribeAlarms", {});
    expect(MetricAlarms).toEqual([]);
  });

  it("deploy exits 1 when the threshold's alarm stops the release, with the alias restored", async () => {
    await guardedFunction();
    await release("3", "--canary-percentage", "100");
    failingCanary("2");
    const ran = await release("2", "--canary-percentage", "10", "--rollback-threshold", "5");
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ ok: false, code: "rolled-back", deployment: { status: "Stopped" } });
    expect(await alias()).toEqual({ version: "3", weights: {} });
  });

  it("deploy refuses with 3, 4 and 6 as it says it does", async () => {
    await guardedFunction();
    expect((await release("9")).exitCode).toBe(4);
    const id = await openDeployment();
    const busy = await release("3");
    expect(busy.exitCode).toBe(6);
    expect(busy.stdout).toContain(id);
    await call(aws, "codedeploy", "StopDeployment", { deploymentId: id, autoRollbackEnabled: true });
    await aws.clock.advanceBy(60_000);
    const { FunctionArn } = await call(aws, "lambda", "GetFunctionConfiguration", { FunctionName: "checkout" });
    await call(aws, "lambda", "TagResource", {
      Resource: FunctionArn,
      Tags: { "aws:cloudformation:stack-name": "checkout-stack" },
    });
    const owned = await release("3");
    expect(owned.exitCode).toBe(3);
    expect(owned.stdout).toContain("--detach");
  });

  it("rollback-function leaves a release that succeeded and records its version as known bad", async () => {
    await guardedFunction();
    await release("2", "--canary-percentage", "100");
    const ran = await run(rollback, "--action", "rollback-function", "--function-name", "checkout", "--json");
    expect(ran.json()).toMatchObject({ ok: true, target: { version: "1" }, left: ["2"], recorded: true });
    expect(await alias()).toEqual({ version: "1", weights: {} });
    const again = await release("2");
    expect(again.exitCode).toBe(3);
    expect(again.stdout).toContain("known bad");
  });

  it("rollback-function stops an open deployment and follows it until traffic is back", async () => {
    await guardedFunction();
    await release("3", "--canary-percentage", "100");
    await release("1", "--canary-percentage", "100");
    const id = await openDeployment();
    const ran = await run(rollback, "--action", "rollback-function", "--function-name", "checkout", "--json");
    expect(ran.json()).toMatchObject({ ok: true, stoppedDeployment: id, target: { version: "1" } });
    const { deploymentInfo } = await call(aws, "codedeploy", "GetDeployment", { deploymentId: id });
    expect(deploymentInfo.status).toBe("Stopped");
    expect(await alias()).toEqual({ version: "1", weights: {} });
  });

  it("rollback-function makes an alias whole that a stop without rollback has left split", async () => {
    await guardedFunction();
    await call(aws, "lambda", "UpdateAlias", {
      FunctionName: "checkout",
      Name: "live",
      RoutingConfig: { AdditionalVersionWeights: { 2: 0.1 } },
    });
    const argv = ["--action", "rollback-function", "--function-name", "checkout", "--target-version", "1"];
    expect((await run(rollback, ...argv)).exitCode).toBe(0);
    expect(await alias()).toEqual({ version: "1", weights: {} });
  });

  it("stop-deployment restores the alias, and says how a deployment ended when asked again", async () => {
    await guardedFunction();
    const id = await openDeployment();
    const argv = ["--action", "stop-deployment", "--deployment-id", id];
    const ran = await run(rollback, ...argv, "--json");
    expect(ran.json()).toMatchObject({ ok: true, alias: { functionVersion: "1", weights: {} } });
    expect(await alias()).toEqual({ version: "1", weights: {} });
    const again = await run(rollback, ...argv);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain("had ended already: Stopped");
    expect((await run(rollback, "--action", "stop-deployment", "--deployment-id", "d-NOSUCH123")).exitCode).toBe(4);
  });

  it("rollback-flags switches off, update-flag switches on again", async () => {
    await flagProfile(aws, { new_api: true, flux: true });
    const place = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
    const off = await run(rollback, "--action", "rollback-flags", ...place, "--flags", "new_api", "flux", "--json");
    expect(off.json()).toMatchObject({ ok: true, states: { new_api: false, flux: false } });
    const update = ["--action", "update-flag", ...place, "--flag-name", "flux"];
    const on = await run(deploy, ...update, "--enabled", "true", "--strategy", "slow", "--json");
    expect(on.json()).toMatchObject({ ok: true, state: "COMPLETE", strategy: "slow" });
    expect((await run(rollback, "--action", "rollback-flags", ...place, "--flags", "nope")).exitCode).toBe(4);
  });

  it("config backup and restore bring policies and flags back, and policy tells what was written", async () => {
    await guardedFunction();
    await flagProfile(aws, { new_api: true });
    const document = {
      ...{ schemaVersion: 1, functionName: "checkout", alias: "live", deploymentGroup: "checkout-deployment-group" },
      flags: [{ applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] }],
    };
    const deployPolicy = (changes: object) =>
      call(aws, "ssm", "PutParameter", {
        ...{ Name: "/goaround/dev/checkout/live", Overwrite: true },
        Value: JSON.stringify({ ...document, ...changes }),
      });
    await deployPolicy({});
    const folder = mkdtempSync(join(tmpdir(), "goaround-local-"));
    try {
      const file = join(folder, "backup.json");
      expect((await run(config, "backup", file)).exitCode).toBe(0);
      await deployPolicy({ bakeMinutes: 0 });
      const place = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
      const off = ["--action", "update-flag", ...place, "--flag-name", "new_api", "--enabled", "false"];
      expect((await run(deploy, ...off)).exitCode).toBe(0);
      const restored = await run(config, "restore", file, "--yes", "--json");
      expect(restored.json()).toMatchObject({
        ok: true,
        written: ["policy checkout:live", "flags flags/dev/router"],
        recorded: true,
      });
      expect((await run(config, "restore", file)).stderr).toContain("nothing to do");
    } finally {
      rmSync(folder, { recursive: true });
    }
    const history = await run(policy, "history", "checkout", "--json");
    expect(history.json()).toMatchObject({
      versions: [
        { version: 4, changes: [{ path: "bakeMinutes", before: 0, after: 10 }] },
        { version: 3, changes: [{ path: "bakeMinutes", before: 10, after: 0 }] },
        { version: 2 },
        { version: 1 },
      ],
    });
    const back = await run(policy, "rollback", "checkout", "--to", "3", "--json");
    expect(back.json()).toMatchObject({ ok: true, version: 5, recorded: true });
  });

  it("rollback-flags kills although a monitor is red, and leaves the monitor as it was", async () => {
    await flagProfile(aws, { new_api: true, flux: false });
    const place = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
    const { Items: applications } = await call(aws, "appconfig", "ListApplications", {});
    const ApplicationId = applications[0].Id;
    const { Items: environments } = await call(aws, "appconfig", "ListEnvironments", { ApplicationId });
    await call(aws, "cloudwatch", "PutMetricAlarm", {
      AlarmName: "red",
      Namespace: "Scene",
      MetricName: "red",
      Period: 60,
      EvaluationPeriods: 1,
      Statistic: "Sum",
      Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "breaching",
    });
    await aws.clock.advanceBy(120_000);
    await call(aws, "appconfig", "UpdateEnvironment", {
      ApplicationId,
      EnvironmentId: environments[0].Id,
      Monitors: [{ AlarmArn: `arn:aws:cloudwatch:us-east-1:${aws.world.accountId}:alarm:red` }],
    });
    const ran = await run(rollback, "--action", "rollback-flags", ...place, "--flags", "new_api", "--json");
    expect(ran.json()).toMatchObject({ ok: true, states: { new_api: false }, silencedAlarms: ["red"] });
    const { MetricAlarms } = await call(aws, "cloudwatch", "DescribeAlarms", { AlarmNames: ["red"] });
    expect(MetricAlarms[0]).toMatchObject({ ActionsEnabled: true, StateValue: "ALARM" });
  });

  it("rollback-flags stops a flag deployment of ours that bakes", async () => {
    await flagProfile(aws, { new_api: false });
    const place = ["--application-id", "flags", "--environment-id", "dev", "--profile-id", "router"];
    const flags = createFlags(adapterOptions(aws));
    const target = await flags.resolve({ application: "flags", environment: "dev", profile: "router" });
    const { document } = (await flags.deployed(target))!;
    const version = await flags.createVersion(target, setFlags(document, { new_api: true }).document, "on");
    // A day: virtual time flies while the command talks to its services.
    await call(aws, "appconfig", "CreateDeploymentStrategy", {
      Name: "long-bake",
      DeploymentDurationInMinutes: 0,
      FinalBakeTimeInMinutes: 1440,
      GrowthFactor: 100,
      ReplicateTo: "NONE",
    });
    const number = await flags.deploy(target, version, "long-bake", "goaround: switch on new_api");
    await aws.clock.advanceBy(1000);
    expect((await flags.getDeployment(target, number)).state).toBe("BAKING");
    const ran = await run(rollback, "--action", "rollback-flags", ...place, "--flags", "new_api", "--json");
    expect(ran.json()).toMatchObject({ ok: true, states: { new_api: false }, stoppedDeployments: [number] });
    expect((await flags.getDeployment(target, number)).state).toBe("ROLLED_BACK");
  });

  it("health-check reads alias, figures and alarms", async () => {
    await guardedFunction();
    failingCanary("1");
    await aws.clock.advanceBy(120_000);
    const ran = await run(rollback, "--action", "health-check", "--functions", "checkout", "--json");
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({
      code: "unhealthy",
      functions: [{ functionName: "checkout", functionVersion: "1" }],
    });
  });

  it("exits 8 while AWS throttles, 0 again when it does not", async () => {
    await guardedFunction();
    const stopThrottling = aws.world.faults.inject({ service: "lambda", operation: "*", kind: "throttle" });
    const argv = ["--action", "health-check", "--functions", "checkout"];
    expect((await run(rollback, ...argv)).exitCode).toBe(8);
    stopThrottling();
    expect((await run(rollback, ...argv)).exitCode).toBe(0);
  });

  it("runs as a program: data on stdout, messages on stderr, the exit code for the shell", async () => {
    await guardedFunction();
    const program = start("rollback --action health-check --functions checkout nope --json");
    let stdout = "";
    program.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
    });
    const exitCode = await new Promise((resolve) => program.on("close", resolve));
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      functions: [{ functionName: "checkout", status: "no-data" }],
      failures: [{ functionName: "nope", code: "function-missing" }],
    });
  });

  it("reads metrics by the service's clock, which is months away from this computer's", async () => {
    await guardedFunction();
    failingCanary("1");
    await aws.clock.advanceBy(120_000);
    expect(Math.abs(Date.now() - aws.clock.now())).toBeGreaterThan(24 * 3_600_000);
    const program = start("rollback --action health-check --functions checkout --json");
    let stdout = "";
    program.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
    });
    expect(await new Promise((resolve) => program.on("close", resolve))).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: "unhealthy", functions: [{ status: "unhealthy" }] });
  });

  it("ends on Ctrl-C with exit code 130, the state and the command that goes on", async () => {
    await guardedFunction();
    const id = await openDeployment();
    const program = start(`deploy --action follow --deployment-id ${id}`);
    let stderr = "";
    program.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
      if (stderr.includes("InProgress") && !stderr.includes("interrupted")) program.kill("SIGINT");
    });
    expect(await new Promise((resolve) => program.on("close", resolve))).toBe(130);
    expect(stderr).toContain(`interrupted; deployment ${id} goes on by itself`);
    expect(stderr).toContain(`To go on: goaround deploy --action follow --deployment-id ${id}`);
  });
});

const root = join(import.meta.dirname, "../..");

/** The command as a process of its own. */
const start = (words: string) =>
  spawn(process.execPath, ["--import", "tsx", join(root, "scripts/goaround.ts"), ...words.split(" ")], {
    cwd: root,
    env: { ...process.env, ...aws.environment },
  });
