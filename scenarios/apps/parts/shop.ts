import { App, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import {
  GuardedFunction,
  type GuardedFunctionProps,
  ReleaseGuard,
  type ReleaseGuardProps,
} from "../../../lib/constructs/index.ts";

/**
 * A shop of two guarded functions and their guard. `stackOf`: what follows `shop-<environment>` in a function's stack's name;
 * `isRolling`: the second is released after the first; `more`: what else a function has; `names`: of the functions;
 * `ofGuard`: what else their guard has.
 */
export function shop(
  stackOf: (functionName: string) => string,
  policy: GuardedFunctionProps["policy"] = {},
  isRolling = false,
  more: (stack: Stack, functionName: string) => Partial<GuardedFunctionProps> = () => ({}),
  names: readonly string[] = ["checkout", "payments"],
  ofGuard: Partial<ReleaseGuardProps> = {},
): void {
  const app = new App();
  const environmentName = String(app.node.tryGetContext("env") ?? "dev");
  const guardStack = new Stack(app, `goaround-${environmentName}-guard`);
  const guard = new ReleaseGuard(guardStack, "Guard", {
    environmentName,
    functionNamePrefixes: [`shop-${environmentName}-`],
    protectLedger: false,
    ...ofGuard,
  });
  const stacks = new Map<string, Stack>();
  let before: GuardedFunction | undefined;
  for (const name of names) {
    const id = `shop-${environmentName}${stackOf(name)}`;
    const stack = stacks.get(id) ?? new Stack(app, id);
    stacks.set(id, stack);
    stack.addStackDependency(guardStack);
    before = new GuardedFunction(stack, name, {
      guard,
      ...(isRolling && before ? { releaseAfter: before } : {}),
      function: {
        functionName: `shop-${environmentName}-${name}`,
        runtime: lambda.Runtime.NODEJS_22_X,
        handler: "index.handler",
        code: lambda.Code.fromInline("exports.handler = async () => ({ ok: true });"),
      },
      policy,
      ...more(stack, `shop-${environmentName}-${name}`),
    });
  }
}
