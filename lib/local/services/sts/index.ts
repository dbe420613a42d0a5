import type {
  AssumeRoleCommandInput,
  AssumeRoleResponse,
  GetAccessKeyInfoCommandInput,
  GetCallerIdentityResponse,
} from "@aws-sdk/client-sts";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { LocalService, RequestContext, World } from "../../kernel/service.ts";
import type { RoleDirectory } from "../iam/index.ts";
import { checkAssumeRoleInput, DEFAULT_SESSION_SECONDS } from "./assume-role-input.ts";

/** Security Token Service: who is asking, and temporary credentials that act as a role. */
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
        const { RoleArn = "", RoleSessionName = "", DurationSeconds = DEFAULT_SESSION_SECONDS } = input;
        checkAssumeRoleInput(input);
        // A session that may do less than its role would silently may do as much.
        if (input.Policy || input.PolicyArns?.length) throw notImplemented("sts", "AssumeRole", "session policies");
        if (input.Tags?.length) throw notImplemented("sts", "AssumeRole", "session tags");
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
