import { Annotations, CfnResource, Stack } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** Version, alias, group, its role, the policy's parameter and seven alarms. */
const ADDED = 12;
/** The function and its role. */
const GUARDED = 2;

/** CloudFormation: resources in a template (CloudFormation quotas, 2026). */
const MAX_RESOURCES = 500;
/** The CDK's own name for another limit, which its error obeys too. */
const LIMIT_CONTEXT = "@aws-cdk/core:stackResourceLimit";
/** The share from which there is a warning, as the CDK has it. */
const NEARLY_FULL = 0.8;

const watched = new WeakSet<Stack>();

/**
 * Says in time when a stack holds too many guarded functions for CloudFormation: a warning from 80 % on with the room
 * that is left, an error with the number to move. The CDK's own error only counts resources by type.
 */
export function watchStackSize(guarded: IConstruct): void {
  const stack = Stack.of(guarded);
  if (watched.has(stack)) return;
  watched.add(stack);
  const limit = Number(guarded.node.tryGetContext(LIMIT_CONTEXT) ?? MAX_RESOURCES);
  if (limit === 0) return;
  const elsewhere = "begin another stack for them; one guard serves functions of any number of stacks";
  // A validation runs once; an aspect would visit every construct of the app.
  stack.node.addValidation({
    validate: () => {
      const count = resourcesOf(stack);
      if (count > limit) {
        const move = Math.ceil((count - limit) / (ADDED + GUARDED));
        return [
          `${stack.stackName} has ${count} resources and CloudFormation allows ${limit}. A guarded function with its ` +
            `role is ${ADDED + GUARDED}, so at least ${move} must leave this stack: ${elsewhere}`,
        ];
      }
      if (count >= NEARLY_FULL * limit) {
        const room = Math.floor((limit - count) / (ADDED + GUARDED));
        Annotations.of(stack).addWarningV2(
          "goaround:stackNearlyFull",
          `${stack.stackName} has ${count} of the ${limit} resources that CloudFormation allows, which leaves room for ` +
            `${room} more guarded functions (${ADDED + GUARDED} resources each, function and role included). Before ` +
            `there are more, ${elsewhere}.`,
        );
      }
      return [];
    },
  });
}

const resourcesOf = (stack: Stack) =>
  stack.node.findAll().filter((node) => CfnResource.isCfnResource(node) && Stack.of(node) === stack).length;
