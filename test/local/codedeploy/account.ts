import type {
  CreateDeploymentCommandInput,
  CreateDeploymentGroupCommandInput,
  DeploymentInfo,
  LambdaTarget,
} from "@aws-sdk/client-codedeploy";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { type CodeDeployOptions, createCodeDeploy } from "../../../lib/local/services/codedeploy/index.ts";
import { collectEvents, FakeCloudWatch, FakeLambda, FakeSns } from "../support/fake-services.ts";

export const START_MS = Date.UTC(2026, 0, 5, 12);
export const SERVICE_ROLE = "arn:aws:iam::111122223333:role/deployer";
export const SECOND = 1_000;
export const MINUTE = 60_000;

export const APP = "goaround-dev";
export const GROUP = "orders-group";
const ALL_ROLLBACKS = {
  enabled: true,
  events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
} satisfies CreateDeploymentGroupCommandInput["autoRollbackConfiguration"];

export interface AppSpecParts {
  from?: string;
  to?: string;
  hooks?: Record<string, string>[];
}

export const appSpec = ({ from = "1", to = "2", hooks = [] }: AppSpecParts = {}) =>
  JSON.stringify({
    version: 0.0,
    Resources: [
      {
        orders: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: "orders", Alias: "live", CurrentVersion: from, TargetVersion: to },
        },
      },
    ],
    Hooks: hooks,
  });

/** An account with one function `orders`, its alias `live` on version 1, one application and one group. */
export async function anAccount(
  options: CodeDeployOptions & { group?: Partial<CreateDeploymentGroupCommandInput> } = {},
) {
  const { group, ...codeDeployOptions } = options;
  const clock = new VirtualClock(START_MS);
  const world = new LocalWorld({ clock, seed: 7 });
  const lambda = new FakeLambda(world);
  const cloudwatch = new FakeCloudWatch();
  const sns = new FakeSns();
  const codedeploy = createCodeDeploy(world, codeDeployOptions);
  const events = collectEvents(world);
  for (const service of [lambda, cloudwatch, sns, codedeploy]) world.register(service);
  const alias = lambda.setAlias("orders", "live", "1");
  const operator = { arn: "arn:aws:iam::111122223333:user/operator", accountId: "111122223333", kind: "user" as const };
  const call = <Output = Record<string, unknown>>(operation: string, input: object = {}) =>
    world.call<Output>("codedeploy", operation, input as Record<string, unknown>, operator);

  await call("CreateApplication", { applicationName: APP, computePlatform: "Lambda" });
  await call("CreateDeploymentGroup", {
    applicationName: APP,
    deploymentGroupName: GROUP,
    serviceRoleArn: SERVICE_ROLE,
    deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    autoRollbackConfiguration: ALL_ROLLBACKS,
    ...group,
  });

  const deploy = async (parts: AppSpecParts = {}, input: Partial<CreateDeploymentCommandInput> = {}) => {
    const { deploymentId } = await call<{ deploymentId: string }>("CreateDeployment", {
      applicationName: APP,
      deploymentGroupName: GROUP,
      revision: { revisionType: "AppSpecContent", appSpecContent: { content: appSpec(parts) } },
      ...input,
    });
    return deploymentId;
  };
  return {
    clock,
    world,
    lambda,
    cloudwatch,
    sns,
    codedeploy,
    events,
    alias,
    call,
    deploy,
    /** A deployment to `to` that has succeeded, all at once. */
    async released(from: string, to: string) {
      const id = await deploy({ from, to }, { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" });
      await clock.advanceBy(5 * SECOND);
      return id;
    },
    async info(deploymentId: string): Promise<DeploymentInfo> {
      const output = await call<{ deploymentInfo: DeploymentInfo }>("GetDeployment", { deploymentId });
      return output.deploymentInfo;
    },
    async target(deploymentId: string): Promise<LambdaTarget> {
      const output = await call<{ deploymentTarget: { lambdaTarget: LambdaTarget } }>("GetDeploymentTarget", {
        deploymentId,
        targetId: "orders:live",
      });
      return output.deploymentTarget.lambdaTarget;
    },
    async eventStatuses(deploymentId: string): Promise<Record<string, string | undefined>> {
      const target = await this.target(deploymentId);
      return Object.fromEntries((target.lifecycleEvents ?? []).map((e) => [e.lifecycleEventName, e.status]));
    },
  };
}
