import { createHash } from "node:crypto";
import type { CreateDeploymentCommandInput } from "@aws-sdk/client-codedeploy";
import type { AliasConfiguration } from "@aws-sdk/client-lambda";
import { AwsError } from "../../../kernel/errors.ts";
import type { CodeDeployService } from "../../codedeploy/index.ts";
import { isObject, type Json, type JsonObject } from "../template/json.ts";
import { type ProviderContext, ResourceCancelled, ResourceHandlerError, type ResourceType } from "./resource-type.ts";
import { changed, pick, text, unlessGone } from "./shared.ts";

interface AliasUpdatePolicy {
  applicationName: string;
  deploymentGroupName: string;
  hooks: Record<string, string>[];
}

export const lambdaAlias: ResourceType = {
  updatable: ["FunctionVersion", "Description", "RoutingConfig", "ProvisionedConcurrencyConfig"],
  createOnly: ["FunctionName", "Name"],
  nameProperty: "Name",

  async create(properties, context) {
    const made = await context.call<AliasConfiguration>("lambda", "CreateAlias", {
      ...pick(properties, ["FunctionName", "FunctionVersion", "Name", "Description"]),
      ...routing(properties),
    });
    context.created(made.AliasArn!);
    await setProvisionedConcurrency(undefined, properties, context);
    return described(made.AliasArn!);
  },

  async update({ physicalId, properties: before }, properties, context) {
    const target = pick(properties, ["FunctionName", "Name"]);
    const policy = codeDeployPolicy(context.updatePolicy);
    const versionChanged = changed(before, properties, ["FunctionVersion"]);
    const shifted = policy !== undefined && versionChanged;
    if (shifted && !(await isOffFailedVersion(before, context))) await shift(policy, before, properties, context);
    if (!shifted || changed(before, properties, ["Description", "RoutingConfig"])) {
      await context.call("lambda", "UpdateAlias", {
        ...target,
        ...(shifted ? {} : { FunctionVersion: text(properties.FunctionVersion) }),
        Description: text(properties.Description) ?? "",
        ...(changed(before, properties, ["RoutingConfig"]) ? { RoutingConfig: { AdditionalVersionWeights: {} } } : {}),
        ...routing(properties),
      });
    }
    await setProvisionedConcurrency(before, properties, context);
    return described(physicalId);
  },

  read: {
    properties: ["FunctionVersion", "Description", "RoutingConfig"],
    async live({ properties }, context) {
      const live = await context.call<AliasConfiguration>(
        "lambda",
        "GetAlias",
        pick(properties, ["FunctionName", "Name"]),
      );
      const weights = Object.entries(live.RoutingConfig?.AdditionalVersionWeights ?? {});
      return {
        FunctionVersion: live.FunctionVersion!,
        ...(live.Description ? { Description: live.Description } : {}),
        ...(weights.length > 0
          ? {
              RoutingConfig: {
                AdditionalVersionWeights: weights.map(([FunctionVersion, FunctionWeight]) => ({
                  FunctionVersion,
                  FunctionWeight,
                })),
              },
            }
          : {}),
      };
    },
  },

  async delete({ properties }, context) {
    await unlessGone(context.call("lambda", "DeleteAlias", pick(properties, ["FunctionName", "Name"]) as JsonObject));
  },
};

const described = (arn: string) => ({ physicalId: arn, attributes: { AliasArn: arn } });

/** CloudFormation's list of weights is a map in the API. */
function routing(properties: JsonObject) {
  const config = properties.RoutingConfig;
  if (!isObject(config)) return {};
  const weights = Array.isArray(config.AdditionalVersionWeights) ? config.AdditionalVersionWeights : [];
  const entries = weights.filter(isObject).map((item) => [String(item.FunctionVersion), Number(item.FunctionWeight)]);
  return { RoutingConfig: { AdditionalVersionWeights: Object.fromEntries(entries) as Record<string, number> } };
}

async function setProvisionedConcurrency(before: JsonObject | undefined, after: JsonObject, context: ProviderContext) {
  const wanted = after.ProvisionedConcurrencyConfig;
  if (before !== undefined && !changed(before, after, ["ProvisionedConcurrencyConfig"])) return;
  const target = { FunctionName: text(after.FunctionName), Qualifier: text(after.Name) };
  if (isObject(wanted)) {
    const ProvisionedConcurrentExecutions = Number(wanted.ProvisionedConcurrentExecutions);
    await context.call("lambda", "PutProvisionedConcurrencyConfig", { ...target, ProvisionedConcurrentExecutions });
  } else if (before?.ProvisionedConcurrencyConfig !== undefined) {
    await unlessGone(context.call("lambda", "DeleteProvisionedConcurrencyConfig", target));
  }
}

