/** Two guarded functions that migrate something before each release and announce it after, and take that back. */
import * as lambda from "aws-cdk-lib/aws-lambda";
import { shop } from "./parts/shop.ts";

shop(
  (name) => `-${name}`,
  {},
  false,
  (stack, functionName) => {
    // Not one that the guard may act on: the right to run it comes with the policy.
    const migration = `${functionName.replace("shop-", "orders-")}-migration`;
    new lambda.Function(stack, `${functionName}Migration`, {
      functionName: migration,
      runtime: lambda.Runtime.NODEJS_22_X,
      handler: "index.handler",
      code: lambda.Code.fromInline("exports.handler = async (event) => { console.log(JSON.stringify(event)); };"),
    });
    const step = { function: migration, compensation: migration };
    return { policy: { steps: { before: [{ name: "migrate", ...step }], after: [{ name: "announce", ...step }] } } };
  },
);
