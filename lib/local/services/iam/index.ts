import type {
  CreateAccessKeyCommandInput,
  CreatePolicyCommandInput,
  CreatePolicyVersionCommandInput,
  CreateUserCommandInput,
  GetPolicyVersionCommandInput,
  ListPoliciesCommandInput,
  Policy,
  User,
} from "@aws-sdk/client-iam";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, Principal, World } from "../../kernel/service.ts";
import { alreadyExists, checkIdentityPolicy, deleteConflict, encodePolicy, noSuchEntity } from "./policies.ts";
import { type RoleRecord, Roles } from "./roles.ts";

/** What other services ask IAM below its API. */
export interface RoleDirectory {
  byArn(arn: string): RoleRecord | undefined;
  /** `AIDA…` for users, `AROA…:session` for assumed roles. */
  uniqueId(principal: Principal): string;
}

export interface IamService extends LocalService, RoleDirectory {
  readonly roles: Roles;
}

interface PolicyRecord {
  name: string;
  path: string;
  arn: string;
  policyId: string;
  description?: string;
  createDate: Date;
  updateDate: Date;
  versions: Map<string, { document: string; createDate: Date }>;
  defaultVersion: string;
  lastVersion: number;
}

/** "A managed policy can have up to 5 versions" (recorded, 2026). */
const MAX_POLICY_VERSIONS = 5;

