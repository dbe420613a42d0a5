import type {
  CancelUpdateStackCommandInput,
  ContinueUpdateRollbackCommandInput,
  CreateStackCommandInput,
  CreateStackCommandOutput,
  DeleteStackCommandInput,
  RollbackStackCommandInput,
  UpdateStackCommandInput,
  UpdateStackCommandOutput,
  UpdateTerminationProtectionCommandInput,
} from "@aws-sdk/client-cloudformation";
import type { OperationHandler, RequestContext } from "../../../kernel/service.ts";
import type { Environment } from "../engine/environment.ts";
import {
  begin,
  createStack,
  deleteStack,
  rollbackCreation,
  rollbackUpdate,
  updateStack,
} from "../engine/operations.ts";
import { hasChanges, planChanges } from "../engine/plan.ts";
import { alreadyExists, stackNotFound, validationError } from "../errors.ts";
import type { Stack } from "../model.ts";
import { defineStack } from "./definition.ts";
import { actingPrincipal, newStack, UPDATABLE_STATUSES } from "./stack-records.ts";

export function stackOperations(environment: Environment): Record<string, OperationHandler> {
  const existing = (name: string | undefined): Stack => {
    const stack = environment.find(name ?? "");
    if (!stack) throw stackNotFound(name ?? "");
    return stack;
  };

  return {
    async CreateStack(
      input: CreateStackCommandInput,
      context: RequestContext,
    ): Promise<Omit<CreateStackCommandOutput, "$metadata">> {
      const found = environment.find(input.StackName!);
      if (found && found.status !== "REVIEW_IN_PROGRESS") throw alreadyExists(`Stack [${found.name}] already exists`);
      const stack = found ?? newStack(environment, input.StackName!);
      const principal = actingPrincipal(environment, input.RoleARN, context);
      const definition = await defineStack(environment, stack, input, principal);
      if (!found) environment.stacks.push(stack);
      for (const changeSet of stack.changeSets) changeSet.executionStatus = "OBSOLETE";
      stack.terminationProtection = input.EnableTerminationProtection ?? false;
      const options = {
        disableRollback: input.DisableRollback ?? false,
        onFailure: input.OnFailure ?? ("ROLLBACK" as const),
      };
      const { answered } = begin(environment, stack, "create", principal, (run) =>
        createStack(run, definition, options),
      );
      await answered;
      return { StackId: stack.id };
    },

    async UpdateStack(
      input: UpdateStackCommandInput,
      context: RequestContext,
    ): Promise<Omit<UpdateStackCommandOutput, "$metadata">> {
      const stack = environment.find(input.StackName!);
      if (!stack || stack.status === "REVIEW_IN_PROGRESS")
        throw validationError(`Stack [${input.StackName}] does not exist`);
      if (stack.operation || !UPDATABLE_STATUSES.includes(stack.status)) {
        throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`);
      }
      const principal = actingPrincipal(environment, input.RoleARN ?? stack.definition?.roleArn, context);
      const definition = await defineStack(environment, stack, input, principal);
      if (!hasChanges(stack, definition, planChanges(environment, stack, definition))) {
        throw validationError("No updates are to be performed.");
      }
      const options = { disableRollback: input.DisableRollback ?? false, onFailure: "ROLLBACK" as const };
      const { answered } = begin(environment, stack, "update", principal, (run) =>
        updateStack(run, definition, options),
      );
      await answered;
      return { StackId: stack.id };
    },

    async DeleteStack(input: DeleteStackCommandInput, context: RequestContext): Promise<Record<string, never>> {
      // Deleting a stack that does not exist succeeds (CloudFormation API reference, DeleteStack).
      const stack = environment.find(input.StackName!);
      if (!stack || stack.status === "DELETE_COMPLETE") return {};
      if (stack.terminationProtection) {
        throw validationError(`Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`);
      }
      if (stack.operation?.kind === "delete") return {};
      if (stack.operation && stack.operation.kind !== "create") {
        throw validationError(`Stack [${stack.id}] cannot be deleted while in status ${stack.status}`);
      }
      const retain = input.RetainResources ?? [];
      if (retain.length > 0 && stack.status !== "DELETE_FAILED") {
        throw validationError(
          "Invalid operation on stack. RetainResources is only valid for stacks in DELETE_FAILED state.",
        );
      }
      stack.operation?.cancel.abort();
      const previous = stack.operation?.settled;
      const principal = actingPrincipal(environment, input.RoleARN ?? stack.definition?.roleArn, context);
      const { answered } = begin(environment, stack, "delete", principal, async (run) => {
        await previous;
        await deleteStack(run, { retain });
      });
      await answered;
      return {};
    },

    async CancelUpdateStack(input: CancelUpdateStackCommandInput): Promise<Record<string, never>> {
      const stack = existing(input.StackName);
      if (stack.status !== "UPDATE_IN_PROGRESS") {
        throw validationError("CancelUpdateStack cannot be called from current stack status");
      }
      stack.operation?.cancel.abort();
      return {};
    },

    async RollbackStack(input: RollbackStackCommandInput, context: RequestContext) {
      const stack = existing(input.StackName);
      const principal = actingPrincipal(environment, input.RoleARN ?? stack.definition?.roleArn, context);
      const work =
        stack.status === "CREATE_FAILED"
          ? rollbackCreation
          : stack.status === "UPDATE_FAILED"
            ? rollbackUpdate
            : undefined;
      if (!work) throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not be rolled back.`);
      const { answered } = begin(environment, stack, "rollback", principal, (run) => work(run, "User Initiated"));
      await answered;
      return { StackId: stack.id };
    },

    async ContinueUpdateRollback(
      input: ContinueUpdateRollbackCommandInput,
      context: RequestContext,
    ): Promise<Record<string, never>> {
      const stack = existing(input.StackName);
      if (stack.status !== "UPDATE_ROLLBACK_FAILED") {
        throw validationError(`Stack:${stack.id} is in ${stack.status} state and can not continue update rollback.`);
      }
      const principal = actingPrincipal(environment, input.RoleARN ?? stack.definition?.roleArn, context);
      const skip = input.ResourcesToSkip ?? [];
      const { answered } = begin(environment, stack, "rollback", principal, (run) =>
        rollbackUpdate(run, "User Initiated", skip),
      );
      await answered;
      return {};
    },

    UpdateTerminationProtection(input: UpdateTerminationProtectionCommandInput) {
      const stack = existing(input.StackName);
      stack.terminationProtection = input.EnableTerminationProtection ?? false;
      return { StackId: stack.id };
    },
  };
}