function codeDeployPolicy(updatePolicy: JsonObject | undefined): AliasUpdatePolicy | undefined {
  const policy = updatePolicy?.CodeDeployLambdaAliasUpdate;
  if (!isObject(policy)) return undefined;
  const hook = (event: string, name: Json | undefined) => (name === undefined ? [] : [{ [event]: String(name) }]);
  return {
    applicationName: String(policy.ApplicationName),
    deploymentGroupName: String(policy.DeploymentGroupName),
    hooks: [
      ...hook("BeforeAllowTraffic", policy.BeforeAllowTrafficHook),
      ...hook("AfterAllowTraffic", policy.AfterAllowTrafficHook),
    ],
  };
}

/**
 * Undoing an alias update that failed needs a deployment only when the alias was left on the version that failed. Usually
 * CodeDeploy has put it back; and an alias that was moved by hand before the update stays where it is [inferred].
 */
async function isOffFailedVersion(failed: JsonObject, context: ProviderContext): Promise<boolean> {
  if (!context.undoesFailedUpdate) return false;
  const live = await context.call<AliasConfiguration>("lambda", "GetAlias", pick(failed, ["FunctionName", "Name"]));
  return live.FunctionVersion !== text(failed.FunctionVersion);
}

/** Moves the alias from the recorded version to the new one by a CodeDeploy deployment. */
async function shift(policy: AliasUpdatePolicy, before: JsonObject, after: JsonObject, context: ProviderContext) {
  const codedeploy = context.world.service("codedeploy") as CodeDeployService | undefined;
  if (!codedeploy) throw new Error("This local AWS runs without CodeDeploy, which UpdatePolicy needs");
  const functionName = String(after.FunctionName).split(":").at(-1)!;
  const content = JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [functionName]: {
          Type: "AWS::Lambda::Function",
          Properties: {
            Name: functionName,
            Alias: text(after.Name),
            CurrentVersion: text(before.FunctionVersion),
            TargetVersion: text(after.FunctionVersion),
          },
        },
      },
    ],
    ...(policy.hooks.length > 0 ? { Hooks: policy.hooks } : {}),
  });
  const sha256 = createHash("sha256").update(content).digest("hex");
  const input: CreateDeploymentCommandInput = {
    applicationName: policy.applicationName,
    deploymentGroupName: policy.deploymentGroupName,
    revision: { revisionType: "AppSpecContent", appSpecContent: { content, sha256 } },
  };
  const creator = context.rollback ? "CloudFormationRollback" : "CloudFormation";
  const deploymentId = await createDeployment(codedeploy, { input, creator, externalId: context.stackId });
  await context.waiting(finish(codedeploy, deploymentId, context));
}

async function createDeployment(
  codedeploy: CodeDeployService,
  request: Parameters<CodeDeployService["createDeploymentAs"]>[0],
): Promise<string> {
  try {
    return await codedeploy.createDeploymentAs(request);
  } catch (error) {
    if (error instanceof AwsError && error.code === "DeploymentLimitExceededException") {
      // The words that users of AWS report (aws/serverless-application-model issue 291, 2018).
      throw new ResourceHandlerError("A conflicting deployment is in progress", "ResourceConflict");
    }
    throw error;
  }
}

/**
 * Waits for the deployment and, when it did not succeed, for the rollback that CodeDeploy began, so that the stack's own
 * rollback finds the group free. A cancelled update stops its deployment with rollback [both inferred].
 */
async function finish(codedeploy: CodeDeployService, deploymentId: string, context: ProviderContext): Promise<void> {
  const stop = () => {
    // A deployment that has just ended cannot be stopped, and need not be.
    context.call("codedeploy", "StopDeployment", { deploymentId, autoRollbackEnabled: true }).catch(() => undefined);
  };
  if (context.signal.aborted) stop();
  else context.signal.addEventListener("abort", stop, { once: true });
  const { status, errorCode, message } = await codedeploy.waitForDeployment(deploymentId);
  context.signal.removeEventListener("abort", stop);
  if (status === "Succeeded") return;
  if (context.signal.aborted) throw new ResourceCancelled();
  throw new ResourceHandlerError(
    `CodeDeploy deployment ${deploymentId} ${status === "Stopped" ? "was stopped" : "failed"}: ${message ?? "no reason was given"} (Error code: ${errorCode ?? "UNKNOWN"})`,
    "GeneralServiceException",
  );
}
