import type {
  CreateChangeSetCommandInput,
  CreateChangeSetCommandOutput,
  DeleteChangeSetCommandInput,
  DescribeChangeSetCommandInput,
  DescribeChangeSetCommandOutput,
  ExecuteChangeSetCommandInput,
  ListChangeSetsCommandInput,
  ListChangeSetsCommandOutput,
} from "@aws-sdk/client-cloudformation";
import type { OperationHandler, RequestContext } from "../../../kernel/service.ts";
import { readLiveState } from "../engine/drift.ts";
import type { Environment } from "../engine/environment.ts";
import { begin, createStack, updateStack } from "../engine/operations.ts";
import { hasChanges, planChanges, withoutPropertyValues } from "../engine/plan.ts";
import {
  alreadyExists,
  bracketedStackNotFound,
  changeSetNotFound,
  invalidChangeSetStatus,
  validationError,
} from "../errors.ts";
import type { ChangeSet, Stack } from "../model.ts";
import { defineStack } from "./definition.ts";
import { actingPrincipal, newStack, UPDATABLE_STATUSES } from "./stack-records.ts";

type Output<Result> = Promise<Omit<Result, "$metadata">>;

const NO_CHANGES =
  "The submitted information didn't contain changes. Submit different information to create a change set.";

export function changeSetOperations(environment: Environment): Record<string, OperationHandler> {
  return {
    CreateChangeSet: (input: CreateChangeSetCommandInput, context: RequestContext) =>
      createChangeSet(environment, input, context),
    DescribeChangeSet: (input: DescribeChangeSetCommandInput) => describeChangeSet(environment, input),
    ExecuteChangeSet: (input: ExecuteChangeSetCommandInput, context: RequestContext) =>
      executeChangeSet(environment, input, context),
    DeleteChangeSet: (input: DeleteChangeSetCommandInput) => deleteChangeSet(environment, input),
    ListChangeSets: (input: ListChangeSetsCommandInput) => listChangeSets(environment, input),
    // A change set is checked as a whole before it is created: there are no failed events of a change set.
    DescribeEvents: () => ({ OperationEvents: [] }),
    // Hooks are not implemented, so no hook ever failed anything.
    ListHookResults: () => ({ HookResults: [] }),
  };
}

async function createChangeSet(
  environment: Environment,
  input: CreateChangeSetCommandInput,
  context: RequestContext,
): Output<CreateChangeSetCommandOutput> {
  const name = input.ChangeSetName!;
  const type = input.ChangeSetType ?? "UPDATE";
  if (type === "IMPORT" || (input.ResourcesToImport?.length ?? 0) > 0) {
    throw validationError("The local AWS does not implement resource import.");
  }
  const isDriftAware = input.DeploymentMode === "REVERT_DRIFT";
  if (isDriftAware && type !== "UPDATE") {
    throw validationError("The local AWS implements drift-aware change sets (REVERT_DRIFT) for updates only.");
  }
  if (input.ImportExistingResources) {
    throw validationError("The local AWS does not implement ImportExistingResources.");
  }
  const found = environment.find(input.StackName!);
  if (type === "CREATE" && found && found.status !== "REVIEW_IN_PROGRESS") {
    throw validationError(
      `Stack [${found.name}] already exists and cannot be created again with the changeSet [${name}].`,
    );
  }
  if (type === "UPDATE" && (!found || found.status === "REVIEW_IN_PROGRESS")) {
    throw validationError(`Stack [${input.StackName}] does not exist`);
  }
  if (type === "UPDATE" && !UPDATABLE_STATUSES.includes(found!.status)) {
    throw validationError(`Stack:${found!.id} is in ${found!.status} state and can not be updated.`);
  }
  if (
    found?.changeSets.some((changeSet) => changeSet.name === name && changeSet.executionStatus !== "EXECUTE_COMPLETE")
  ) {
    throw alreadyExists(`ChangeSet ${name} cannot be created due to a mismatch with existing attribute: name`);
  }
  const stack = found ?? newStack(environment, input.StackName!);
  const definition = await defineStack(environment, stack, input, actingPrincipal(environment, input.RoleARN, context));
  if (!found) {
    environment.stacks.push(stack);
    environment.setStatus(stack, "REVIEW_IN_PROGRESS", "User Initiated");
  }
  const { world } = environment;
  const live = isDriftAware
    ? await readLiveState(environment, stack, actingPrincipal(environment, input.RoleARN, context))
    : undefined;
  const changes = planChanges(environment, stack, definition, live);
  const changed = hasChanges(stack, definition, changes);
  const changeSet: ChangeSet = {
    id: `arn:aws:cloudformation:${world.region}:${world.accountId}:changeSet/${name}/${world.random.uuid()}`,
    name,
    type,
    description: input.Description,
    definition,
    changes,
    status: changed ? "CREATE_COMPLETE" : "FAILED",
    statusReason: changed ? undefined : NO_CHANGES,
    executionStatus: changed ? "AVAILABLE" : "UNAVAILABLE",
    createdMs: environment.tick(stack),
    includeNestedStacks: input.IncludeNestedStacks ?? false,
    live,
    onStackFailure: input.OnStackFailure,
  };
  stack.changeSets = [...stack.changeSets.filter((other) => other.name !== name), changeSet];
  return { Id: changeSet.id, StackId: stack.id };
}

