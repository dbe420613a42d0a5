import type {
  CreateRoleCommandInput,
  ListRolesCommandInput,
  Role,
  Tag,
  TagRoleCommandInput,
  UntagRoleCommandInput,
  UpdateAssumeRolePolicyCommandInput,
  UpdateRoleCommandInput,
} from "@aws-sdk/client-iam";
import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { type Policies, policyChanges } from "./attachments.ts";
import { alreadyExists, checkTrustPolicy, deleteConflict, encodePolicy, noSuchEntity } from "./policies.ts";

export interface RoleRecord extends Policies {
  name: string;
  path: string;
  arn: string;
  roleId: string;
  createDate: Date;
  trustPolicy: string;
  description?: string;
  maxSessionSeconds: number;
  permissionsBoundary?: string;
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
    checkRole(input);
    if (this.records.has(name)) throw alreadyExists(`Role with name ${name} already exists.`);
    checkTrustPolicy(trustPolicy);
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

  byArn(arn: string): RoleRecord | undefined {
    const role = this.records.get(arn.split("/").at(-1) ?? "");
    return role?.arn === arn ? role : undefined;
  }

  operations(policyExists: (arn: string) => boolean): Record<string, OperationHandler> {
    const policies = policyChanges("role", policyExists);
    const of = ({ RoleName }: { RoleName?: string }) => this.need(RoleName);
    return {
      CreateRole: (input: CreateRoleCommandInput) => ({ Role: describe(this.create(input)) }),
      GetRole: ({ RoleName }: { RoleName?: string }) => ({ Role: describeFully(this.need(RoleName)) }),
      DeleteRole: ({ RoleName }: { RoleName?: string }) => this.delete(RoleName),
      ListRoles: ({ PathPrefix = "/" }: ListRolesCommandInput) => ({
        Roles: [...this.records.values()].filter(({ path }) => path.startsWith(PathPrefix)).map(listed),
        IsTruncated: false,
      }),
      UpdateRole: (input: UpdateRoleCommandInput) => {
        const role = this.need(input.RoleName);
        checkRole(input);
        if (input.Description !== undefined) role.description = input.Description;
        if (input.MaxSessionDuration !== undefined) role.maxSessionSeconds = input.MaxSessionDuration;
        return {};
      },
      UpdateAssumeRolePolicy: ({ RoleName, PolicyDocument = "" }: UpdateAssumeRolePolicyCommandInput) => {
        const role = this.need(RoleName);
        checkTrustPolicy(PolicyDocument);
        role.trustPolicy = PolicyDocument;
      },
      PutRolePolicy: (input) => policies.put(of(input), input),
      GetRolePolicy: (input) => ({ RoleName: input.RoleName, ...policies.get(of(input), input) }),
      DeleteRolePolicy: (input) => policies.delete(of(input), input),
      ListRolePolicies: (input) => policies.list(of(input)),
      AttachRolePolicy: (input) => policies.attach(of(input), input),
      DetachRolePolicy: (input) => policies.detach(of(input), input),
      ListAttachedRolePolicies: (input) => policies.attachments(of(input)),
      TagRole: ({ RoleName, Tags = [] }: TagRoleCommandInput) => {
        const role = this.need(RoleName);
        checkTags(Tags, role.tags.size);
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

const validationError = (message: string) => new AwsError("ValidationError", message);
const violated = (what: string, constraint: string) =>
  validationError(`1 validation error detected: ${what} failed to satisfy constraint: Member must ${constraint}`);

const MAX_TAGS = 50;

/** Codes and texts as recorded (test_role_tag_errors, 2026-02); the name's and the duration's as public reports have them. */
function checkRole({ RoleName = "", MaxSessionDuration, Tags = [] }: Partial<CreateRoleCommandInput>): void {
  if (RoleName.length > 64) throw violated(`Value '${RoleName}' at 'roleName'`, "have length less than or equal to 64");
  if (!/^[\w+=,.@-]+$/.test(RoleName)) {
    throw validationError(
      "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
    );
  }
  const seconds = MaxSessionDuration ?? DEFAULT_SESSION_SECONDS;
  const duration = `Value '${seconds}' at 'maxSessionDuration'`;
  if (seconds < 3600) throw violated(duration, "have value greater than or equal to 3600");
  if (seconds > 43_200) throw violated(duration, "have value less than or equal to 43200");
  checkTags(Tags, 0);
}

function checkTags(tags: readonly Tag[], already: number): void {
  if (tags.length > MAX_TAGS) throw violated("Value at 'tags'", `have length less than or equal to ${MAX_TAGS}`);
  for (const [index, { Key = "", Value = "" }] of tags.entries()) {
    const at = `Value at 'tags.${index + 1}.member`;
    if (Key.length > 128) throw violated(`${at}.key'`, "have length less than or equal to 128");
    if (Value.length > 256) throw violated(`${at}.value'`, "have length less than or equal to 256");
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u.test(Key)) {
      throw violated(`${at}.key'`, "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+");
    }
  }
  if (new Set(tags.map(({ Key = "" }) => Key.toLowerCase())).size < tags.length) {
    throw new AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  }
  if (already + tags.length > MAX_TAGS) {
    throw new AwsError("LimitExceeded", `The number of tags has reached the maximum limit of ${MAX_TAGS}.`, {
      status: 409,
    });
  }
}

function tagsOf(role: RoleRecord): Tag[] {
  return [...role.tags].map(([Key, Value]) => ({ Key, Value }));
}

/** CreateRole leaves out what GetRole tells (recorded, 2026-02). */
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

/** ListRoles tells the session's length and no tags (recorded, test_role_with_tags, 2026-02). */
function listed(role: RoleRecord): Role {
  const { Tags: _, ...described } = describe(role);
  return { ...described, MaxSessionDuration: role.maxSessionSeconds };
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
