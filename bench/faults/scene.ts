import { strToU8, zipSync } from "fflate";
import { createAdapters } from "../../lib/adapters/index.ts";
import {
  applicationName,
  deploymentGroupName,
  FLAG_PROFILE_NAME,
  flagApplicationName,
  flagEnvironmentName,
  killStrategyName,
  ledgerTableName,
  notificationTopicName,
  policyParameterName,
} from "../../lib/contract/names.ts";
import { type PolicyInput, parsePolicy } from "../../lib/contract/policy.ts";
import type { Ports } from "../../lib/core/ports.ts";
import { withOpened } from "../../lib/core/release/alias-history.ts";
import type { Home } from "../../lib/core/release/events.ts";
import { promoted } from "../../lib/core/release/ledger-rules.ts";
import { newRecord } from "../../lib/core/release/release-facts.ts";
import { createWorld, type LocalAwsCore } from "../../lib/local/index.ts";
import { MemoryTable } from "./table.ts";
import { type PlannedFault, Wire, type WireOptions } from "./wire.ts";

export const ENVIRONMENT = "dev";
export const FUNCTION = "checkout";
export const ALIAS = "live";
export const FLAG = "new_api";
const OTHER_FLAG = "other";
export const HOME: Home = { account: "111122223333", region: "us-east-1" };
const ROLE = `arn:aws:iam::${HOME.account}:role/scene`;
export const TOPIC_ARN = `arn:aws:sns:${HOME.region}:${HOME.account}:${notificationTopicName(ENVIRONMENT)}`;
const START_MS = Date.parse("2026-03-02T12:00:00.000Z");

/** Where the release is when something goes wrong. */
export type Stage = "in-shift" | "guard-time";

export interface SceneOptions extends Partial<Omit<WireOptions, "world" | "table" | "random">> {
  stage: Stage;
  seed?: number;
  faults?: readonly PlannedFault[];
  policy?: Partial<PolicyInput>;
}

