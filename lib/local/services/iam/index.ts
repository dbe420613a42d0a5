import type { LocalService, Principal, World } from "../../kernel/service.ts";
import { Authorizer } from "./authorization/authorizer.ts";
import type { Identities } from "./authorization/identities.ts";
import { awsManagedPolicy } from "./evaluation/aws-managed-policies.ts";
import { ManagedPolicies } from "./managed-policies.ts";
import { type RoleRecord, Roles } from "./roles.ts";
import { Users } from "./users.ts";

/** What other services ask IAM below its API. */
export interface RoleDirectory {
  byArn(arn: string): RoleRecord | undefined;
  /** `AIDA…` for users, `AROA…:session` for assumed roles. */
  uniqueId(principal: Principal): string;
}

export interface IamService extends LocalService, RoleDirectory {
  readonly roles: Roles;
}

const ADMINISTRATOR = [awsManagedPolicy("arn:aws:iam::aws:policy/AdministratorAccess") ?? ""];

/** IAM: roles, users and policies, and the evaluation of every request against them. */
export function createIam(world: World): IamService {
  const roles = new Roles(world);
  const attachments = (arn: string) =>
    [...roles.records.values(), ...users.records.values()].filter(({ attached }) => attached.has(arn)).length;
  const policies = new ManagedPolicies(world, () => roles.uniqueId("ANPA"), attachments);
  const users = new Users(world, () => roles.uniqueId("AIDA"));
  const operator = world.credentials.principalFor(undefined);
  const operatorId = roles.uniqueId("AIDA");
  const exists = (arn: string) => policies.exists(arn);

  const identities: Identities = {
    uniqueId(principal) {
      if (principal.kind !== "role") return users.byArn(principal.arn)?.user.UserId ?? operatorId;
      const role = roles.byArn(principal.roleArn ?? "");
      return `${role?.roleId ?? "AROAUNKNOWNROLE000000"}:${principal.arn.split("/").at(-1)}`;
    },
    policiesOf(principal) {
      const record = principal.kind === "role" ? roles.byArn(principal.roleArn ?? "") : users.byArn(principal.arn);
      // The person at the terminal is the account's administrator.
      if (!record) return principal.arn === operator.arn ? ADMINISTRATOR : [];
      return [...record.inline.values(), ...[...record.attached].map((arn) => policies.document(arn))];
    },
    boundaryOf(principal) {
      const boundary = roles.byArn(principal.roleArn ?? "")?.permissionsBoundary;
      return boundary === undefined ? undefined : policies.document(boundary);
    },
    tagsOf: (principal) => identities.roleTags(principal.roleArn ?? ""),
    roleTags: (arn) => Object.fromEntries(roles.byArn(arn)?.tags ?? []),
    trustPolicyOf: (arn) => roles.byArn(arn)?.trustPolicy,
  };
  const authorizer = new Authorizer(world, identities);
  world.install("authorize", (request) => authorizer.check(request));

  return {
    name: "iam",
    roles,
    byArn: (arn) => roles.byArn(arn),
    uniqueId: (principal) => identities.uniqueId(principal),
    operations: { ...roles.operations(exists), ...policies.operations(), ...users.operations(exists) },
    reset: () => {
      for (const { records } of [roles, policies, users]) records.clear();
    },
  };
}
