import type { JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceTypes } from "./resource-type.ts";
import { lowerCamel, pick, retag, tagList, text, unlessGone } from "./shared.ts";

const GROUP = [
  "AlarmConfiguration",
  "AutoRollbackConfiguration",
  "DeploymentConfigName",
  "DeploymentStyle",
  "OutdatedInstancesStrategy",
  "ServiceRoleArn",
  "TriggerConfigurations",
];
/** What an update without the property goes back to. */
const GROUP_DEFAULTS: JsonObject = {
  AlarmConfiguration: { Enabled: false, Alarms: [] },
  AutoRollbackConfiguration: { Enabled: false, Events: [] },
  TriggerConfigurations: [],
};

const arn = (context: ProviderContext, resource: string) =>
  `arn:aws:codedeploy:${context.world.region}:${context.world.accountId}:${resource}`;

async function updateTags(ResourceArn: string, before: JsonObject, after: JsonObject, context: ProviderContext) {
  await retag(before.Tags, after.Tags, {
    set: (Tags) => context.call("codedeploy", "TagResource", { ResourceArn, Tags }),
    remove: (TagKeys) => context.call("codedeploy", "UntagResource", { ResourceArn, TagKeys }),
  });
}

export const codeDeployTypes: ResourceTypes = {
  "AWS::CodeDeploy::Application": {
    updatable: ["Tags"],
    createOnly: ["ApplicationName", "ComputePlatform"],
    nameProperty: "ApplicationName",
    async create(properties, context) {
      const applicationName = text(properties.ApplicationName) ?? context.physicalName(100);
      await context.call("codedeploy", "CreateApplication", {
        applicationName,
        computePlatform: text(properties.ComputePlatform),
        tags: tagList(properties.Tags),
      });
      return { physicalId: applicationName };
    },
    async update({ physicalId, properties: before }, properties, context) {
      await updateTags(arn(context, `application:${physicalId}`), before, properties, context);
      return { physicalId };
    },
    delete: ({ physicalId }, context) =>
      unlessGone(context.call("codedeploy", "DeleteApplication", { applicationName: physicalId })),
  },

  "AWS::CodeDeploy::DeploymentGroup": {
    updatable: [...GROUP, "Tags"],
    createOnly: ["ApplicationName", "DeploymentGroupName"],
    nameProperty: "DeploymentGroupName",
    async create(properties, context) {
      const deploymentGroupName = text(properties.DeploymentGroupName) ?? context.physicalName(100);
      await context.call("codedeploy", "CreateDeploymentGroup", {
        ...(lowerCamel(pick(properties, GROUP)) as JsonObject),
        applicationName: text(properties.ApplicationName),
        deploymentGroupName,
        tags: tagList(properties.Tags),
      });
      return { physicalId: deploymentGroupName };
    },
    async update({ physicalId, properties: before }, properties, context) {
      const removed = Object.keys(GROUP_DEFAULTS).filter((name) => before[name] !== undefined);
      await context.call("codedeploy", "UpdateDeploymentGroup", {
        ...(lowerCamel({ ...pick(GROUP_DEFAULTS, removed), ...pick(properties, GROUP) }) as JsonObject),
        applicationName: text(properties.ApplicationName),
        currentDeploymentGroupName: physicalId,
      });
      const name = `deploymentgroup:${text(properties.ApplicationName)}/${physicalId}`;
      await updateTags(arn(context, name), before, properties, context);
      return { physicalId };
    },
    delete: ({ physicalId, properties }, context) =>
      unlessGone(
        context.call("codedeploy", "DeleteDeploymentGroup", {
          applicationName: text(properties.ApplicationName),
          deploymentGroupName: physicalId,
        }),
      ),
  },

  "AWS::CodeDeploy::DeploymentConfig": {
    updatable: [],
    createOnly: [
      "ComputePlatform",
      "DeploymentConfigName",
      "MinimumHealthyHosts",
      "TrafficRoutingConfig",
      "ZonalConfig",
    ],
    nameProperty: "DeploymentConfigName",
    async create(properties, context) {
      const deploymentConfigName = text(properties.DeploymentConfigName) ?? context.physicalName(100);
      await context.call("codedeploy", "CreateDeploymentConfig", {
        ...(lowerCamel(properties) as JsonObject),
        deploymentConfigName,
      });
      return { physicalId: deploymentConfigName };
    },
    delete: ({ physicalId }, context) =>
      unlessGone(context.call("codedeploy", "DeleteDeploymentConfig", { deploymentConfigName: physicalId })),
  },
};
