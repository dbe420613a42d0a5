import type {
  AttachRolePolicyCommandInput,
  CreateRoleCommandInput,
  DeleteRolePolicyCommandInput,
  GetRolePolicyCommandInput,
  ListRolesCommandInput,
  PutRolePolicyCommandInput,
  Role,
  Tag,
  TagRoleCommandInput,
  UntagRoleCommandInput,
  UpdateAssumeRolePolicyCommandInput,
  UpdateRoleCommandInput,
} from "@aws-sdk/client-iam";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { alreadyExists, deleteConflict, encodePolicy, noSuchEntity, parsePolicy } from "./policies.ts";

export interface RoleRecord {
  name: string;
  path: string;
  arn: string;
  roleId: string;
  createDate: Date;
  trustPolicy: string;
  description?: string;
  maxSessionSeconds: number;
  permissionsBoundary?: string;
  inline: Map<string, string>;
  attached: Set<string>;
  tags: Map<string, string>;
}

const ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DEFAULT_SESSION_SECONDS = 3600;

export class Roles {
  readonly records = new Map<string, RoleRecord>();
  private readonly world: World;
  private readonly random;

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork("iam");
  }

  uniqueId(prefix: "AROA" | "AIDA" | "ANPA"): string {
    return prefix + this.random.text(17, ID_ALPHABET);
  }

  need(name: string | undefined): RoleRecord {
    const role = this.records.get(name ?? "");
    if (!role) throw noSuchEntity(`The role with name ${name} cannot be found.`);
    return role;
  }

  create(input: CreateRoleCommandInput): RoleRecord {
    const { RoleName: name = "", AssumeRolePolicyDocument: trustPolicy = "", Path: path = "/" } = input;
    if (this.records.has(name)) throw alreadyExists(`Role with name ${name} already exists.`);
    parsePolicy(trustPolicy);
    const role: RoleRecord = {
      name,
      path,
      arn: `arn:aws:iam::${this.world.accountId}:role${path}${name}`,
      roleId: this.uniqueId("AROA"),
      createDate: new Date(this.world.clock.now()),
      trustPolicy,
      description: input.Description,
      maxSessionSeconds: input.MaxSessionDuration ?? DEFAULT_SESSION_SECONDS,
      permissionsBoundary: input.PermissionsBoundary,
      inline: new Map(),
      attached: new Set(),
      tags: new Map((input.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value])),
    };
    this.records.set(name, role);
    return role;
  }

  delete(name: string | undefined): void {
    const role = this.need(name);
    if (role.attached.size > 0) throw deleteConflict("Cannot delete entity, must detach all policies first.");
    if (role.inline.size > 0) throw deleteConflict("Cannot delete entity, must delete policies first.");
    this.records.delete(role.name);
  }

  operations(policyExists: (arn: string) => boolean): Record<string, OperationHandler> {
    return {
      CreateRole: (input: CreateRoleCommandInput) => ({ Role: describe(this.create(input)) }),
      GetRole: ({ RoleName }: { RoleName?: string }) => ({ Role: describeFully(this.need(RoleName)) }),
      DeleteRole: ({ RoleName }: { RoleName?: string }) => this.delete(RoleName),
      ListRoles: ({ PathPrefix = "/" }: ListRolesCommandInput) => ({
        Roles: [...this.records.values()].filter(({ path }) => path.startsWith(PathPrefix)).map(describe),
        IsTruncated: false,
      }),
      UpdateRole: (input: UpdateRoleCommandInput) => {
        const role = this.need(input.RoleName);
        if (input.Description !== undefined) role.description = input.Description;
        if (input.MaxSessionDuration !== undefined) role.maxSessionSeconds = input.MaxSessionDuration;
        return {};
      },
      UpdateAssumeRolePolicy: ({ RoleName, PolicyDocument = "" }: UpdateAssumeRolePolicyCommandInput) => {
        const role = this.need(RoleName);
        parsePolicy(PolicyDocument);
        role.trustPolicy = PolicyDocument;
      },
      PutRolePolicy: ({ RoleName, PolicyName = "", PolicyDocument = "" }: PutRolePolicyCommandInput) => {
        const role = this.need(RoleName);
        parsePolicy(PolicyDocument);
        role.inline.set(PolicyName, PolicyDocument);
      },
      GetRolePolicy: ({ RoleName, PolicyName = "" }: GetRolePolicyCommandInput) => {
        const document = this.need(RoleName).inline.get(PolicyName);
        if (document === undefined) throw noSuchEntity(`The role policy with name ${PolicyName} cannot be found.`);
        return { RoleName, PolicyName, PolicyDocument: encodePolicy(document) };
      },
      DeleteRolePolicy: ({ RoleName, PolicyName = "" }: DeleteRolePolicyCommandInput) => {
        if (this.need(RoleName).inline.delete(PolicyName)) return;
        throw noSuchEntity(`The role policy with name ${PolicyName} cannot be found.`);
      },
      ListRolePolicies: ({ RoleName }: { RoleName?: string }) => ({
        PolicyNames: [...this.need(RoleName).inline.keys()],
        IsTruncated: false,
      }),
      AttachRolePolicy: ({ RoleName, PolicyArn = "" }: AttachRolePolicyCommandInput) => {
        const role = this.need(RoleName);
        if (!policyExists(PolicyArn)) throw noSuchEntity(`Policy ${PolicyArn} does not exist or is not attachable.`);
        role.attached.add(PolicyArn);
      },
      DetachRolePolicy: ({ RoleName, PolicyArn = "" }: AttachRolePolicyCommandInput) => {
        if (!this.need(RoleName).attached.delete(PolicyArn)) throw noSuchEntity(`Policy ${PolicyArn} was not found.`);
      },
      ListAttachedRolePolicies: ({ RoleName }: { RoleName?: string }) => ({
        AttachedPolicies: [...this.need(RoleName).attached].map((PolicyArn) => ({
          PolicyArn,
          PolicyName: PolicyArn.split("/").at(-1),
        })),
        IsTruncated: false,
      }),
      TagRole: ({ RoleName, Tags = [] }: TagRoleCommandInput) => {
        const role = this.need(RoleName);
        for (const { Key = "", Value = "" } of Tags) role.tags.set(Key, Value);
      },
      UntagRole: ({ RoleName, TagKeys = [] }: UntagRoleCommandInput) => {
        const role = this.need(RoleName);
        for (const key of TagKeys) role.tags.delete(key);
      },
      ListRoleTags: ({ RoleName }: { RoleName?: string }) => ({
        Tags: tagsOf(this.need(RoleName)),
        IsTruncated: false,
      }),
    };
  }
}

function tagsOf(role: RoleRecord): Tag[] {
  return [...role.tags].map(([Key, Value]) => ({ Key, Value }));
}

/** CreateRole and ListRoles leave out what only GetRole tells (recorded, 2026). */
function describe(role: RoleRecord): Role {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: role.createDate,
    AssumeRolePolicyDocument: encodePolicy(role.trustPolicy),
    Description: role.description,
    Tags: role.tags.size > 0 ? tagsOf(role) : undefined,
  };
}

function describeFully(role: RoleRecord): Role {
  const boundary = role.permissionsBoundary;
  return {
    ...describe(role),
    MaxSessionDuration: role.maxSessionSeconds,
    PermissionsBoundary: boundary
      ? { PermissionsBoundaryType: "PermissionsBoundaryPolicy", PermissionsBoundaryArn: boundary }
      : undefined,
    RoleLastUsed: {},
  };
}