function findChangeSet(environment: Environment, nameOrId: string, stackName: string | undefined): [Stack, ChangeSet] {
  if (nameOrId.startsWith("arn:")) {
    for (const stack of environment.stacks) {
      const changeSet = stack.changeSets.find((candidate) => candidate.id === nameOrId);
      if (changeSet) return [stack, changeSet];
    }
    throw changeSetNotFound(nameOrId);
  }
  if (stackName === undefined) {
    throw validationError("StackName must be specified if ChangeSetName is not specified as an ARN.");
  }
  const stack = environment.find(stackName);
  if (!stack) throw bracketedStackNotFound(stackName);
  const changeSet = stack.changeSets.find((candidate) => candidate.name === nameOrId);
  if (!changeSet) throw changeSetNotFound(nameOrId);
  return [stack, changeSet];
}

function describeChangeSet(
  environment: Environment,
  input: DescribeChangeSetCommandInput,
): Omit<DescribeChangeSetCommandOutput, "$metadata"> {
  const [stack, changeSet] = findChangeSet(environment, input.ChangeSetName!, input.StackName);
  const { definition } = changeSet;
  const page = paginate(changeSet.changes, input.NextToken, 100);
  return {
    ChangeSetName: changeSet.name,
    ChangeSetId: changeSet.id,
    StackId: stack.id,
    StackName: stack.name,
    Description: changeSet.description,
    Parameters: Object.entries(definition.parameters).map(([ParameterKey, parameter]) => ({
      ParameterKey,
      ParameterValue: parameter.noEcho ? "****" : parameter.given,
      ResolvedValue: parameter.resolved,
    })),
    CreationTime: new Date(changeSet.createdMs),
    ExecutionStatus: changeSet.executionStatus,
    Status: changeSet.status,
    StatusReason: changeSet.statusReason,
    NotificationARNs: definition.notificationArns,
    RollbackConfiguration: definition.rollbackConfiguration,
    Capabilities: definition.capabilities as DescribeChangeSetCommandOutput["Capabilities"],
    Tags: definition.tags.length > 0 ? definition.tags : undefined,
    Changes: input.IncludePropertyValues ? page.items : page.items.map(withoutPropertyValues),
    IncludeNestedStacks: changeSet.includeNestedStacks,
    OnStackFailure: changeSet.onStackFailure,
    ...(changeSet.live === undefined ? {} : { DeploymentMode: "REVERT_DRIFT" as const }),
    NextToken: page.nextToken,
  };
}

