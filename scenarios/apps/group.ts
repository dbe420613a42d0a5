/** Two guarded functions, a stack each, that are one release group: what becomes of the one when the other one fails. */
import { App, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { GuardedFunction, ReleaseGuard } from "../../lib/constructs/index.ts";

const app = new App();
const environmentName = String(app.node.tryGetContext("env") ?? "dev");
const guardStack = new Stack(app, `goaround-${environmentName}-guard`);
const guard = new ReleaseGuard(guardStack, "Guard", {
  environmentName,
  functionNamePrefixes: [`shop-${environmentName}-`],
  protectLedger: false,
});

for (const name of ["checkout", "payments"]) {
  const stack = new Stack(app, `shop-${environmentName}-${name}`);
  stack.addStackDependency(guardStack);
  new GuardedFunction(stack, name, {
    guard,
    function: {
      functionName: `shop-${environmentName}-${name}`,
      runtime: lambda.Runtime.NODEJS_22_X,
      handler: "index.handler",
      code: lambda.Code.fromInline("exports.handler = async () => ({ ok: true });"),
    },
    policy: { releaseGroup: "shop" },
  });
}
