import { strToU8, zipSync } from "fflate";
import type { AdapterOptions } from "../../lib/adapters/options.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/index.ts";

const ROLE = "arn:aws:iam::111122223333:role/scene";

/** One local AWS for a test file, emptied between scenes. */
export class LocalScene {
  private aws: LocalAws | undefined;
  private readonly startMs: number | undefined;

  constructor(startAt?: string) {
    this.startMs = startAt === undefined ? undefined : Date.parse(startAt);
  }

  async open(): Promise<LocalAws> {
    this.aws ??= await startLocalAws(this.startMs === undefined ? {} : { startMs: this.startMs });
    await this.aws.reset();
    return this.aws;
  }

  async close(): Promise<void> {
    await this.aws?.close();
    this.aws = undefined;
  }
}

export const adapterOptions = (aws: LocalAws): AdapterOptions => ({
  endpoint: aws.endpoint,
  region: aws.world.region,
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});

/** Calls the world below HTTP, as the account's operator: for setting the scene. */
// biome-ignore lint/suspicious/noExplicitAny: scenes read answers of many shapes
export const call = (aws: LocalAws, service: string, operation: string, input: object): Promise<any> =>
  aws.world.call(service, operation, input as Record<string, unknown>, aws.world.credentials.principalFor(undefined));

/** Lets virtual time pass until the work has ended; only while it waits for time, where that can be told. */
export async function drive<T>(
  aws: LocalAws,
  work: Promise<T>,
  stepMs = 1000,
  isWaiting: () => boolean = () => true,
): Promise<T> {
  let isDone = false;
  const finished = work.finally(() => {
    isDone = true;
  });
  finished.catch(() => undefined);
  while (!isDone) {
    if (isWaiting()) await aws.clock.advanceBy(stepMs);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return finished;
}

const zip = (body: string) =>
  zipSync({ "index.mjs": strToU8(`export const handler = async (event, context) => {${body}};`) });

/** A role for functions and for CodeDeploy, which may do all that the scenes need. */
async function serviceRole(aws: LocalAws): Promise<void> {
  const allow = (statement: object) =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });
  const Service = ["lambda.amazonaws.com", "codedeploy.amazonaws.com"];
  await call(aws, "iam", "CreateRole", {
    RoleName: "scene",
    AssumeRolePolicyDocument: allow({ Principal: { Service }, Action: "sts:AssumeRole" }),
  }).catch(() => undefined);
  await call(aws, "iam", "PutRolePolicy", {
    RoleName: "scene",
    PolicyName: "scene",
    PolicyDocument: allow({ Action: ["lambda:*", "cloudwatch:DescribeAlarms"], Resource: "*" }),
  });
}

/** A function with one published version for each body, and alias `live` on version 1. */
export async function publish(aws: LocalAws, functionName: string, bodies: readonly string[]): Promise<void> {
  await serviceRole(aws);
  for (const [i, body] of bodies.entries()) {
    if (i === 0) {
      await call(aws, "lambda", "CreateFunction", {
        FunctionName: functionName,
        Runtime: "nodejs20.x",
        Handler: "index.handler",
        Role: ROLE,
        Code: { ZipFile: zip(body) },
      });
      await aws.clock.advanceBy(1000);
    } else {
      await call(aws, "lambda", "UpdateFunctionCode", { FunctionName: functionName, ZipFile: zip(body) });
      await aws.clock.advanceBy(1000);
    }
    await call(aws, "lambda", "PublishVersion", { FunctionName: functionName });
    await aws.clock.advanceBy(1000);
  }
  await call(aws, "lambda", "CreateAlias", { FunctionName: functionName, Name: "live", FunctionVersion: "1" });
}

/** A group without automatic rollback of its own: what is rolled back was asked to be. */
export async function deploymentGroup(aws: LocalAws, functionName: string): Promise<void> {
  await serviceRole(aws);
  const { applications } = await call(aws, "codedeploy", "ListApplications", {});
  if (!applications?.includes("goaround-dev")) {
    await call(aws, "codedeploy", "CreateApplication", { applicationName: "goaround-dev", computePlatform: "Lambda" });
  }
  await call(aws, "codedeploy", "CreateDeploymentGroup", {
    applicationName: "goaround-dev",
    deploymentGroupName: `${functionName}-deployment-group`,
    serviceRoleArn: ROLE,
    deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
  });
}

/** AppConfig application `flags`, environment `dev`, profile `router` with one flag that is on and deployed. */
export async function flagProfile(aws: LocalAws, values: Record<string, boolean>): Promise<void> {
  const { Id: ApplicationId } = await call(aws, "appconfig", "CreateApplication", { Name: "flags" });
  const { Id: EnvironmentId } = await call(aws, "appconfig", "CreateEnvironment", { ApplicationId, Name: "dev" });
  const { Id: ConfigurationProfileId } = await call(aws, "appconfig", "CreateConfigurationProfile", {
    ApplicationId,
    Name: "router",
    LocationUri: "hosted",
    Type: "AWS.AppConfig.FeatureFlags",
  });
  const names = Object.keys(values);
  const attributes = { limit: { constraints: { type: "number" } } };
  const document = {
    version: "1",
    flags: Object.fromEntries(names.map((name) => [name, { name, attributes }])),
    values: Object.fromEntries(names.map((name) => [name, { enabled: values[name], limit: 7 }])),
  };
  const strategy = (Name: string, minutes: number) =>
    call(aws, "appconfig", "CreateDeploymentStrategy", {
      Name,
      DeploymentDurationInMinutes: minutes,
      FinalBakeTimeInMinutes: minutes,
      GrowthFactor: minutes === 0 ? 100 : 20,
      ReplicateTo: "NONE",
    });
  const { Id: DeploymentStrategyId } = await strategy("goaround-dev-kill", 0);
  await strategy("slow", 10);
  await call(aws, "appconfig", "CreateHostedConfigurationVersion", {
    ApplicationId,
    ConfigurationProfileId,
    Content: new TextEncoder().encode(JSON.stringify(document)),
    ContentType: "application/json",
  });
  await call(aws, "appconfig", "StartDeployment", {
    ApplicationId,
    EnvironmentId,
    ConfigurationProfileId,
    ConfigurationVersion: "1",
    DeploymentStrategyId,
  });
  await aws.clock.advanceBy(60_000);
}

export async function ledgerTable(aws: LocalAws, TableName: string): Promise<void> {
  await call(aws, "dynamodb", "CreateTable", {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "S" },
      { AttributeName: "sk", AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
  });
  await aws.clock.advanceBy(1000);
}
