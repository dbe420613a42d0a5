/** A policy says something that the evaluation does not know: nothing may be concluded from it. */
export class NotEvaluable extends Error {}

export type Effect = "Allow" | "Deny";

export interface Condition {
  /** As written: `ForAnyValue:StringLikeIfExists`. */
  operator: string;
  key: string;
  values: readonly string[];
}

export interface PrincipalPattern {
  type: "AWS" | "Service" | "Federated" | "CanonicalUser";
  value: string;
}

export interface Statement {
  effect: Effect;
  actions: readonly string[];
  /** `NotAction` in place of `Action`. */
  allButActions: boolean;
  resources: readonly string[];
  /** `NotResource` in place of `Resource`. */
  allButResources: boolean;
  /** Undefined in policies of identities. */
  principals: readonly PrincipalPattern[] | undefined;
  conditions: readonly Condition[];
}

const ELEMENTS = new Set([
  "Sid",
  "Effect",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Principal",
  "NotPrincipal",
  "Condition",
]);

const parsed = new Map<string, readonly Statement[]>();

/** The statements of a policy document. Throws NotEvaluable for elements that are not known. */
export function parsePolicy(document: string): readonly Statement[] {
  let statements = parsed.get(document);
  if (!statements) {
    const { Statement: given = [] } = JSON.parse(document) as { Statement?: unknown };
    statements = [given].flat().map((statement) => parseStatement(statement as Record<string, unknown>));
    parsed.set(document, statements);
  }
  return statements;
}

function parseStatement(given: Record<string, unknown>): Statement {
  const unknown = Object.keys(given).find((element) => !ELEMENTS.has(element));
  if (unknown !== undefined) throw new NotEvaluable(`the policy element ${unknown}`);
  if ("NotPrincipal" in given) throw new NotEvaluable("the policy element NotPrincipal");
  if (given.Effect !== "Allow" && given.Effect !== "Deny") {
    throw new NotEvaluable(`the effect ${JSON.stringify(given.Effect)}`);
  }
  const allButResources = "NotResource" in given;
  return {
    effect: given.Effect,
    actions: texts(given.Action ?? given.NotAction),
    allButActions: "NotAction" in given,
    // Trust policies have no resource: they are about the role they belong to.
    resources: texts(given.Resource ?? given.NotResource ?? "*"),
    allButResources,
    principals: "Principal" in given ? principalsOf(given.Principal) : undefined,
    conditions: conditionsOf(given.Condition),
  };
}

const texts = (value: unknown): string[] => (value === undefined ? [] : [value].flat().map(String));

function principalsOf(given: unknown): PrincipalPattern[] {
  if (given === "*") return [{ type: "AWS", value: "*" }];
  return Object.entries(given as Record<string, unknown>).flatMap(([type, values]) => {
    if (type !== "AWS" && type !== "Service" && type !== "Federated" && type !== "CanonicalUser") {
      throw new NotEvaluable(`principals of type ${type}`);
    }
    return texts(values).map((value) => ({ type, value }) as const);
  });
}

function conditionsOf(given: unknown): Condition[] {
  return Object.entries((given ?? {}) as Record<string, Record<string, unknown>>).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({ operator, key, values: texts(values) })),
  );
}
