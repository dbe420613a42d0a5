import { ALL_AT_ONCE } from "../../contract/names.ts";
import { type Policy, type PolicyProblem, parsePolicy } from "../../contract/policy.ts";
import { GoaroundError } from "../errors.ts";
import { type Change, changesBetween } from "../json-changes.ts";
import type { PolicyVersion } from "../operator-ports.ts";

/** Parameter Store takes 1,024 characters (API reference, PutParameter, 2025). */
const MAX_DESCRIPTION = 1024;

/** What a version says of itself when a rollback wrote it. */
export const rollbackDescription = (version: number, reason: string): string =>
  `goaround: back to version ${version}: ${reason}`.slice(0, MAX_DESCRIPTION);

export const restoreDescription = (backupAt: string, reason: string): string =>
  `goaround: restored from the backup of ${backupAt}: ${reason}`.slice(0, MAX_DESCRIPTION);

const rolledBackTo = (description: string | undefined): number | undefined => {
  const match = /^goaround: back to version (\d+): /.exec(description ?? "");
  return match ? Number(match[1]) : undefined;
};

export type PolicyRollback =
  | { kind: "nothing"; why: string; current: PolicyVersion }
  | { kind: "back"; current: PolicyVersion; to: PolicyVersion; policy: Policy; changes: Change[] };

/**
 * Which version a rollback brings back: `to`, else the newest one that says something else than what is in force. A second
 * run after a rollback goes no further back. Throws when the version is not kept any more, or is no policy today.
 */
export function planPolicyRollback(
  place: { functionName: string; alias: string },
  versions: readonly [PolicyVersion, ...PolicyVersion[]],
  to: number | undefined,
): PolicyRollback {
  const [current, ...earlier] = versions;
  const name = `${place.functionName}:${place.alias}`;
  const since = rolledBackTo(current.description);
  if (to === undefined && since !== undefined) {
    const why = `version ${current.version} is version ${since} again, put back by ${current.by} on ${current.at?.toISOString()}`;
    return { kind: "nothing", why, current };
  }
  const target =
    to === undefined
      ? earlier.find(({ document }) => !isSamePolicy(document, current.document))
      : versions.find(({ version }) => version === to);
  if (!target) {
    const kept = `Versions ${versions.at(-1)!.version} to ${current.version} are kept.`;
    throw new GoaroundError(
      "version-missing",
      "operator",
      to === undefined ? `the policy of ${name} has no earlier version that differs` : `there is no version ${to}`,
      { advice: `${kept} See: goaround policy history ${place.functionName} --alias ${place.alias}` },
    );
  }
  if (isSamePolicy(target.document, current.document)) {
    const why = `version ${current.version}, which is in force, says the same as version ${target.version}`;
    return { kind: "nothing", why, current };
  }
  const policy = requirePolicy(place, target.document, `version ${target.version}`);
  return { kind: "back", current, to: target, policy, changes: policyChanges(current.document, target.document) };
}

/** What a document must be before it is written: a policy by today's schema, and that of this alias. */
export function policyProblems(
  { functionName, alias }: { functionName: string; alias: string },
  document: string,
): PolicyProblem[] {
  const parsed = parsePolicy(document);
  if (!parsed.ok) return parsed.problems;
  const { policy } = parsed;
  return [
    ...(policy.functionName === functionName
      ? []
      : [{ path: "functionName", message: `is ${policy.functionName}, not ${functionName}` }]),
    ...(policy.alias === alias ? [] : [{ path: "alias", message: `is ${policy.alias}, not ${alias}` }]),
  ];
}

export const describeProblem = ({ path, message }: PolicyProblem): string => (path ? `${path}: ${message}` : message);

function requirePolicy(place: { functionName: string; alias: string }, document: string, what: string): Policy {
  const problems = policyProblems(place, document);
  const parsed = parsePolicy(document);
  if (problems.length === 0 && parsed.ok) return parsed.policy;
  throw new GoaroundError(
    "policy-invalid",
    "operator",
    `${what} is no policy any more:\n${problems.map((problem) => `  ${describeProblem(problem)}`).join("\n")}`,
    { advice: "Nothing was changed. Take another version, or write the policy in the code and deploy it." },
  );
}

/**
 * Stages and the group's configuration are one strategy, and only a deploy changes the second. Undefined: they fit, or the
 * group is not known.
 */
export function strategyProblem(before: string, after: Policy, configuration: string | undefined): string | undefined {
  if (configuration === undefined) return undefined;
  if (after.staged) {
    if (configuration === ALL_AT_ONCE) return undefined;
    return `it has stages, and the deployment group shifts by itself (${configuration}) after them`;
  }
  const had = (toJson(before) as { staged?: unknown } | undefined)?.staged !== undefined;
  return had && configuration === ALL_AT_ONCE
    ? "it has no stages, and the deployment group moves all traffic at once: the next release would have no canary"
    : undefined;
}

/** By what they mean today: defaults that one of them leaves out are no difference. */
export const isSamePolicy = (a: string, b: string): boolean => policyChanges(a, b).length === 0;

export const policyChanges = (before: string, after: string): Change[] =>
  changesBetween(meaningOf(before), meaningOf(after));

/** What is no policy, or no JSON, is compared as it is. */
function meaningOf(document: string): unknown {
  const parsed = parsePolicy(document);
  return parsed.ok ? parsed.policy : (toJson(document) ?? document);
}

function toJson(document: string): unknown {
  try {
    return JSON.parse(document) as unknown;
  } catch {
    return undefined;
  }
}
