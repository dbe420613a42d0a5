import type { Deployment } from "@aws-sdk/client-appconfig";
import type { JsonObject } from "../template/json.ts";
import {
  type ProviderContext,
  ResourceCancelled,
  ResourceHandlerError,
  type ResourceType,
  type ResourceTypes,
} from "./resource-type.ts";
import { jsonText, pick, retag, tagMap, text, unlessGone } from "./shared.ts";

interface Kind {
  /** `Create…`, `Update…` and `Delete…` of this name. */
  operation: string;
  /** The member of inputs that holds the id, and the attribute of the same meaning. */
  id: string;
  updatable: readonly string[];
  createOnly: readonly string[];
  /** The ARN's part after the account. */
  path(properties: JsonObject, id: string): string;
}

/** Applications, environments, profiles and strategies differ in their names only. */
function simple(kind: Kind): ResourceType {
  const { operation, id, updatable, createOnly } = kind;
  const keys = (properties: JsonObject, physicalId: string) => ({
    ...pick(properties, ["ApplicationId"]),
    [id]: physicalId,
  });
  const described = (physicalId: string) => ({ physicalId, attributes: { [id]: physicalId } });
  return {
    updatable: [...updatable, "Tags"],
    createOnly,
    async create(properties, context) {
      const made = await context.call<{ Id?: string }>("appconfig", `Create${operation}`, {
        ...pick(properties, [...updatable, ...createOnly]),
        ...(properties.Tags === undefined ? {} : { Tags: tagMap(properties.Tags) }),
      });
      return described(made.Id!);
    },
    async update({ physicalId, properties: before }, properties, context) {
      const removed = updatable.filter((name) => before[name] !== undefined && properties[name] === undefined);
      const emptied = Object.fromEntries(removed.map((name) => [name, Array.isArray(before[name]) ? [] : ""]));
      await context.call("appconfig", `Update${operation}`, {
        ...emptied,
        ...pick(properties, updatable),
        ...keys(properties, physicalId),
      });
      const { region, accountId } = context.world;
      const ResourceArn = `arn:aws:appconfig:${region}:${accountId}:${kind.path(properties, physicalId)}`;
      await retag(before.Tags, properties.Tags, {
        set: (tags) => context.call("appconfig", "TagResource", { ResourceArn, Tags: tagMap(tags) }),
        remove: (TagKeys) => context.call("appconfig", "UntagResource", { ResourceArn, TagKeys }),
      });
      return described(physicalId);
    },
    delete: ({ physicalId, properties }, context) =>
      unlessGone(context.call("appconfig", `Delete${operation}`, keys(properties, physicalId))),
  };
}

const HOSTED_VERSION = [
  "ApplicationId",
  "ConfigurationProfileId",
  "ContentType",
  "Description",
  "LatestVersionNumber",
  "VersionLabel",
];
const DEPLOYMENT = [
  "ApplicationId",
  "ConfigurationProfileId",
  "ConfigurationVersion",
  "DeploymentStrategyId",
  "Description",
  "EnvironmentId",
  "KmsKeyIdentifier",
];

