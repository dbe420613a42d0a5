import { parsePolicy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import { describeChange } from "../../../lib/core/json-changes.ts";
import type { PolicyVersion } from "../../../lib/core/operator-ports.ts";
import {
  describeProblem,
  planPolicyRollback,
  policyChanges,
  policyProblems,
  rollbackDescription,
} from "../../../lib/core/release/policy-history.ts";
import { EXIT } from "../exit-codes.ts";
import { readLedger } from "../lookup.ts";
import { DEFAULT_REASON } from "../options.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { recordOrder } from "./record-order.ts";
import { groupProblem, type PolicyPlace, writePolicy } from "./write-policy.ts";

/** The versions that Parameter Store keeps, newest first, each with what it changed. */
export async function policyHistory(session: Session, place: PolicyPlace): Promise<Outcome> {
  const versions = await versionsOf(session, place);
  const entries = versions.map((one, i) => {
    const before = versions[i + 1];
    const { document, at, ...rest } = one;
    return {
      ...rest,
      at: at?.toISOString(),
      inForce: i === 0,
      problems: policyProblems(place, document).map(describeProblem),
      changes: before ? policyChanges(before.document, document) : [],
    };
  });
  for (const { version, at, by, inForce, description, problems, changes } of entries) {
    session.print(`version ${version}${inForce ? " (in force)" : ""}  ${at ?? ""}  ${by ?? ""}  ${description ?? ""}`);
    for (const change of changes) session.print(`  ${describeChange(change)}`);
    if (problems.length > 0) session.print(`  no policy any more: ${problems.join("; ")}`);
  }
  return done(`${versions.length} version(s) are kept`, { ...place, versions: entries });
}

/** One version as it was written: the one that is in force, or the one named. */
export async function showPolicy(session: Session, { at, ...place }: PolicyPlace & { at?: number }): Promise<Outcome> {
  const versions = await versionsOf(session, place);
  const found = at === undefined ? versions[0] : versions.find(({ version }) => version === at);
  if (!found) {
    throw new GoaroundError("version-missing", "operator", `there is no version ${at}`, {
      advice: `Versions ${versions.at(-1)!.version} to ${versions[0].version} are kept.`,
    });
  }
  const problems = policyProblems(place, found.document).map(describeProblem);
  const parsed = parsePolicy(found.document);
  session.print(parsed.ok ? JSON.stringify(parsed.policy, null, 2) : found.document);
  const { document, ...facts } = found;
  const data = { ...place, ...facts, policy: parsed.ok ? parsed.policy : document, problems };
  const what = `version ${found.version}, written ${found.at?.toISOString()} by ${found.by}`;
  if (problems.length === 0) return done(`${what}${found === versions[0] ? ", is in force" : ""}`, data);
  return {
    exitCode: EXIT.notAsExpected,
    code: "policy-invalid",
    message: `${what}, is no policy: ${problems.join("; ")}`,
    advice: `Take an earlier one: goaround policy rollback ${place.functionName} --alias ${place.alias}`,
    data,
  };
}

export interface PolicyRollbackOptions extends PolicyPlace {
  /** Default: the newest version that says something else than what is in force. */
  to?: number;
  force: boolean;
}

/** A policy back to an earlier version: the next release is begun with it, without any deployment of the stack. */
export async function rollbackPolicy(
  session: Session,
  { to, force, ...place }: PolicyRollbackOptions,
): Promise<Outcome> {
  const { functionName, alias } = place;
  const reason = session.options.reason ?? DEFAULT_REASON;
  session.step(1, 3, "look at the versions that are kept");
  const plan = planPolicyRollback(place, await versionsOf(session, place), to);
  if (plan.kind === "nothing") {
    return nothingToDo(`nothing to do: ${plan.why}`, { ...place, version: plan.current.version });
  }
  const { current, changes, policy } = plan;
  const misfit = await groupProblem(session, current.document, policy);
  session.banner("policy back", {
    alias: `${functionName}:${alias}`,
    version: `${current.version} → ${plan.to.version} (${plan.to.at?.toISOString()}, ${plan.to.by})`,
    reason,
    environment: session.environment,
  });
  for (const change of changes) session.print(describeChange(change));
  if (misfit !== undefined && !force) {
    throw new GoaroundError("refused", "operator", `version ${plan.to.version} does not fit: ${misfit}`, {
      advice: "Deploy the strategy that it belongs to, or override with --force.",
    });
  }
  const data = { ...place, from: current.version, to: plan.to.version, changes };
  if (session.options.dryRun) return planned(`would write version ${plan.to.version} again`, data);
  await session.confirm(`Write the policy of version ${plan.to.version} again?`);
  session.step(2, 3, "write and read back");
  const version = await writePolicy(session, place, {
    over: current,
    document: plan.to.document,
    description: rollbackDescription(plan.to.version, reason),
  });
  session.step(3, 3, "record");
  const subject = `${functionName}:${alias} ${current.version} → ${plan.to.version}`;
  const recorded = await recordOrder(session, { action: "policy-rollback", subject, reason });
  const { record } = await readLedger(session, functionName, alias);
  const open = record?.releases?.find(({ outcome }) => outcome === "open");
  const meanwhile = open ? ` Release ${open.deploymentId} goes on with the policy that it began with.` : "";
  return done(
    `the policy of ${functionName}:${alias} is that of version ${plan.to.version} again (as version ${version}); the next release begins with it`,
    { ...data, version, recorded },
    `Change it in the code too: a deployment that changes the policy's parameter, or takes such a change back, writes the template's policy again.${meanwhile}`,
  );
}

async function versionsOf(
  session: Session,
  { functionName, alias }: PolicyPlace,
): Promise<[PolicyVersion, ...PolicyVersion[]]> {
  const { discovery, policyHistory: history } = session.ports;
  const [newest, ...earlier] = await history.versions(session.environment, functionName, alias);
  if (newest) return [newest, ...earlier];
  const guarded = await discovery.guardedAliases(session.environment);
  const near = guarded.filter((one) => one.functionName.endsWith(functionName) || one.functionName === functionName);
  const names = near.map((one) => `${one.functionName}:${one.alias}`).join(" or ");
  throw new GoaroundError(
    "function-missing",
    "operator",
    `${functionName}:${alias} has no policy in environment ${session.environment}`,
    { advice: names ? `Did you mean ${names}?` : "Check the name, --alias, --environment, --region and --profile." },
  );
}
