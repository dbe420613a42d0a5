import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import type { Command } from "commander";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { FlagDefinitions } from "../../../lib/constructs/flag-document.ts";
import { FlagProfile } from "../../../lib/constructs/flag-profile.ts";
import { ReleaseGuard } from "../../../lib/constructs/release-guard.ts";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import type { CliIo } from "../../../scripts/cli/io.ts";
import type { Result } from "../../../scripts/cli/run.ts";
import { command as deployCommand } from "../../../scripts/deploy.ts";
import { command as flagsCommand } from "../../../scripts/flags.ts";
import { AssemblyDeployer } from "../../../scripts/rehearse/assembly-deployer.ts";
import type { Assemblies } from "../../../scripts/rehearse/deployer.ts";
import { command as rollbackCommand } from "../../../scripts/rollback.ts";
import { call, drive, ledgerTable } from "../../adapters/local-scene.ts";
import { runLocal } from "../local-run.ts";

const PLACE = ["--application-id", "goaround-dev", "--environment-id", "dev", "--profile-id", "flags"];
const flag = (enabled: boolean) => ({ description: "a flag", enabled });

let aws: LocalAws;
let folders: string[] = [];
beforeEach(async () => {
  aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z") });
  await ledgerTable(aws, "goaround-dev-ledger");
  const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } };
  await call(aws, "iam", "CreateRole", {
    RoleName: `goaround-dev-respond-${aws.world.region}`,
    AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
  });
});
afterEach(async () => {
  await aws.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
  folders = [];
});

/** Synthesizes a stack with these flags and deploys it, as `cdk deploy` does. */
async function deploy(flags: FlagDefinitions): Promise<{ ok: boolean; said: string }> {
  const outdir = mkdtempSync(join(tmpdir(), "goaround-flags-"));
  folders.push(outdir);
  const app = new App({ outdir });
  const stack = new Stack(app, "flags", { env: { account: aws.world.accountId, region: aws.world.region } });
  const guard = ReleaseGuard.fromEnvironmentName(stack, "Guard", "dev");
  new FlagProfile(stack, "Flags", { guard, flags, rollout: { durationMinutes: 1, bakeMinutes: 1 } });
  const { directory } = app.synth();
  const deployer = new AssemblyDeployer(aws, { synthesize: async () => directory } as unknown as Assemblies);
  const { ok } = await drive(aws, deployer.deploy({ context: {}, stacks: ["flags"] }), 5000);
  const { Stacks } = await call(aws, "cloudformation", "DescribeStacks", { StackName: "flags" });
  return { ok, said: Stacks[0].Outputs?.[0]?.OutputValue ?? "" };
}

const run = (make: (io: CliIo, result: Result) => Command, ...argv: string[]) => runLocal(aws, make, argv, 5000);
const kill = (name: string) =>
  run(rollbackCommand, "--action", "rollback-flags", ...PLACE, "--flags", name, "--reason", "errors");
const switchOn = (name: string) =>
  run(deployCommand, "--action", "update-flag", ...PLACE, "--flag-name", name, "--enabled", "true");

/** What a new reader gets. */
async function served(): Promise<Record<string, boolean>> {
  const { InitialConfigurationToken } = await call(aws, "appconfigdata", "StartConfigurationSession", {
    ApplicationIdentifier: "goaround-dev",
    EnvironmentIdentifier: "dev",
    ConfigurationProfileIdentifier: "flags",
  });
  const { Configuration } = await call(aws, "appconfigdata", "GetLatestConfiguration", {
    ConfigurationToken: InitialConfigurationToken,
  });
  const flags = JSON.parse(new TextDecoder().decode(Configuration)) as Record<string, { enabled: boolean }>;
  return Object.fromEntries(Object.entries(flags).map(([name, { enabled }]) => [name, enabled]));
}

it("a deploy keeps what run time has switched on, and a killed flag stays off until a person releases it", async () => {
  expect(await deploy({ a: flag(false), b: flag(true) })).toMatchObject({ ok: true });
  expect(await served()).toEqual({ a: false, b: true });
  expect((await switchOn("a")).exitCode).toBe(0);
  expect((await kill("b")).exitCode).toBe(0);
  expect(await served()).toEqual({ a: true, b: false });

  const second = await deploy({ a: flag(false), b: flag(true), c: flag(true) });
  expect(second.ok).toBe(true);
  expect(await served()).toEqual({ a: true, b: false, c: true });
  expect(second.said).toMatch(/killed, stays off: b\. b was switched off on .*goaround flags release b/);

  expect((await run(flagsCommand, "release", "b", "--reason", "fixed")).exitCode).toBe(0);
  expect((await switchOn("b")).exitCode).toBe(0);
  const third = await deploy({ a: flag(false), b: flag(false) });
  expect(third).toMatchObject({ ok: true, said: "gone: c; stays on: a, b" });
  expect(await served()).toEqual({ a: true, b: true });
}, 60_000);

it("AppConfig refuses a version that somebody writes by hand with a killed flag on", async () => {
  await deploy({ a: flag(true), b: flag(true) });
  await kill("a");
  const { Items: applications } = await call(aws, "appconfig", "ListApplications", {});
  const ApplicationId = applications[0].Id;
  const first = async (operation: string) => (await call(aws, "appconfig", operation, { ApplicationId })).Items[0].Id;
  const ConfigurationProfileId = await first("ListConfigurationProfiles");
  const on = { version: "1", flags: { a: { name: "a" } }, values: { a: { enabled: true } } };
  const { VersionNumber } = await call(aws, "appconfig", "CreateHostedConfigurationVersion", {
    ApplicationId,
    ConfigurationProfileId,
    Content: new TextEncoder().encode(JSON.stringify(on)),
    ContentType: "application/json",
  });
  const start = call(aws, "appconfig", "StartDeployment", {
    ApplicationId,
    EnvironmentId: await first("ListEnvironments"),
    ConfigurationProfileId,
    ConfigurationVersion: String(VersionNumber),
    DeploymentStrategyId: "AppConfig.AllAtOnce",
  });
  const refused = await drive(
    aws,
    start.catch((error: unknown) => error),
  );
  expect(JSON.stringify(refused)).toContain("goaround flags release a");
  expect(await served()).toEqual({ a: false, b: true });
}, 60_000);

it("a flag stack can be deleted although kills have made versions of its profile", async () => {
  await deploy({ a: flag(true) });
  await kill("a");
  await drive(aws, call(aws, "cloudformation", "DeleteStack", { StackName: "flags" }));
  await drive(aws, aws.services.cloudformation.settled("flags"), 5000);
  const { StackSummaries } = await call(aws, "cloudformation", "ListStacks", {});
  expect(StackSummaries.map(({ StackStatus }: { StackStatus: string }) => StackStatus)).toEqual(["DELETE_COMPLETE"]);
}, 60_000);