async function executeChangeSet(
  environment: Environment,
  input: ExecuteChangeSetCommandInput,
  context: RequestContext,
): Promise<Record<string, never>> {
  const [stack, changeSet] = findChangeSet(environment, input.ChangeSetName!, input.StackName);
  if (changeSet.executionStatus !== "AVAILABLE") {
    throw invalidChangeSetStatus(
      `ChangeSet [${changeSet.id}] cannot be executed in its current ${changeSet.status === "FAILED" ? `status of [FAILED]` : `execution status of [${changeSet.executionStatus}]`}`,
    );
  }
  if (stack.operation) {
    throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`);
  }
  for (const other of stack.changeSets) if (other !== changeSet) other.executionStatus = "OBSOLETE";
  changeSet.executionStatus = "EXECUTE_IN_PROGRESS";
  stack.changeSetId = changeSet.id;
  const kind = changeSet.type === "CREATE" ? "create" : "update";
  const options = {
    disableRollback: input.DisableRollback ?? false,
    onFailure: changeSet.onStackFailure ?? ("ROLLBACK" as const),
  };
  const principal = actingPrincipal(environment, changeSet.definition.roleArn, context);
  const { answered } = begin(environment, stack, kind, principal, async (run) => {
    stack.updatedMs = environment.tick(stack);
    takeLiveState(stack, changeSet.live);
    const work = kind === "create" ? createStack : updateStack;
    await work(run, changeSet.definition, options);
    const complete = stack.status === "CREATE_COMPLETE" || stack.status === "UPDATE_COMPLETE";
    changeSet.executionStatus = complete ? "EXECUTE_COMPLETE" : "EXECUTE_FAILED";
  });
  await answered;
  return {};
}

/**
 * A drift-aware update starts from what is live: a failure restores "their actual pre-deployment state" (user guide,
 * "Using drift-aware change sets", 2025).
 */
function takeLiveState(stack: Stack, live: ChangeSet["live"]): void {
  for (const [logicalId, properties] of live ?? []) {
    const record = stack.resources.get(logicalId);
    if (record) record.properties = properties;
  }
}

function deleteChangeSet(environment: Environment, input: DeleteChangeSetCommandInput): Record<string, never> {
  const name = input.ChangeSetName!;
  if (!name.startsWith("arn:")) {
    if (input.StackName === undefined) {
      throw validationError("StackName must be specified if ChangeSetName is not specified as an ARN.");
    }
    if (!environment.find(input.StackName)) throw bracketedStackNotFound(input.StackName);
  }
  for (const stack of environment.stacks) {
    const owned = name.startsWith("arn:") || stack === environment.find(input.StackName ?? "");
    if (!owned) continue;
    const changeSet = stack.changeSets.find((candidate) => candidate.id === name || candidate.name === name);
    if (changeSet?.executionStatus === "EXECUTE_IN_PROGRESS") {
      throw invalidChangeSetStatus(
        `ChangeSet [${changeSet.id}] cannot be deleted in its current execution status of [EXECUTE_IN_PROGRESS]`,
      );
    }
    stack.changeSets = stack.changeSets.filter((candidate) => candidate !== changeSet);
  }
  return {};
}

function listChangeSets(
  environment: Environment,
  input: ListChangeSetsCommandInput,
): Omit<ListChangeSetsCommandOutput, "$metadata"> {
  const stack = environment.find(input.StackName!);
  if (!stack) throw bracketedStackNotFound(input.StackName!);
  return {
    Summaries: stack.changeSets.map((changeSet) => ({
      StackId: stack.id,
      StackName: stack.name,
      ChangeSetId: changeSet.id,
      ChangeSetName: changeSet.name,
      ExecutionStatus: changeSet.executionStatus,
      Status: changeSet.status,
      StatusReason: changeSet.statusReason,
      CreationTime: new Date(changeSet.createdMs),
      Description: changeSet.description,
      IncludeNestedStacks: changeSet.includeNestedStacks,
    })),
  };
}

/** Pages by index; the token is the index of the next item. */
export function paginate<Item>(items: readonly Item[], token: string | undefined, size: number) {
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0) throw validationError("Invalid NextToken.");
  const next = from + size;
  return { items: items.slice(from, next), nextToken: next < items.length ? String(next) : undefined };
}
