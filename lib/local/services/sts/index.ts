import type {
  AssumeRoleCommandInput,
  AssumeRoleResponse,
  GetAccessKeyInfoCommandInput,
  GetCallerIdentityResponse,
} from "@aws-sdk/client-sts";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, RequestContext, World } from "../../kernel/service.ts";
import type { RoleDirectory } from "../iam/index.ts";

/** `\w+=,.@-`, 2 to 64 characters (STS API reference, AssumeRole, 2025). */
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;
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
        if (!SESSION_NAME.test(RoleSessionName)) {
          throw invalid(
            "roleSessionName",
            RoleSessionName,
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
          );
        }
        if (DurationSeconds < MIN_SECONDS) {
          throw invalid(
            "durationSeconds",
            DurationSeconds,
            `Member must have value greater than or equal to ${MIN_SECONDS}`,
          );
        }
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

function invalid(member: string, value: string | number, constraint: string): AwsError {
  return new AwsError(
    "ValidationError",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}
