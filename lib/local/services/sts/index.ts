import type {
  AssumeRoleCommandInput,
  AssumeRoleResponse,
  GetAccessKeyInfoCommandInput,
  GetCallerIdentityResponse,
} from "@aws-sdk/client-sts";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, RequestContext, World } from "../../kernel/service.ts";
import type { RoleDirectory } from "../iam/index.ts";

/** ARNs that name something, as far as recordings show (test_sts_invalid_parameters, 2025-07). */
const ARN = /^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/;
const MIN_SECONDS = 900;

/** Security Token Service: who is asking, and temporary credentials that act as a role. Trust policies are not evaluated. */
export function createSts(world: World, roles: RoleDirectory): LocalService {
  return {
    name: "sts",
    operations: {
      GetCallerIdentity: (_input: object, { principal }: RequestContext): GetCallerIdentityResponse => ({
        UserId: roles.uniqueId(principal),
        Account: principal.accountId,
        Arn: principal.arn,
      }),
      GetAccessKeyInfo: (_input: GetAccessKeyInfoCommandInput) => ({ Account: world.accountId }),
      AssumeRole: (input: AssumeRoleCommandInput, context: RequestContext): AssumeRoleResponse => {
        const { RoleArn = "", RoleSessionName = "", DurationSeconds = 3600 } = input;
        checkSessionName(RoleSessionName);
        if (DurationSeconds < MIN_SECONDS) {
          throw invalid(
            "durationSeconds",
            DurationSeconds,
            `Member must have value greater than or equal to ${MIN_SECONDS}`,
          );
        }
        if (RoleArn.length < 20) {
          throw invalid("roleArn", RoleArn, "Member must have length greater than or equal to 20");
        }
        if (!ARN.test(RoleArn)) throw new AwsError("ValidationError", `${RoleArn} is invalid`);
        const role = roles.byArn(RoleArn);
        if (!role) {
          // AWS does not tell a caller whether the role exists.
          const { arn } = context.principal;
          throw new AwsError(
            "AccessDenied",
            `User: ${arn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
            { status: 403 },
          );
        }
        if (DurationSeconds > role.maxSessionSeconds) {
          throw new AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
          );
        }
        const principal = world.rolePrincipal(RoleArn, RoleSessionName);
        const { accessKeyId, secretAccessKey, sessionToken } = world.credentials.issue(principal);
        return {
          Credentials: {
            AccessKeyId: accessKeyId,
            SecretAccessKey: secretAccessKey,
            SessionToken: sessionToken,
            Expiration: new Date(world.clock.now() + DurationSeconds * 1000),
          },
          AssumedRoleUser: { AssumedRoleId: `${role.roleId}:${RoleSessionName}`, Arn: principal.arn },
        };
      },
    },
    reset: () => undefined,
  };
}

/** 2 to 64 characters (STS API reference, AssumeRole, 2025); texts recorded (2025-07, 2026-02). */
function checkSessionName(name: string): void {
  const refuse = (constraint: string) => invalid("roleSessionName", name, constraint);
  if (name.length > 64) throw refuse("Member must have length less than or equal to 64");
  if (name.length < 2) throw refuse("Member must have length greater than or equal to 2");
  if (!/^[\w+=,.@-]*$/.test(name)) {
    throw refuse("Member must satisfy regular expression pattern: [\\w+=,.@-]*");
  }
}

function invalid(member: string, value: string | number, constraint: string): AwsError {
  return new AwsError(
    "ValidationError",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}
