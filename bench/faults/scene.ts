import { strToU8, zipSync } from "fflate";
import { joinGroup } from "../../lambdas/pre-traffic/join-group.ts";
import { createAdapters } from "../../lib/adapters/index.ts";
import {
  applicationName,
  deploymentGroupName,
  FLAG_PROFILE_NAME,
  flagApplicationName,
  flagEnvironmentName,
  HOOK_NAMES,
  type HookName,
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
import { MemoryTable } from "./memory-table.ts";
import { type PlannedFault, Wire, type WireOptions } from "./wire.ts";

export const ENVIRONMENT = "dev";
export const FUNCTION = "checkout";
/** Of the same release group, where the release is one of a group: released before, and well. */
export const SIBLING = "orders";
export const GROUP = "shop";
export const ALIAS = "live";
export const FLAG = "new_api";
const OTHER_FLAG = "other";
export const HOME: Home = { account: "111122223333", region: "us-east-1" };
const ROLE = `arn:aws:iam::${HOME.account}:role/scene`;
export const TOPIC_ARN = `arn:aws:sns:${HOME.region}:${HOME.account}:${notificationTopicName(ENVIRONMENT)}`;
const START_MS = Date.parse("2026-03-02T12:00:00.000Z");

/** Where the release is when something goes wrong. */
export type Stage = "before-traffic" | "in-shift" | "guard-time";
export const CANARY_10 = "CodeDeployDefault.LambdaCanary10Percent30Minutes";
export const ALL_AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce";

export interface SceneOptions extends Partial<Omit<WireOptions, "world" | "table" | "random">> {
  stage: Stage;
  seed?: number;
  faults?: readonly PlannedFault[];
  policy?: Partial<PolicyInput>;
  /** The release is the second of a group. */
  grouped?: boolean;
  /** Before traffic: what CodeDeploy sends to the release's hooks comes here. */
  onHook?: (hook: HookName, event: object) => void;
}

/** A guarded function whose version 1 is known good, and release 1 → 2 with a flag, on a world of its own. */
export interface Scene {
  aws: LocalAwsCore;
  wire: Wire;
  table: MemoryTable;
  deploymentId: string;
  stage: Stage;
  /** Ports without faults, to look at the end. */
  ports: Ports;
  /** Calls the world below all adapters. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes are read here
  call(service: string, operation: string, input: object): Promise<any>;
}

export async function openScene(options: SceneOptions): Promise<Scene> {
  const { stage, seed = 1, faults = [], policy, grouped = false, onHook, ...wiring } = options;
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
  await roleAndTopic(call);
  await flagProfile(aws, call);
  await call("codedeploy", "CreateApplication", {
    applicationName: applicationName(ENVIRONMENT),
    computePlatform: "Lambda",
  });
  if (onHook) catchHooks(world, onHook);
  const base = { aws, ports, call };
  const releaseGroup = grouped ? { releaseGroup: GROUP } : {};
  if (grouped) await guardAndRelease(base, SIBLING, "guard-time", releaseGroup);
  const deploymentId = await guardAndRelease(base, FUNCTION, stage, { ...policy, ...releaseGroup });
  if (stage === "guard-time") await clock.advanceBy(10 * 60_000);
  const wire = new Wire({ world, table, random: world.random.fork("wire"), faults, ...wiring });
  return { ...base, wire, table, deploymentId, stage };
}

export type Base = Pick<Scene, "aws" | "ports" | "call">;

/** A function with two versions, the first serving, and the release of the second. Answers the deployment's id. */
async function guardAndRelease(
  base: Base,
  functionName: string,
  stage: Stage,
  policy: Partial<PolicyInput>,
): Promise<string> {
  const { aws, call } = base;
  await functionWithVersions(aws, call, functionName);
  await call("ssm", "PutParameter", {
    Name: policyParameterName(ENVIRONMENT, functionName, ALIAS),
    Value: JSON.stringify(policyOf(functionName, policy)),
    Type: "String",
  });
  await call("codedeploy", "CreateDeploymentGroup", {
    applicationName: applicationName(ENVIRONMENT),
    deploymentGroupName: deploymentGroupName(functionName),
    serviceRoleArn: ROLE,
    deploymentConfigName: CANARY_10,
    deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
    autoRollbackConfiguration: { enabled: true, events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
  });
  const { ledger, functions, clock } = base.ports;
  const { codeSha256, configurationHash } = (await functions.getVersion(functionName, "1"))!;
  await ledger.changeAlias(functionName, ALIAS, () => ({
    lastKnownGood: {
      version: "1",
      codeSha256,
      configurationHash,
      at: clock.now().toISOString(),
      deploymentId: "d-GOOD00001",
    },
  }));
  return release(base, functionName, stage, { from: "1", to: "2" });
}

const policyOf = (functionName: string, policy: Partial<PolicyInput>): PolicyInput => ({
  schemaVersion: 1,
  functionName,
  alias: ALIAS,
  deploymentGroup: deploymentGroupName(functionName),
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

const codeOf = (body: string) =>
  zipSync({ "index.mjs": strToU8(`export const handler = async () => ${body};`) }, { level: 0 });
const CODE = ["0", "1", "2"].map(codeOf);

export const createFunction = (call: Scene["call"], FunctionName: string) =>
  call("lambda", "CreateFunction", {
    FunctionName,
    Runtime: "nodejs20.x",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: CODE[0] },
  });

async function functionWithVersions({ clock }: LocalAwsCore, call: Scene["call"], FunctionName: string): Promise<void> {
  await createFunction(call, FunctionName);
  await clock.advanceBy(1000);
  for (const ZipFile of CODE.slice(1)) {
    await call("lambda", "UpdateFunctionCode", { FunctionName, ZipFile });
    await clock.advanceBy(1000);
    await call("lambda", "PublishVersion", { FunctionName });
    await clock.advanceBy(1000);
  }
  await call("lambda", "CreateAlias", { FunctionName, Name: ALIAS, FunctionVersion: "1" });
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

/** One more version of a function, with code of its own. Answers its number. */
export async function publish(
  { call }: Base,
  FunctionName: string,
  next: number,
  pass: (ms: number) => Promise<void>,
): Promise<string> {
  await call("lambda", "UpdateFunctionCode", { FunctionName, ZipFile: codeOf(`"${next}"`) });
  await pass(1000);
  const { Version } = await call("lambda", "PublishVersion", { FunctionName });
  return String(Version);
}

/** Hands over what CodeDeploy sends to its hooks' functions, of which there are none. */
function catchHooks(world: LocalAwsCore["world"], onHook: (hook: HookName, event: object) => void): void {
  const call = world.call.bind(world);
  world.call = async <Output>(...args: Parameters<typeof call>) => {
    const [service, operation, { FunctionName, Payload }] = args;
    const hook = HOOK_NAMES.find((name) => String(FunctionName).includes(name));
    if (service !== "lambda" || operation !== "Invoke" || !hook) return call<Output>(...args);
    onHook(hook, JSON.parse(new TextDecoder().decode(Payload as Uint8Array)) as object);
    return { StatusCode: 202 } as Output;
  };
}

const CONFIGURATIONS: Record<Stage, string> = {
  "before-traffic": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
  "in-shift": CANARY_10,
  "guard-time": ALL_AT_ONCE,
};

/** A deployment, and what the hooks write down of it; before traffic they are yet to run. Answers its id. */
export async function release(
  { aws, ports, call }: Base,
  functionName: string,
  stage: Stage,
  { from, to }: { from: string; to: string },
  pass: (ms: number) => Promise<void> = (ms) => aws.clock.advanceBy(ms),
): Promise<string> {
  const content = JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [functionName]: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: functionName, Alias: ALIAS, CurrentVersion: from, TargetVersion: to },
        },
      },
    ],
    ...(stage === "before-traffic" ? { Hooks: HOOK_NAMES.map((hook) => ({ [hook]: hook })) } : {}),
  });
  const { deploymentId } = await call("codedeploy", "CreateDeployment", {
    applicationName: applicationName(ENVIRONMENT),
    deploymentGroupName: deploymentGroupName(functionName),
    deploymentConfigName: CONFIGURATIONS[stage],
    revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
  });
  await pass(60_000);
  if (stage === "before-traffic") return deploymentId;
  const { ledger, functions, deployments, clock, policies } = ports;
  const [deployment, baseline, target, document] = await Promise.all([
    deployments.get(deploymentId),
    functions.getVersion(functionName, from),
    functions.getVersion(functionName, to),
    policies.read(ENVIRONMENT, functionName, ALIAS),
  ]);
  const appSpec = { functionName, alias: ALIAS, currentVersion: from, targetVersion: to, hooks: {} };
  const record = newRecord({ deployment, appSpec, target, policy: parsePolicy(document!), now: clock.now() });
  await ledger.openRelease(record);
  await joinGroup(ports, record);
  await ledger.changeAlias(functionName, ALIAS, (known) => withOpened(known, record, baseline));
  await ledger.updateRelease(deploymentId, { preTrafficStatus: "Succeeded" });
  if (stage === "guard-time") {
    const closedAt = clock.now().toISOString();
    await ledger.changeAlias(functionName, ALIAS, (known) => promoted(known, record, clock.now()));
    await ledger.updateRelease(deploymentId, { outcome: "promoted", closedAt });
  }
  return deploymentId;
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
