/** Two guarded functions in one stack: what CloudFormation does to the one when the other one fails. */
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

const shop = new Stack(app, `shop-${environmentName}`);
shop.addStackDependency(guardStack);
for (const name of ["checkout", "payments"]) {
  new GuardedFunction(shop, name, {
    guard,
    function: {
      functionName: `shop-${environmentName}-${name}`,
      runtime: lambda.Runtime.NODEJS_22_X,
      handler: "index.handler",
      code: lambda.Code.fromInline("exports.handler = async () => ({ ok: true });"),
    },
  });
}
