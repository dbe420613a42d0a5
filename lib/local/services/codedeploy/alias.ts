import type { AliasConfiguration, GetProvisionedConcurrencyConfigCommandOutput } from "@aws-sdk/client-lambda";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import type { LambdaAppSpec } from "./appspec.ts";
import { DeploymentFailure, type DeploymentRecord } from "./model.ts";
import { callAsServiceRole } from "./service-role.ts";

const PROVISIONED_POLL_MS = 10_000;

const INVALID_APPSPEC =
  "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is missing or " +
  "has an invalid configuration.";

/** Text recorded in aws/serverless-application-model#291; with equal versions the tail is absent (terraform-aws-lambda#82). */
export const invalidAppSpec = (problem: string) =>
  new DeploymentFailure("INVALID_LAMBDA_CONFIGURATION", problem ? `${INVALID_APPSPEC} ${problem}` : INVALID_APPSPEC);

/** The alias of one deployment, moved with the group's service role. */
export class AliasTraffic {
  private readonly world: World;
  private readonly deployment: DeploymentRecord;
  private readonly spec: LambdaAppSpec;
  private readonly maxAttempts: number;

  constructor(world: World, deployment: DeploymentRecord, spec: LambdaAppSpec, maxAttempts: number) {
    this.world = world;
    this.deployment = deployment;
    this.spec = spec;
    this.maxAttempts = maxAttempts;
  }

  /** What CodeDeploy checks before anything moves; a failure here leaves the alias alone and rolls nothing back. */
  async validate(): Promise<void> {
    if (this.spec.currentVersion === this.spec.targetVersion) throw invalidAppSpec("");
    const alias = await this.read();
    const weights = Object.keys(alias.RoutingConfig?.AdditionalVersionWeights ?? {});
    if (weights.length > 0) {
      throw invalidAppSpec("The Lambda function alias already routes traffic to an additional version.");
    }
    if (alias.FunctionVersion !== this.spec.currentVersion) {
      throw invalidAppSpec("The Lambda function alias version does not match the current version in AppSpec file.");
    }
  }

  /** Mid-shift the alias stays on the current version with a weight for the target (recorded 2026-08-08). */
  async shift(percent: number): Promise<void> {
    if (percent >= 100) await this.moveTo(this.spec.targetVersion);
    else {
      await this.update(this.spec.currentVersion, { [this.spec.targetVersion]: percent / 100 });
    }
    this.deployment.targetWeight = percent / 100;
    this.deployment.lastUpdatedAt = new Date(this.world.clock.now());
  }

  /** All traffic to one version: weights cleared. */
  async moveTo(version: string): Promise<void> {
    await this.update(version, {});
  }

  /** Waits until provisioned concurrency of the alias is ready, where there is any. [inferred] */
  async awaitProvisionedConcurrency(): Promise<void> {
    for (;;) {
      const status = await this.provisionedConcurrencyStatus();
      if (status === undefined || status === "READY") return;
      if (status === "FAILED") {
        throw new DeploymentFailure(
          "INVALID_LAMBDA_CONFIGURATION",
          `Provisioned concurrency of ${this.spec.functionName}:${this.spec.alias} could not be allocated.`,
          { event: "DEPLOYMENT_FAILURE" },
        );
      }
      await this.world.clock.sleep(PROVISIONED_POLL_MS, this.deployment.controller.signal);
    }
  }

  private async provisionedConcurrencyStatus(): Promise<string | undefined> {
    try {
      const output = await this.call<GetProvisionedConcurrencyConfigCommandOutput>("GetProvisionedConcurrencyConfig", {
        FunctionName: this.spec.functionName,
        Qualifier: this.spec.alias,
      });
      return output.Status;
    } catch (error) {
      // Without a configuration there is nothing to wait for; nor is there when Lambda does not know the operation.
      if (error instanceof AwsError && (error.status === 404 || error.status === 501)) return undefined;
      throw error;
    }
  }

  private async read(): Promise<AliasConfiguration> {
    return this.lambda("GetAlias", {});
  }

  private async update(version: string, weights: Record<string, number>): Promise<void> {
    await this.lambda("UpdateAlias", {
      FunctionVersion: version,
      RoutingConfig: { AdditionalVersionWeights: weights },
    });
  }

  private async lambda(operation: string, members: Record<string, unknown>): Promise<AliasConfiguration> {
    try {
      return await this.call<AliasConfiguration>(operation, {
        FunctionName: this.spec.functionName,
        Name: this.spec.alias,
        ...members,
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const missing = error.status === 404;
      throw new DeploymentFailure(
        missing ? "INVALID_LAMBDA_FUNCTION" : "INVALID_LAMBDA_CONFIGURATION",
        `The deployment failed because Lambda ${operation} answered ${error.code}: ${error.message}`,
        operation === "GetAlias" ? {} : { event: "DEPLOYMENT_FAILURE" },
      );
    }
  }

  private call<Output>(operation: string, input: Record<string, unknown>): Promise<Output> {
    return callAsServiceRole<Output>(
      this.world,
      this.deployment,
      { service: "lambda", operation, input },
      this.maxAttempts,
    );
  }
}
