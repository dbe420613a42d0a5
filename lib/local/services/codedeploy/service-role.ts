import { AwsError } from "../../kernel/errors.ts";
import type { Principal, World } from "../../kernel/service.ts";
import { DeploymentFailure, type DeploymentRecord } from "./model.ts";

/** Names that CodeDeploy's messages use for the services it calls. */
const SERVICE_NAMES: Record<string, string> = { lambda: "AWSLambda", cloudwatch: "AmazonCloudWatch" };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

const isThrottle = (error: AwsError) =>
  error.status === 429 || /Throttl|TooManyRequests|LimitExceeded/.test(error.code);
const isRetryable = (error: AwsError) => isThrottle(error) || (error.status >= 500 && error.status !== 501);

/**
 * Calls a service as the group's service role. Throttles and server faults are tried again with growing waits, at most
 * `maxAttempts` times in all; then the deployment fails (a throttled service role fails the deployment:
 * davidgf/serverless-plugin-canary-deployments#159; number of attempts and code are [inferred]). A missing right fails
 * it with IAM_ROLE_PERMISSIONS at once (aws/serverless-application-model#219). Other errors are thrown as they are.
 */
export async function callAsServiceRole<Output>(
  world: World,
  deployment: DeploymentRecord,
  call: { service: "lambda" | "cloudwatch"; operation: string; input: Record<string, unknown> },
  maxAttempts: number,
): Promise<Output> {
  const roleArn = deployment.group.settings.serviceRoleArn;
  const principal = serviceRolePrincipal(world, deployment);
  for (let attempt = 1; ; attempt++) {
    deployment.controller.signal.throwIfAborted();
    try {
      return await world.call<Output>(call.service, call.operation, call.input, principal);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (/AccessDenied|NotAuthorized|Unauthorized/.test(error.code)) {
        throw new DeploymentFailure("IAM_ROLE_PERMISSIONS", missingRight(roleArn, call.service), {
          event: "DEPLOYMENT_FAILURE",
        });
      }
      if (!isRetryable(error)) throw error;
      if (attempt >= maxAttempts) {
        const throttled = isThrottle(error);
        throw new DeploymentFailure(
          throttled ? "THROTTLED" : "INTERNAL_ERROR",
          `${SERVICE_NAMES[call.service]} ${call.operation} failed ${attempt} times with ${error.code}: ${error.message}`,
          { event: "DEPLOYMENT_FAILURE" },
        );
      }
      const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
      await world.clock.sleep(waitMs, deployment.controller.signal);
    }
  }
}

/**
 * CodeDeploy in the group's service role. It takes the role for the deployment group (CodeDeploy user guide,
 * "Cross-service confused deputy prevention", 2025).
 */
export function serviceRolePrincipal(world: World, deployment: DeploymentRecord): Principal {
  const { applicationName, groupName, group } = deployment;
  return world.rolePrincipal(group.settings.serviceRoleArn, deployment.id, {
    service: "codedeploy.amazonaws.com",
    sourceArn: `arn:${world.partition}:codedeploy:${world.region}:${world.accountId}:deploymentgroup:${applicationName}/${groupName}`,
  });
}

const missingRight = (roleArn: string, service: string) =>
  `The IAM role ${roleArn} does not give you permission to perform operations in the following AWS service: ` +
  `${SERVICE_NAMES[service]}. Contact your AWS administrator if you need help. If you are an AWS administrator, you can ` +
  "grant permissions to your users or groups by creating IAM policies.";