/** A guarded function whose version 1 is known good, and release 1 → 2 with a flag, on a world of its own. */
export interface Scene {
  aws: LocalAwsCore;
  wire: Wire;
  table: MemoryTable;
  deploymentId: string;
  /** Ports without faults, to look at the end. */
  ports: Ports;
  /** Calls the world below all adapters. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes are read here
  call(service: string, operation: string, input: object): Promise<any>;
}

export async function openScene({ stage, seed = 1, faults = [], policy, ...wiring }: SceneOptions): Promise<Scene> {
  const aws = createWorld({ startMs: START_MS, seed, accountId: HOME.account, region: HOME.region });
  const { world, clock } = aws;
  const table = new MemoryTable();
  const call: Scene["call"] = (service, operation, input) =>
    world.call(service, operation, input as Record<string, unknown>, world.credentials.principalFor(undefined));
  const direct = new Wire({ world, table, random: world.random.fork("scene"), faults: [] });
  const program = { name: "scene", isDead: () => false, kill: () => {} };
  const now = () => new Date(clock.now());
  const sleep = (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal);
  const ports = createAdapters({
    environment: ENVIRONMENT,
    region: HOME.region,
    topicArn: TOPIC_ARN,
    ledgerTable: ledgerTableName(ENVIRONMENT),
    answer: direct.answerTo(program),
    clock: { now, sleep, heard: () => {} },
  });
  const document = JSON.stringify(policyOf(policy));
  await roleAndTopic(call);
  await functionWithVersions(aws, call);
  await flagProfile(aws, call);
  await call("ssm", "PutParameter", {
    Name: policyParameterName(ENVIRONMENT, FUNCTION, ALIAS),
    Value: document,
    Type: "String",
  });
  const deploymentId = await release(aws, call, stage);
  await books(ports, deploymentId, document, stage);
  if (stage === "guard-time") await clock.advanceBy(10 * 60_000);
  const wire = new Wire({ world, table, random: world.random.fork("wire"), faults, ...wiring });
  return { aws, wire, table, deploymentId, ports, call };
}

const policyOf = (policy: Partial<PolicyInput> = {}): PolicyInput => ({
  schemaVersion: 1,
  functionName: FUNCTION,
  alias: ALIAS,
  deploymentGroup: deploymentGroupName(FUNCTION),
  flags: [
    {
      applicationId: flagApplicationName(ENVIRONMENT),
      environmentId: flagEnvironmentName(ENVIRONMENT),
      profileId: FLAG_PROFILE_NAME,
      flags: [FLAG],
    },
  ],
  ...policy,
});

async function roleAndTopic(call: Scene["call"]): Promise<void> {
  const allow = (statement: object) =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });
  await call("iam", "CreateRole", {
    RoleName: "scene",
    AssumeRolePolicyDocument: allow({
      Principal: { Service: ["lambda.amazonaws.com", "codedeploy.amazonaws.com"] },
      Action: "sts:AssumeRole",
    }),
  });
  await call("iam", "PutRolePolicy", {
    RoleName: "scene",
    PolicyName: "scene",
    PolicyDocument: allow({ Action: ["lambda:*", "cloudwatch:DescribeAlarms"], Resource: "*" }),
  });
  await call("sns", "CreateTopic", { Name: notificationTopicName(ENVIRONMENT) });
}

const CODE = ["0", "1", "2"].map((body) =>
  zipSync({ "index.mjs": strToU8(`export const handler = async () => ${body};`) }, { level: 0 }),
);

async function functionWithVersions({ clock }: LocalAwsCore, call: Scene["call"]): Promise<void> {
  const [first, ...others] = CODE;
  await call("lambda", "CreateFunction", {
    FunctionName: FUNCTION,
    Runtime: "nodejs20.x",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: first },
  });
  await clock.advanceBy(1000);
  for (const ZipFile of others) {
    await call("lambda", "UpdateFunctionCode", { FunctionName: FUNCTION, ZipFile });
    await clock.advanceBy(1000);
    await call("lambda", "PublishVersion", { FunctionName: FUNCTION });
    await clock.advanceBy(1000);
  }
  await call("lambda", "CreateAlias", { FunctionName: FUNCTION, Name: ALIAS, FunctionVersion: "1" });
}

async function flagProfile({ clock }: LocalAwsCore, call: Scene["call"]): Promise<void> {
  const { Id: ApplicationId } = await call("appconfig", "CreateApplication", {
    Name: flagApplicationName(ENVIRONMENT),
  });
  const Name = flagEnvironmentName(ENVIRONMENT);
  const { Id: EnvironmentId } = await call("appconfig", "CreateEnvironment", { ApplicationId, Name });
  const { Id: ConfigurationProfileId } = await call("appconfig", "CreateConfigurationProfile", {
    ApplicationId,
    Name: FLAG_PROFILE_NAME,
    LocationUri: "hosted",
    Type: "AWS.AppConfig.FeatureFlags",
  });
  const { Id: DeploymentStrategyId } = await call("appconfig", "CreateDeploymentStrategy", {
    Name: killStrategyName(ENVIRONMENT),
    DeploymentDurationInMinutes: 0,
    FinalBakeTimeInMinutes: 0,
    GrowthFactor: 100,
    ReplicateTo: "NONE",
  });
  const names = [FLAG, OTHER_FLAG];
  const content = {
    version: "1",
    flags: Object.fromEntries(names.map((name) => [name, { name }])),
    values: Object.fromEntries(names.map((name) => [name, { enabled: true }])),
  };
  await call("appconfig", "CreateHostedConfigurationVersion", {
    ApplicationId,
    ConfigurationProfileId,
    Content: strToU8(JSON.stringify(content)),
    ContentType: "application/json",
  });
  await call("appconfig", "StartDeployment", {
    ApplicationId,
    EnvironmentId,
    ConfigurationProfileId,
    ConfigurationVersion: "1",
    DeploymentStrategyId,
  });
  await clock.advanceBy(10_000);
}

async function release({ clock }: LocalAwsCore, call: Scene["call"], stage: Stage): Promise<string> {
  const applicationName_ = applicationName(ENVIRONMENT);
  const deploymentGroupName_ = deploymentGroupName(FUNCTION);
  await call("codedeploy", "CreateApplication", { applicationName: applicationName_, computePlatform: "Lambda" });
  await call("codedeploy", "CreateDeploymentGroup", {
    applicationName: applicationName_,
    deploymentGroupName: deploymentGroupName_,
    serviceRoleArn: ROLE,
    deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent30Minutes",
    deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
    autoRollbackConfiguration: { enabled: true, events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
  });
  const content = JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [FUNCTION]: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: FUNCTION, Alias: ALIAS, CurrentVersion: "1", TargetVersion: "2" },
        },
      },
    ],
  });
  const { deploymentId } = await call("codedeploy", "CreateDeployment", {
    applicationName: applicationName_,
    deploymentGroupName: deploymentGroupName_,
    deploymentConfigName:
      stage === "in-shift" ? "CodeDeployDefault.LambdaCanary10Percent30Minutes" : "CodeDeployDefault.LambdaAllAtOnce",
    revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
  });
  await clock.advanceBy(60_000);
  return deploymentId;
}

/** What pre-traffic writes, and after a release that went through what post-traffic writes. */
async function books(
  { ledger, functions, deployments, clock }: Ports,
  deploymentId: string,
  document: string,
  stage: Stage,
) {
  const [deployment, baseline, target] = await Promise.all([
    deployments.get(deploymentId),
    functions.getVersion(FUNCTION, "1"),
    functions.getVersion(FUNCTION, "2"),
  ]);
  const appSpec = { functionName: FUNCTION, alias: ALIAS, currentVersion: "1", targetVersion: "2", hooks: {} };
  const record = newRecord({ deployment, appSpec, target, policy: parsePolicy(document), now: clock.now() });
  const { codeSha256, configurationHash } = baseline!;
  await ledger.putAlias(FUNCTION, ALIAS, {
    lastKnownGood: { version: "1", codeSha256, configurationHash, at: record.openedAt, deploymentId: "d-GOOD00001" },
  });
  await ledger.openRelease(record);
  await ledger.changeAlias(FUNCTION, ALIAS, (known) => withOpened(known, record, baseline));
  await ledger.updateRelease(deploymentId, { preTrafficStatus: "Succeeded" });
  if (stage === "in-shift") return;
  const closedAt = clock.now().toISOString();
  await ledger.changeAlias(FUNCTION, ALIAS, (known) => promoted(known, record, clock.now()));
  await ledger.updateRelease(deploymentId, { outcome: "promoted", closedAt });
}

/** Lets virtual time pass until the work has ended. Throws when it does not end within `limitMs` of virtual time. */
export async function drive<T>({ aws }: Pick<Scene, "aws">, work: Promise<T>, limitMs = 4 * 3_600_000): Promise<T> {
  const { clock } = aws;
  const endMs = clock.now() + limitMs;
  let isDone = false;
  const finished = work.finally(() => {
    isDone = true;
  });
  finished.catch(() => undefined);
  await clock.settle();
  while (!isDone) {
    const next = clock.nextTimerAt();
    if (next === undefined) throw new Error("nothing waits and the work has not ended: it hangs");
    if (next > endMs) throw new Error(`not ended within ${limitMs / 60_000} minutes`);
    await clock.advanceTo(next);
  }
  return finished;
}
