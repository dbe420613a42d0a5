import { type CfnResource, Token } from "aws-cdk-lib";
import type { CfnAlias, CfnFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";

/** Lambda: 1 to 64 of these (API reference, CreateFunction). */
const FUNCTION_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The function's physical name. Throws when the template leaves it to CloudFormation. */
export function literalFunctionName(fn: LambdaFunction): string {
  const name = (fn.node.defaultChild as CfnFunction).functionName;
  if (name === undefined || Token.isUnresolved(name)) {
    throw new Error(
      `${fn.node.path} has no literal name. Set \`functionName\`: alarms, policy and permissions of a guarded function ` +
        "are found by it, also by the hooks at run time",
    );
  }
  return name;
}

export function checkFunctionName(name: string, prefixes: readonly string[] | undefined): void {
  if (!FUNCTION_NAME.test(name)) {
    throw new Error(`function name "${name}" is not 1 to 64 of A-Z a-z 0-9 _ -`);
  }
  if (prefixes && !prefixes.some((prefix) => name.startsWith(prefix))) {
    throw new Error(
      `function name "${name}" begins with none of the prefixes that the guard may act on (${prefixes.join(", ")}). ` +
        "Rename the function, or add its prefix to the guard's `functionNamePrefixes`",
    );
  }
}

export function checkAlias(name: string): void {
  if (!/^(?!\d+$)[A-Za-z0-9_-]{1,128}$/.test(name)) {
    throw new Error(`alias "${name}" is not 1 to 128 of A-Z a-z 0-9 _ -, with at least one that is no digit`);
  }
}

/** What later code has done to the alias that takes it out of the guard's hands. */
export function templateProblems(alias: CfnAlias, group: CfnResource, groupName: string): string[] {
  const problems: string[] = [];
  if (alias.routingConfig !== undefined) {
    problems.push(
      "the template sets weights on the guarded alias; CodeDeploy owns them and refuses an alias that has any: remove " +
        "`additionalVersions`",
    );
  }
  const update = alias.cfnOptions.updatePolicy?.codeDeployLambdaAliasUpdate;
  if (update?.deploymentGroupName !== groupName) {
    problems.push(
      `something else has taken over the alias' update policy (deployment group ${describe(update?.deploymentGroupName)} ` +
        `in place of "${groupName}" of ${group.node.path}); an alias has one deployment group: remove the other`,
    );
  }
  return problems;
}

const describe = (name: string | undefined) =>
  name === undefined ? "none" : Token.isUnresolved(name) ? "of another construct" : `"${name}"`;