export const appConfigTypes: ResourceTypes = {
  "AWS::AppConfig::Application": simple({
    operation: "Application",
    id: "ApplicationId",
    updatable: ["Description", "Name"],
    createOnly: [],
    path: (_properties, id) => `application/${id}`,
  }),
  "AWS::AppConfig::Environment": simple({
    operation: "Environment",
    id: "EnvironmentId",
    updatable: ["Description", "Monitors", "Name"],
    createOnly: ["ApplicationId"],
    path: ({ ApplicationId }, id) => `application/${text(ApplicationId)}/environment/${id}`,
  }),
  "AWS::AppConfig::ConfigurationProfile": simple({
    operation: "ConfigurationProfile",
    id: "ConfigurationProfileId",
    updatable: ["Description", "KmsKeyIdentifier", "Name", "RetrievalRoleArn", "Validators"],
    createOnly: ["ApplicationId", "LocationUri", "Type"],
    path: ({ ApplicationId }, id) => `application/${text(ApplicationId)}/configurationprofile/${id}`,
  }),
  "AWS::AppConfig::DeploymentStrategy": simple({
    operation: "DeploymentStrategy",
    id: "DeploymentStrategyId",
    updatable: ["DeploymentDurationInMinutes", "Description", "FinalBakeTimeInMinutes", "GrowthFactor", "GrowthType"],
    createOnly: ["Name", "ReplicateTo"],
    path: (_properties, id) => `deploymentstrategy/${id}`,
  }),

  "AWS::AppConfig::HostedConfigurationVersion": {
    updatable: [],
    createOnly: [...HOSTED_VERSION, "Content"],
    async create(properties, context) {
      const made = await context.call<{ VersionNumber?: number }>("appconfig", "CreateHostedConfigurationVersion", {
        ...pick(properties, HOSTED_VERSION),
        Content: new TextEncoder().encode(jsonText(properties.Content) ?? ""),
      });
      const version = String(made.VersionNumber);
      return { physicalId: version, attributes: { VersionNumber: version } };
    },
    delete: ({ physicalId, properties }, context) =>
      unlessGone(
        context.call("appconfig", "DeleteHostedConfigurationVersion", {
          ...pick(properties, ["ApplicationId", "ConfigurationProfileId"]),
          VersionNumber: Number(physicalId),
        }),
      ),
  },

  "AWS::AppConfig::Deployment": {
    updatable: ["Tags"],
    createOnly: DEPLOYMENT,
    async create(properties, context) {
      const { DeploymentNumber } = await context.call<{ DeploymentNumber?: number }>("appconfig", "StartDeployment", {
        ...pick(properties, DEPLOYMENT),
        ...(properties.Tags === undefined ? {} : { Tags: tagMap(properties.Tags) }),
      });
      const number = String(DeploymentNumber);
      context.created(number);
      const State = await completed(properties, DeploymentNumber!, context);
      return { physicalId: number, attributes: { DeploymentNumber: number, State } };
    },
    async update({ physicalId, attributes, properties: before }, properties, context) {
      const { region, accountId } = context.world;
      const environment = `application/${text(properties.ApplicationId)}/environment/${text(properties.EnvironmentId)}`;
      const ResourceArn = `arn:aws:appconfig:${region}:${accountId}:${environment}/deployment/${physicalId}`;
      await retag(before.Tags, properties.Tags, {
        set: (tags) => context.call("appconfig", "TagResource", { ResourceArn, Tags: tagMap(tags) }),
        remove: (TagKeys) => context.call("appconfig", "UntagResource", { ResourceArn, TagKeys }),
      });
      return { physicalId, attributes };
    },
    async delete({ physicalId, properties }, context) {
      const target = { ...pick(properties, ["ApplicationId", "EnvironmentId"]), DeploymentNumber: Number(physicalId) };
      const found = await context.call<Deployment>("appconfig", "GetDeployment", target).catch(() => undefined);
      // A finished deployment is history and stays in force; only one under way is stopped. One that bakes is stopped
      // only with AllowRevert (AppConfig API reference, StopDeployment, 2026).
      if (found?.State === "DEPLOYING") await context.call("appconfig", "StopDeployment", target);
      else if (found?.State === "BAKING") {
        await context.call("appconfig", "StopDeployment", { ...target, AllowRevert: true });
      }
    },
  },
};

/** Waits, with the stack, until the deployment has finished and baked [inferred: the resource stabilizes on COMPLETE]. */
async function completed(properties: JsonObject, DeploymentNumber: number, context: ProviderContext): Promise<string> {
  const target = { ...pick(properties, ["ApplicationId", "EnvironmentId"]), DeploymentNumber };
  for (;;) {
    const { State, EventLog } = await context.call<Deployment>("appconfig", "GetDeployment", target);
    if (State === "COMPLETE") return State;
    if (State === "ROLLED_BACK" || State === "REVERTED") {
      throw new ResourceHandlerError(
        `The deployment was rolled back: ${EventLog?.[0]?.Description ?? State}`,
        "NotStabilized",
      );
    }
    try {
      await context.waiting(context.world.clock.sleep(1000, context.signal));
    } catch {
      throw new ResourceCancelled();
    }
  }
}
