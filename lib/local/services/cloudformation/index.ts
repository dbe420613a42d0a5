import type { LocalService, World } from "../../kernel/service.ts";
import { changeSetOperations } from "./api/change-sets.ts";
import { readingOperations } from "./api/reading.ts";
import { stackOperations } from "./api/stacks.ts";
import { Environment } from "./engine/environment.ts";
import { RESOURCE_TYPES } from "./providers/registry.ts";
import type { ResourceTypes } from "./providers/resource-type.ts";

export interface CloudFormationService extends LocalService {
  /** Resolves when no operation of the stack is under way; with no such stack, at once. */
  settled(stackNameOrId: string): Promise<void>;
}

export interface CloudFormationOptions {
  types?: ResourceTypes;
  /** Whether drift-aware change sets can read aliases; which types AWS can read is not verified. Default true. */
  readsLiveState?: boolean;
}

/** CloudFormation: stacks, change sets and their events over the resource types of `providers/`. */
export function createCloudFormation(world: World, options: CloudFormationOptions = {}): CloudFormationService {
  const environment = new Environment(world, options.types ?? RESOURCE_TYPES, options.readsLiveState);
  return {
    name: "cloudformation",
    operations: {
      ...stackOperations(environment),
      ...changeSetOperations(environment),
      ...readingOperations(environment),
    },
    async settled(stackNameOrId) {
      const stack = environment.stacks.findLast((candidate) => [candidate.name, candidate.id].includes(stackNameOrId));
      while (stack?.operation) await stack.operation.settled;
    },
    reset() {
      for (const stack of environment.stacks) stack.operation?.cancel.abort();
      environment.stacks = [];
    },
  };
}
