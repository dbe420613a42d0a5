import type { AssumeRoleCommandInput } from "@aws-sdk/client-sts";
import { checkAssumeRoleInput } from "../../sts/assume-role-input.ts";
import { anything, type Input, named, needs, type Place, rulesOf } from "./rules.ts";

const entity = (kind: "role" | "user" | "policy", name: string | undefined, { world }: Place, path = "/") =>
  `arn:${world.partition}:iam::${world.accountId}:${kind}${path}${name}`;

/** Of a role that exists, its own ARN, which has its path. */
const onRole = (input: Input, place: Place) =>
  place.read<{ Role?: { Arn?: string } }>("iam", "GetRole", { RoleName: input.RoleName })?.Role?.Arn ??
  entity("role", input.RoleName, place);
const onUser = (input: Input, place: Place) =>
  place.read<{ User?: { Arn?: string } }>("iam", "GetUser", { UserName: input.UserName })?.User?.Arn ??
  entity("user", input.UserName, place);
const onPolicy = named("PolicyArn");

export const iamRules = rulesOf("iam", {
  CreateRole: (input, place) => entity("role", input.RoleName, place, input.Path),
  GetRole: onRole,
  DeleteRole: onRole,
  ListRoles: anything,
  UpdateRole: onRole,
  UpdateAssumeRolePolicy: onRole,
  PutRolePolicy: onRole,
  GetRolePolicy: onRole,
  DeleteRolePolicy: onRole,
  ListRolePolicies: onRole,
  AttachRolePolicy: {
    needs: (input, place) => needs("iam:AttachRolePolicy", onRole(input, place), { "iam:policyarn": input.PolicyArn }),
  },
  DetachRolePolicy: {
    needs: (input, place) => needs("iam:DetachRolePolicy", onRole(input, place), { "iam:policyarn": input.PolicyArn }),
  },
  ListAttachedRolePolicies: onRole,
  TagRole: onRole,
  UntagRole: onRole,
  ListRoleTags: onRole,
  CreatePolicy: (input, place) => entity("policy", input.PolicyName, place, input.Path),
  GetPolicy: onPolicy,
  ListPolicies: anything,
  DeletePolicy: onPolicy,
  CreatePolicyVersion: onPolicy,
  GetPolicyVersion: onPolicy,
  ListPolicyVersions: onPolicy,
  DeletePolicyVersion: onPolicy,
  CreateUser: (input, place) => entity("user", input.UserName, place, input.Path),
  GetUser: onUser,
  DeleteUser: onUser,
  ListUsers: anything,
  CreateAccessKey: onUser,
  PutUserPolicy: onUser,
  GetUserPolicy: onUser,
  DeleteUserPolicy: onUser,
  ListUserPolicies: onUser,
  AttachUserPolicy: onUser,
  DetachUserPolicy: onUser,
  ListAttachedUserPolicies: onUser,
});

export const stsRules = rulesOf("sts", {
  // Needs no right, and cannot be denied (STS API reference, GetCallerIdentity, 2025).
  GetCallerIdentity: { needs: () => [] },
  GetAccessKeyInfo: anything,
  AssumeRole: {
    needs: (input) => {
      checkAssumeRoleInput(input as AssumeRoleCommandInput);
      return needs("sts:AssumeRole", input.RoleArn, {
        "sts:rolesessionname": input.RoleSessionName,
        ...(input.ExternalId !== undefined && { "sts:externalid": input.ExternalId }),
      });
    },
  },
});
