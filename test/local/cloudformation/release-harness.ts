import type {
  DescribeStackEventsCommandOutput,
  DescribeStacksCommandOutput,
  Stack,
} from "@aws-sdk/client-cloudformation";
import type { DeploymentInfo, ListDeploymentsOutput } from "@aws-sdk/client-codedeploy";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { createCloudFormation } from "../../../lib/local/services/cloudformation/index.ts";
import { createCodeDeploy } from "../../../lib/local/services/codedeploy/index.ts";
import { createIam } from "../../../lib/local/services/iam/index.ts";
import { createLambda } from "../../../lib/local/services/lambda/index.ts";
import { createSsm } from "../../../lib/local/services/ssm/index.ts";

/** A world with what a guarded alias needs, and no other service. */
export class ReleaseHarness {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly world = new LocalWorld({ clock: this.clock });
  readonly cloudformation: ReturnType<typeof createCloudFormation>;
  readonly lambda = createLambda(this.world);

  constructor(options: Parameters<typeof createCloudFormation>[1] = {}) {
    this.cloudformation = createCloudFormation(this.world, options);
    const codedeploy = createCodeDeploy(this.world);
    for (const service of [
      this.cloudformation,
      this.lambda,
      codedeploy,
      createIam(this.world),
      createSsm(this.world),
    ]) {
      this.world.register(service);
    }
    this.world.install("emitEvent", () => undefined);
    this.world.install("recordMetric", () => undefined);
    this.world.install("writeLogs", () => undefined);
    this.world.install("readObject", () => undefined);
  }

  call<Output>(service: string, operation: string, input: Record<string, unknown>): Promise<Output> {
    return this.world.call<Output>(service, operation, input, this.world.credentials.principalFor(undefined));
  }

  /** Begins a deploy; a shift then waits for the clock. */
  async begin(resources: Record<string, unknown>): Promise<void> {
    const exists = await this.stack().catch(() => undefined);
    await this.call("cloudformation", exists ? "UpdateStack" : "CreateStack", {
      StackName: "app",
      TemplateBody: JSON.stringify({ Resources: resources }),
      Capabilities: ["CAPABILITY_NAMED_IAM"],
    });
  }

  /** Deploys to the end, however long its shift takes. */
  async deploy(resources: Record<string, unknown>): Promise<Stack> {
    await this.begin(resources);
    await this.finish();
    return this.stack();
  }

  async finish(): Promise<void> {
    let settled = false;
    void this.cloudformation.settled("app").then(() => {
      settled = true;
    });
    for (let minutes = 0; minutes < 180; minutes++) {
      await this.clock.settle();
      if (settled) return;
      await this.clock.advanceBy(60_000);
    }
    throw new Error("the stack did not settle within three hours");
  }

  async stack(): Promise<Stack> {
    const { Stacks } = await this.call<DescribeStacksCommandOutput>("cloudformation", "DescribeStacks", {
      StackName: "app",
    });
    return Stacks![0]!;
  }

  async reasons(logicalId: string, status: string): Promise<(string | undefined)[]> {
    const { StackEvents } = await this.call<DescribeStackEventsCommandOutput>("cloudformation", "DescribeStackEvents", {
      StackName: "app",
    });
    return StackEvents!
      .filter((event) => event.LogicalResourceId === logicalId && event.ResourceStatus === status)
      .map((event) => event.ResourceStatusReason);
  }

  alias() {
    const state = this.lambda.getAliasState("orders", "live")!;
    return { version: state.functionVersion, weights: state.weights };
  }

  async versions(): Promise<string[]> {
    const { Versions } = await this.call<{ Versions: { Version: string }[] }>("lambda", "ListVersionsByFunction", {
      FunctionName: "orders",
    });
    return Versions.map(({ Version }) => Version).filter((version) => version !== "$LATEST");
  }

  /** All deployments, oldest first. */
  async deployments(): Promise<DeploymentInfo[]> {
    const { deployments = [] } = await this.call<ListDeploymentsOutput>("codedeploy", "ListDeployments", {});
    const found = await Promise.all(
      deployments.map(async (deploymentId) => {
        const output = await this.call<{ deploymentInfo: DeploymentInfo }>("codedeploy", "GetDeployment", {
          deploymentId,
        });
        return output.deploymentInfo;
      }),
    );
    return found.sort((left, right) => left.createTime!.getTime() - right.createTime!.getTime());
  }
}

/** A function with versions, an alias that CodeDeploy shifts, and the group; `code` decides the version. */
export function guardedFunction(code: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  const version = `Version${code}`;
  const policies = { DeletionPolicy: "RetainExceptOnCreate", UpdateReplacePolicy: "Retain" };
  const trust = (service: string) => ({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: service } }],
  });
  return {
    Role: { Type: "AWS::IAM::Role", Properties: { AssumeRolePolicyDocument: trust("lambda.amazonaws.com") } },
    DeployRole: {
      Type: "AWS::IAM::Role",
      Properties: {
        AssumeRolePolicyDocument: trust("codedeploy.amazonaws.com"),
        ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"],
      },
    },
    Function: {
      Type: "AWS::Lambda::Function",
      Properties: {
        FunctionName: "orders",
        Role: { "Fn::GetAtt": ["Role", "Arn"] },
        Runtime: "nodejs20.x",
        Handler: "index.handler",
        Code: { ZipFile: `exports.handler = async () => "${code}";` },
      },
    },
    [version]: { Type: "AWS::Lambda::Version", Properties: { FunctionName: { Ref: "Function" } }, ...policies },
    Application: {
      Type: "AWS::CodeDeploy::Application",
      Properties: { ApplicationName: "shop", ComputePlatform: "Lambda" },
    },
    Group: {
      Type: "AWS::CodeDeploy::DeploymentGroup",
      Properties: {
        ApplicationName: { Ref: "Application" },
        DeploymentGroupName: "orders-group",
        ServiceRoleArn: { "Fn::GetAtt": ["DeployRole", "Arn"] },
        DeploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
        DeploymentStyle: { DeploymentType: "BLUE_GREEN", DeploymentOption: "WITH_TRAFFIC_CONTROL" },
        AutoRollbackConfiguration: { Enabled: true, Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
      },
    },
    Alias: {
      Type: "AWS::Lambda::Alias",
      Properties: {
        FunctionName: { Ref: "Function" },
        FunctionVersion: { "Fn::GetAtt": [version, "Version"] },
        Name: "live",
      },
      UpdatePolicy: {
        CodeDeployLambdaAliasUpdate: { ApplicationName: { Ref: "Application" }, DeploymentGroupName: { Ref: "Group" } },
      },
    },
    ...extra,
  };
}
