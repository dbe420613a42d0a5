import { isObject, type Json, type JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceTypes } from "./resource-type.ts";
import { changed, jsonText, retag, tagList, text, unlessGone } from "./shared.ts";

const roleNames = (properties: JsonObject): string[] =>
  Array.isArray(properties.Roles) ? properties.Roles.map(String) : [];

const strings = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Inline policies of a role's own `Policies` property, by name. */
function inlinePolicies(properties: JsonObject): Map<string, string> {
  const list = Array.isArray(properties.Policies) ? properties.Policies.filter(isObject) : [];
  return new Map(list.map((policy) => [String(policy.PolicyName), jsonText(policy.PolicyDocument)!]));
}

export const iamTypes: ResourceTypes = {
  "AWS::IAM::Role": {
    updatable: [
      "AssumeRolePolicyDocument",
      "Description",
      "ManagedPolicyArns",
      "MaxSessionDuration",
      "Policies",
      "Tags",
    ],
    createOnly: ["RoleName", "Path", "PermissionsBoundary"],
    nameProperty: "RoleName",
    async create(properties, context) {
      const RoleName = text(properties.RoleName) ?? context.physicalName(64);
      const { Role } = await context.call<{ Role: { Arn: string; RoleId: string } }>("iam", "CreateRole", {
        RoleName,
        Path: text(properties.Path),
        AssumeRolePolicyDocument: jsonText(properties.AssumeRolePolicyDocument),
        Description: text(properties.Description),
        MaxSessionDuration:
          properties.MaxSessionDuration === undefined ? undefined : Number(properties.MaxSessionDuration),
        PermissionsBoundary: text(properties.PermissionsBoundary),
        Tags: properties.Tags === undefined ? undefined : tagList(properties.Tags),
      });
      context.created(RoleName);
      await setRolePolicies(RoleName, {}, properties, context);
      return { physicalId: RoleName, attributes: { Arn: Role.Arn, RoleId: Role.RoleId } };
    },
    async update({ physicalId: RoleName, properties: before, attributes }, properties, context) {
      if (changed(before, properties, ["AssumeRolePolicyDocument"])) {
        const PolicyDocument = jsonText(properties.AssumeRolePolicyDocument);
        await context.call("iam", "UpdateAssumeRolePolicy", { RoleName, PolicyDocument });
      }
      if (changed(before, properties, ["Description", "MaxSessionDuration"])) {
        await context.call("iam", "UpdateRole", {
          RoleName,
          Description: text(properties.Description) ?? "",
          MaxSessionDuration: Number(properties.MaxSessionDuration ?? 3600),
        });
      }
      await setRolePolicies(RoleName, before, properties, context);
      await retag(before.Tags, properties.Tags, {
        set: (Tags) => context.call("iam", "TagRole", { RoleName, Tags }),
        remove: (TagKeys) => context.call("iam", "UntagRole", { RoleName, TagKeys }),
      });
      return { physicalId: RoleName, attributes };
    },
    async delete({ physicalId: RoleName, properties }, context) {
      await setRolePolicies(RoleName, properties, {}, context, unlessGone);
      await unlessGone(context.call("iam", "DeleteRole", { RoleName }));
    },
  },

  "AWS::IAM::Policy": {
    updatable: ["PolicyDocument", "Roles"],
    createOnly: ["PolicyName"],
    async create(properties, context) {
      const physicalId = context.physicalName(64);
      await putOnRoles(properties, context);
      return { physicalId, attributes: { Id: physicalId } };
    },
    async update({ physicalId, properties: before, attributes }, properties, context) {
      await putOnRoles(properties, context);
      const kept = roleNames(properties);
      for (const RoleName of roleNames(before).filter((name) => !kept.includes(name))) {
        await unlessGone(context.call("iam", "DeleteRolePolicy", { RoleName, PolicyName: text(before.PolicyName) }));
      }
      return { physicalId, attributes };
    },
    async delete({ properties }, context) {
      for (const RoleName of roleNames(properties)) {
        await unlessGone(
          context.call("iam", "DeleteRolePolicy", { RoleName, PolicyName: text(properties.PolicyName) }),
        );
      }
    },
  },

  "AWS::IAM::ManagedPolicy": {
    updatable: ["PolicyDocument", "Roles"],
    createOnly: ["ManagedPolicyName", "Path", "Description"],
    nameProperty: "ManagedPolicyName",
    async create(properties, context) {
      const { Policy } = await context.call<{ Policy: { Arn: string; PolicyId: string } }>("iam", "CreatePolicy", {
        PolicyName: text(properties.ManagedPolicyName) ?? context.physicalName(128),
        Path: text(properties.Path),
        Description: text(properties.Description),
        PolicyDocument: jsonText(properties.PolicyDocument),
      });
      context.created(Policy.Arn);
      await attach(Policy.Arn, roleNames(properties), context);
      return { physicalId: Policy.Arn, attributes: { PolicyArn: Policy.Arn, PolicyId: Policy.PolicyId } };
    },
    async update({ physicalId: PolicyArn, properties: before, attributes }, properties, context) {
      if (changed(before, properties, ["PolicyDocument"])) {
        await dropOldVersions(PolicyArn, context);
        const PolicyDocument = jsonText(properties.PolicyDocument);
        await context.call("iam", "CreatePolicyVersion", { PolicyArn, PolicyDocument, SetAsDefault: true });
      }
      const [old, wanted] = [roleNames(before), roleNames(properties)];
      await attach(
        PolicyArn,
        wanted.filter((name) => !old.includes(name)),
        context,
      );
      for (const RoleName of old.filter((name) => !wanted.includes(name))) {
        await unlessGone(context.call("iam", "DetachRolePolicy", { RoleName, PolicyArn }));
      }
      return { physicalId: PolicyArn, attributes };
    },
    async delete({ physicalId: PolicyArn, properties }, context) {
      for (const RoleName of roleNames(properties)) {
        await unlessGone(context.call("iam", "DetachRolePolicy", { RoleName, PolicyArn }));
      }
      await unlessGone(dropOldVersions(PolicyArn, context));
      await unlessGone(context.call("iam", "DeletePolicy", { PolicyArn }));
    },
  },
};

