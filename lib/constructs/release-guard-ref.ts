import { type CfnResource, Stack } from "aws-cdk-lib";
import type { IConstruct } from "constructs";
import type { GuardHandler } from "../contract/names.ts";

/** The shared guard of an environment, as functions and flags see it: names only, never references. */
export interface IReleaseGuard extends IConstruct {
  readonly environmentName: string;
  /** The CodeDeploy application that holds all groups of the environment. */
  readonly applicationName: string;
  readonly ledgerTableName: string;
  /** Name of the responder's role, in the region of the guard. */
  readonly respondRoleName: string;
  /** … and of the hook before the traffic. */
  readonly preTrafficRoleName: string;
  /** Name prefixes of the functions that the guard may act on; undefined where they are not known here. */
  readonly functionNamePrefixes: readonly string[] | undefined;
  /** What must exist before a guarded function; empty when the guard is only known by name. */
  readonly resources: readonly CfnResource[];
  handlerName(handler: GuardHandler): string;
}

/** Deploys `dependents` after the guard, without an export: by stack where the stacks differ. */
export function dependOnGuard(scope: IConstruct, guard: IReleaseGuard, dependents: readonly CfnResource[]): void {
  if (guard.resources.length === 0) return;
  const own = Stack.of(scope);
  const guards = Stack.of(guard);
  if (own !== guards) {
    own.addStackDependency(guards);
    return;
  }
  for (const dependent of dependents) for (const resource of guard.resources) dependent.addResourceDependency(resource);
}
