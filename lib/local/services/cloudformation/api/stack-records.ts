import type { StackStatus } from "@aws-sdk/client-cloudformation";
import type { Principal, RequestContext } from "../../../kernel/service.ts";
import type { Environment } from "../engine/environment.ts";
import { validationError } from "../errors.ts";
import type { Stack } from "../model.ts";

/** Stack statuses that an update may start from. */
export const UPDATABLE_STATUSES: readonly StackStatus[] = [
  "CREATE_COMPLETE",
  "CREATE_FAILED",
  "UPDATE_COMPLETE",
  "UPDATE_FAILED",
  "UPDATE_ROLLBACK_COMPLETE",
];

export function newStack(environment: Environment, name: string): Stack {
  const { world } = environment;
  if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(name)) {
    throw validationError(
      `1 validation error detected: Value '${name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*`,
    );
  }
  return {
    id: `arn:aws:cloudformation:${world.region}:${world.accountId}:stack/${name}/${world.random.uuid()}`,
    name,
    status: "REVIEW_IN_PROGRESS",
    statusReason: undefined,
    definition: undefined,
    stableDefinition: undefined,
    resources: new Map(),
    pending: new Map(),
    outputs: [],
    changeSets: [],
    changeSetId: undefined,
    events: [],
    createdMs: world.clock.now(),
    updatedMs: undefined,
    deletedMs: undefined,
    disableRollback: false,
    terminationProtection: false,
    operation: undefined,
  };
}

/** CloudFormation acts as the role it was given, else as who asked. */
export function actingPrincipal(
  environment: Environment,
  roleArn: string | undefined,
  context: RequestContext,
): Principal {
  if (roleArn === undefined) return context.principal;
  return environment.world.rolePrincipal(roleArn, "AWSCloudFormation", { service: "cloudformation.amazonaws.com" });
}
