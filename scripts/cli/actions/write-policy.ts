import type { Policy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { PolicyVersion } from "../../../lib/core/operator-ports.ts";
import { strategyProblem } from "../../../lib/core/release/policy-history.ts";
import { findGroup } from "../lookup.ts";
import type { Session } from "../session.ts";

export interface PolicyPlace {
  functionName: string;
  alias: string;
}

/** Writes a policy over the version that was looked at, and reads it back. Answers the version that is in force now. */
export async function writePolicy(
  session: Session,
  { functionName, alias }: PolicyPlace,
  change: { over: PolicyVersion; document: string; description: string },
): Promise<number> {
  const { policyHistory } = session.ports;
  const { environment } = session;
  const version = await policyHistory.write({ environment, functionName, alias, ...change });
  session.state = `version ${version} of the policy of ${functionName}:${alias} is written`;
  const [now] = await policyHistory.versions(environment, functionName, alias);
  if (now?.version !== version || now.document !== change.document) {
    throw new GoaroundError(
      "conflict",
      "operator",
      `somebody else writes the policy of ${functionName}:${alias} at the same time: ${now?.by} made version ${now?.version}`,
      { advice: "A stack update perhaps. Look when it has ended, then run the same command again." },
    );
  }
  for (let missed = change.over.version + 1; missed < version; missed += 1) {
    session.warn(
      `somebody else wrote version ${missed} meanwhile; it is replaced. See: goaround policy show ${functionName} --alias ${alias} --at ${missed}`,
    );
  }
  return version;
}

/** What is wrong with a policy for the deployment group as it is; undefined: nothing, or the group is not known. */
export async function groupProblem(session: Session, before: string, after: Policy): Promise<string | undefined> {
  const where = await findGroup(session, after.functionName, after, {});
  const group = where && (await session.ports.deployments.group(where.application, where.group));
  return strategyProblem(before, after, group?.configuration);
}
