import type { CfnResource } from "aws-cdk-lib";
import type { GuardedFunction } from "./guarded-function.ts";

/** Which function goes after which: a rolling group is one row. */
const followers = new WeakMap<GuardedFunction, GuardedFunction>();

/**
 * Has the alias of `member` wait for that of `before`. CloudFormation updates it once the deployment of the other one has
 * ended well, and the CDK deploys its stack after the other one's. Throws where that cannot be.
 */
export function rollAfter(member: GuardedFunction, before: GuardedFunction): void {
  const [name, other] = [member.functionName, before.functionName];
  const { releaseGroup } = member.policy;
  if (releaseGroup === undefined || before.policy.releaseGroup !== releaseGroup) {
    const of = (group: string | undefined) => (group === undefined ? "none" : `"${group}"`);
    throw new Error(
      `${name} is to be released after ${other}, but they are of different groups: ${of(releaseGroup)} and ` +
        `${of(before.policy.releaseGroup)}; give both the same \`policy.releaseGroup\``,
    );
  }
  const follower = followers.get(before);
  if (follower) {
    throw new Error(
      `${name} and ${follower.functionName} are both to be released after ${other}; a rolling group releases one ` +
        "function at a time: put one of them after the other",
    );
  }
  followers.set(before, member);
  try {
    aliasOf(member).addResourceDependency(aliasOf(before));
  } catch (error) {
    throw new Error(
      `${name} cannot be released after ${other}: the stack of ${other} is deployed after that of ${name} already. ` +
        "Functions of one stack must follow each other in the row, and no other dependency may go against it " +
        `(${(error as Error).message})`,
      { cause: error },
    );
  }
}

const aliasOf = ({ alias }: GuardedFunction) => alias.node.defaultChild as CfnResource;