async function setRolePolicies(
  RoleName: string,
  before: JsonObject,
  after: JsonObject,
  context: ProviderContext,
  tolerate: (work: Promise<unknown>) => Promise<unknown> = (work) => work,
): Promise<void> {
  const [oldInline, newInline] = [inlinePolicies(before), inlinePolicies(after)];
  for (const [PolicyName, PolicyDocument] of newInline) {
    if (oldInline.get(PolicyName) === PolicyDocument) continue;
    await context.call("iam", "PutRolePolicy", { RoleName, PolicyName, PolicyDocument });
  }
  for (const PolicyName of oldInline.keys()) {
    if (!newInline.has(PolicyName)) await tolerate(context.call("iam", "DeleteRolePolicy", { RoleName, PolicyName }));
  }
  const [oldManaged, newManaged] = [strings(before.ManagedPolicyArns), strings(after.ManagedPolicyArns)];
  for (const PolicyArn of newManaged.filter((arn) => !oldManaged.includes(arn))) {
    await context.call("iam", "AttachRolePolicy", { RoleName, PolicyArn });
  }
  for (const PolicyArn of oldManaged.filter((arn) => !newManaged.includes(arn))) {
    await tolerate(context.call("iam", "DetachRolePolicy", { RoleName, PolicyArn }));
  }
}

async function putOnRoles(properties: JsonObject, context: ProviderContext): Promise<void> {
  for (const RoleName of roleNames(properties)) {
    const PolicyDocument = jsonText(properties.PolicyDocument);
    await context.call("iam", "PutRolePolicy", { RoleName, PolicyName: text(properties.PolicyName), PolicyDocument });
  }
}

async function attach(PolicyArn: string, names: string[], context: ProviderContext): Promise<void> {
  for (const RoleName of names) await context.call("iam", "AttachRolePolicy", { RoleName, PolicyArn });
}

/** A managed policy holds at most five versions, and cannot be deleted while it has any but the default. */
async function dropOldVersions(PolicyArn: string, context: ProviderContext): Promise<void> {
  const { Versions = [] } = await context.call<{ Versions?: { VersionId?: string; IsDefaultVersion?: boolean }[] }>(
    "iam",
    "ListPolicyVersions",
    { PolicyArn },
  );
  for (const { VersionId } of Versions.filter((version) => !version.IsDefaultVersion)) {
    await context.call("iam", "DeletePolicyVersion", { PolicyArn, VersionId });
  }
}
