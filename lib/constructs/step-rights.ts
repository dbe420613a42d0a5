import type { CfnResource } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Policy } from "../contract/policy.ts";
import { stackArn } from "./arns.ts";
import { policyDocument } from "./least-privilege-role.ts";
import { dependOnGuard, type IReleaseGuard } from "./release-guard-ref.ts";

/** The guard's right to run the functions that a policy's steps name, and no other: each for whoever runs it. */
export function stepRights(
  scope: Construct,
  guard: IReleaseGuard,
  { functionName, alias, steps }: Policy,
): CfnResource[] {
  if (!steps) return [];
  const { before, after } = steps;
  const compensations = [...before, ...after].flatMap(({ compensation }) => compensation ?? []);
  const rights = [
    { id: "StepRightsBefore", role: guard.preTrafficRoleName, functions: before.map((step) => step.function) },
    {
      id: "StepRights",
      role: guard.respondRoleName,
      functions: [...after.map((step) => step.function), ...compensations],
    },
  ];
  return rights.flatMap(({ id, role, functions }) => {
    if (functions.length === 0) return [];
    const policy = new iam.CfnPolicy(scope, id, {
      policyName: `goaround-steps-${functionName}.${alias}`.slice(0, 128),
      policyDocument: policyDocument([
        {
          actions: ["lambda:InvokeFunction"],
          resources: [...new Set(functions)].map((name) => functionArn(scope, name)),
        },
      ]),
      roles: [role],
    });
    dependOnGuard(scope, guard, [policy]);
    return [policy];
  });
}

/** Of exactly what is invoked: what has no alias runs as it is now. */
const functionArn = (scope: Construct, name: string) =>
  stackArn(scope, "lambda", `function:${name.includes(":") ? name : `${name}:$LATEST`}`);
