import { describeChange } from "../json-changes.ts";
import type { Finding } from "./findings.ts";
import { describeProblem, policyChanges, policyProblems } from "./policy-history.ts";

/** The policy of an alias, as it is read for its next release and as its stack would write it. */
export interface PolicyFacts {
  /** Undefined: there is no parameter. */
  document: string | undefined;
  /** Undefined: no stack has it, or in a way that cannot be followed. */
  template: string | undefined;
}

/** Changes that are told one by one. */
const SHOWN = 3;

/** A policy that lets no release begin, and one that the next deployment may replace: a rollback's, or somebody's by hand. */
export function policyFindings(
  { functionName, alias }: { functionName: string; alias: string },
  { document, template }: PolicyFacts,
): Finding[] {
  if (document === undefined) return [];
  const found: Finding[] = [];
  const about = { functionName, alias, repair: undefined };
  const problems = policyProblems({ functionName, alias }, document);
  if (problems.length > 0) {
    found.push({
      ...about,
      code: "policy-invalid",
      severity: "broken",
      message: `the policy is none, and every release is refused: ${problems.map(describeProblem).join("; ")}`,
      command: `goaround policy rollback ${functionName} --alias ${alias}`,
    });
  }
  const changes = template === undefined ? [] : policyChanges(template, document);
  if (changes.length > 0) {
    const more = changes.length > SHOWN ? ` and ${changes.length - SHOWN} more` : "";
    found.push({
      ...about,
      code: "policy-not-template",
      severity: "note",
      message: `the policy in force is not the stack's (${changes.slice(0, SHOWN).map(describeChange).join("; ")}${more}): releases begin with it until a deployment changes the policy in the template`,
      command: `goaround policy history ${functionName} --alias ${alias}`,
    });
  }
  return found;
}
