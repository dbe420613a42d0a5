import type { Principal } from "../../../kernel/service.ts";
import { type ContextKeys, meetsConditions, substitute } from "./conditions.ts";
import { matchesAction, matchesResource } from "./pattern.ts";
import type { PrincipalPattern, Statement } from "./policy.ts";

/** One action on one resource, by one principal. */
export interface AccessRequest {
  /** `lambda:UpdateAlias` */
  action: string;
  /** `*` for actions without a resource; undefined when what is asked for does not exist. */
  resource: string | undefined;
  principal: Principal;
  keys: ContextKeys;
}

export type IdentityDecision = "allow" | "deny" | "none";
/** `account`: the policy allows the account, which leaves it to the account's own policies. */
export type ResourceDecision = "allow" | "account" | "deny" | "none";

/** What the policies of an identity say. */
export function evaluateIdentity(statements: readonly Statement[], request: AccessRequest): IdentityDecision {
  const matching = statements.filter((statement) => applies(statement, request));
  if (matching.some(({ effect }) => effect === "Deny")) return "deny";
  return matching.length > 0 ? "allow" : "none";
}

/** What the policy of a resource, a trust policy or a key policy says about the principal. */
export function evaluateResource(statements: readonly Statement[], request: AccessRequest): ResourceDecision {
  let decision: ResourceDecision = "none";
  for (const statement of statements) {
    const named = principalMatch(statement.principals ?? [], request.principal);
    if (!named || !applies(statement, request)) continue;
    if (statement.effect === "Deny") return "deny";
    if (decision !== "allow") decision = named === "account" ? "account" : "allow";
  }
  return decision;
}

function applies(statement: Statement, request: AccessRequest): boolean {
  const { action, resource, keys } = request;
  if (statement.actions.some((pattern) => matchesAction(pattern, action)) === statement.allButActions) return false;
  // What does not exist is answered by the service itself, to whoever has the action on anything [inferred].
  if (resource !== undefined) {
    const matched = statement.resources.some((pattern) => {
      const whole = substitute(pattern, keys);
      return whole !== undefined && matchesResource(whole, resource);
    });
    if (matched === statement.allButResources) return false;
  } else if (statement.effect === "Deny" && !statement.resources.includes("*")) {
    return false;
  }
  return meetsConditions(statement.conditions, keys);
}

/** How a list of principals names this one: itself, only by its account, or not at all. */
function principalMatch(patterns: readonly PrincipalPattern[], principal: Principal): "itself" | "account" | undefined {
  if (principal.kind === "service") {
    const named = patterns.some(
      ({ type, value }) => (type === "Service" && value === principal.arn) || (type === "AWS" && value === "*"),
    );
    return named ? "itself" : undefined;
  }
  const own = ["*", principal.arn, principal.roleArn];
  const aws = patterns.filter(({ type }) => type === "AWS").map(({ value }) => value);
  if (aws.some((value) => own.includes(value))) return "itself";
  const account = [principal.accountId, `arn:aws:iam::${principal.accountId}:root`];
  return aws.some((value) => account.includes(value)) ? "account" : undefined;
}