/** IAM as far as roles, managed policies and users are stored. Nothing is evaluated. */
export function createIam(world: World): IamService {
  const roles = new Roles(world);
  const policies = new Map<string, PolicyRecord>();
  const users = new Map<string, User>();
  const operatorId = roles.uniqueId("AIDA");

  const needPolicy = (arn = "") => {
    const policy = policies.get(arn);
    if (!policy) throw noSuchEntity(`Policy ${arn} was not found.`);
    return policy;
  };
  const needUser = (name = "") => {
    const user = users.get(name);
    if (!user) throw noSuchEntity(`The user with name ${name} cannot be found.`);
    return user;
  };
  const byArn = (arn: string) => [...roles.records.values()].find((role) => role.arn === arn);
  const attachments = (arn: string) => [...roles.records.values()].filter(({ attached }) => attached.has(arn)).length;
  const describe = (policy: PolicyRecord): Policy => ({
    PolicyName: policy.name,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion,
    AttachmentCount: attachments(policy.arn),
    PermissionsBoundaryUsageCount: 0,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: policy.createDate,
    UpdateDate: policy.updateDate,
  });
  // AWS's own managed policies exist without anyone creating them; their documents are not known here.
  const exists = (arn: string) => policies.has(arn) || arn.startsWith("arn:aws:iam::aws:policy/");

  return {
    name: "iam",
    roles,
    byArn,
    uniqueId: (principal) => {
      if (principal.kind !== "role") return operatorId;
      const role = byArn(principal.roleArn ?? "");
      return `${role?.roleId ?? "AROAUNKNOWNROLE000000"}:${principal.arn.split("/").at(-1)}`;
    },
    operations: {
      ...roles.operations(exists),
      CreatePolicy: (input: CreatePolicyCommandInput) => {
        const { PolicyName: name = "", PolicyDocument: document = "", Path: path = "/" } = input;
        const arn = `arn:aws:iam::${world.accountId}:policy${path}${name}`;
        if (policies.has(arn)) {
          throw alreadyExists(`A policy called ${name} already exists. Duplicate names are not allowed.`);
        }
        checkIdentityPolicy(document);
        const createDate = new Date(world.clock.now());
        const policy: PolicyRecord = {
          name,
          path,
          arn,
          policyId: roles.uniqueId("ANPA"),
          description: input.Description,
          createDate,
          updateDate: createDate,
          versions: new Map([["v1", { document, createDate }]]),
          defaultVersion: "v1",
          lastVersion: 1,
        };
        policies.set(arn, policy);
        return { Policy: describe(policy) };
      },
      GetPolicy: ({ PolicyArn }: { PolicyArn?: string }) => ({
        Policy: { ...describe(needPolicy(PolicyArn)), Tags: [] },
      }),
      ListPolicies: ({ PathPrefix = "/" }: ListPoliciesCommandInput) => ({
        Policies: [...policies.values()].filter(({ path }) => path.startsWith(PathPrefix)).map(describe),
        IsTruncated: false,
      }),
      DeletePolicy: ({ PolicyArn }: { PolicyArn?: string }) => {
        const policy = needPolicy(PolicyArn);
        if (attachments(policy.arn) > 0) throw deleteConflict("Cannot delete a policy attached to entities.");
        if (policy.versions.size > 1) {
          throw deleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
          );
        }
        policies.delete(policy.arn);
      },
      CreatePolicyVersion: (input: CreatePolicyVersionCommandInput) => {
        const policy = needPolicy(input.PolicyArn);
        checkIdentityPolicy(input.PolicyDocument ?? "");
        if (policy.versions.size >= MAX_POLICY_VERSIONS) {
          throw new AwsError(
            "LimitExceeded",
            `A managed policy can have up to ${MAX_POLICY_VERSIONS} versions. Before you create a new version, you must delete an existing version.`,
            { status: 409 },
          );
        }
        policy.lastVersion += 1;
        const VersionId = `v${policy.lastVersion}`;
        const createDate = new Date(world.clock.now());
        policy.versions.set(VersionId, { document: input.PolicyDocument ?? "", createDate });
        policy.updateDate = createDate;
        if (input.SetAsDefault) policy.defaultVersion = VersionId;
        const IsDefaultVersion = policy.defaultVersion === VersionId;
        return { PolicyVersion: { VersionId, IsDefaultVersion, CreateDate: createDate } };
      },
      GetPolicyVersion: ({ PolicyArn = "", VersionId = "" }: GetPolicyVersionCommandInput) => {
        const policy = policies.get(PolicyArn);
        const version = policy?.versions.get(VersionId);
        if (!policy || !version) {
          throw noSuchEntity(`Policy ${PolicyArn} version ${VersionId} does not exist or is not attachable.`);
        }
        return {
          PolicyVersion: {
            Document: encodePolicy(version.document),
            VersionId,
            IsDefaultVersion: policy.defaultVersion === VersionId,
            CreateDate: version.createDate,
          },
        };
      },
      ListPolicyVersions: ({ PolicyArn }: { PolicyArn?: string }) => {
        const policy = needPolicy(PolicyArn);
        const Versions = [...policy.versions]
          .map(([VersionId, { createDate }]) => ({
            VersionId,
            IsDefaultVersion: policy.defaultVersion === VersionId,
            CreateDate: createDate,
          }))
          .reverse();
        return { Versions, IsTruncated: false };
      },
      DeletePolicyVersion: ({ PolicyArn, VersionId = "" }: GetPolicyVersionCommandInput) => {
        const policy = needPolicy(PolicyArn);
        if (policy.defaultVersion === VersionId) throw deleteConflict("Cannot delete the default version of a policy.");
        if (!policy.versions.delete(VersionId)) {
          throw noSuchEntity(`Policy ${PolicyArn} version ${VersionId} does not exist or is not attachable.`);
        }
      },
      CreateUser: ({ UserName = "", Path = "/" }: CreateUserCommandInput) => {
        if (users.has(UserName)) throw alreadyExists(`User with name ${UserName} already exists.`);
        const user: User = {
          Path,
          UserName,
          UserId: roles.uniqueId("AIDA"),
          Arn: `arn:aws:iam::${world.accountId}:user${Path}${UserName}`,
          CreateDate: new Date(world.clock.now()),
        };
        users.set(UserName, user);
        return { User: user };
      },
      GetUser: ({ UserName }: { UserName?: string }) => ({ User: needUser(UserName) }),
      DeleteUser: ({ UserName }: { UserName?: string }) => {
        users.delete(needUser(UserName).UserName ?? "");
      },
      ListUsers: () => ({ Users: [...users.values()], IsTruncated: false }),
      CreateAccessKey: ({ UserName }: CreateAccessKeyCommandInput) => {
        const user = needUser(UserName);
        const issued = world.credentials.issue({ arn: user.Arn ?? "", accountId: world.accountId, kind: "user" });
        return {
          AccessKey: {
            UserName,
            AccessKeyId: issued.accessKeyId,
            SecretAccessKey: issued.secretAccessKey,
            Status: "Active",
            CreateDate: new Date(world.clock.now()),
          },
        };
      },
    },
    reset: () => {
      roles.records.clear();
      policies.clear();
      users.clear();
    },
  };
}
