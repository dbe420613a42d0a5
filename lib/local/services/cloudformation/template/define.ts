import { validationError } from "../errors.ts";
import { evaluate, references, type Scope } from "./intrinsics.ts";
import type { Json } from "./json.ts";
import type { ParameterValue } from "./parameters.ts";
import type { Template } from "./parse.ts";

export interface PseudoParameters {
  accountId: string;
  region: string;
  stackName: string;
  stackId: string;
  notificationArns: string[];
}

export function pseudoParameter(name: string, pseudo: PseudoParameters): Json | undefined {
  switch (name) {
    case "AWS::AccountId":
      return pseudo.accountId;
    case "AWS::Region":
      return pseudo.region;
    case "AWS::Partition":
      return "aws";
    case "AWS::URLSuffix":
      return "amazonaws.com";
    case "AWS::StackName":
      return pseudo.stackName;
    case "AWS::StackId":
      return pseudo.stackId;
    case "AWS::NotificationARNs":
      return pseudo.notificationArns;
    default:
      return undefined;
  }
}

/** What conditions and rules can see: parameters and mappings, no resources. */
export function staticScope(
  template: Template,
  parameters: Record<string, ParameterValue>,
  pseudo: PseudoParameters,
): Scope {
  const scope: Scope = {
    region: pseudo.region,
    ref(name) {
      const value = parameters[name]?.value ?? pseudoParameter(name, pseudo);
      if (value === undefined) throw validationError(`Template format error: Unresolved dependencies [${name}].`);
      return value;
    },
    attribute(logicalId) {
      throw validationError(
        `Template error: Fn::GetAtt of ${logicalId} is not allowed in conditions, rules or mappings`,
      );
    },
    condition(name) {
      const expression = template.Conditions[name];
      if (expression === undefined) {
        throw validationError(
          `Template format error: Unresolved condition dependency ${name} in the Conditions block of the template`,
        );
      }
      return evaluate(expression, scope) === true;
    },
    mapping: (map, top, second) => template.Mappings[map]?.[top]?.[second],
    importValue(name) {
      throw validationError(`Template error: Fn::ImportValue of ${name} is not allowed in conditions or rules`);
    },
  };
  return scope;
}

export function evaluateConditions(template: Template, scope: Scope): Record<string, boolean> {
  return Object.fromEntries(Object.keys(template.Conditions).map((name) => [name, scope.condition(name)]));
}

/** Fails with the descriptions of all assertions that do not hold. */
export function checkRules(template: Template, scope: Scope): void {
  const failed = Object.entries(template.Rules).flatMap(([name, rule]) => {
    if (rule.RuleCondition !== undefined && evaluate(rule.RuleCondition, scope) !== true) return [];
    return (rule.Assertions ?? [])
      .filter((assertion) => evaluate(assertion.Assert, scope) !== true)
      .map((assertion) => `${name}: ${assertion.AssertDescription ?? "assertion failed"}`);
  });
  if (failed.length > 0) throw validationError(`Template validation error: rules failed. ${failed.join("; ")}`);
}

/** The active resources and what each waits for; refuses names that do not exist, and cycles. */
export function resolveDependencies(template: Template, conditions: Record<string, boolean>): Map<string, string[]> {
  for (const [logicalId, resource] of Object.entries(template.Resources)) {
    if (resource.Condition !== undefined && !(resource.Condition in template.Conditions)) {
      throw validationError(
        `Template format error: Unrecognized condition ${resource.Condition} in the resource ${logicalId} of the template`,
      );
    }
  }
  const isActive = (logicalId: string) => {
    const condition = template.Resources[logicalId]?.Condition;
    return condition === undefined || conditions[condition] === true;
  };
  const known = new Set([...Object.keys(template.Resources), ...Object.keys(template.Parameters)]);
  const missing = new Set<string>();
  const graph = new Map<string, string[]>();
  for (const [logicalId, resource] of Object.entries(template.Resources)) {
    const wanted = new Set([...resource.DependsOn, ...references(resource.Properties)]);
    if (resource.UpdatePolicy) for (const name of references(resource.UpdatePolicy)) wanted.add(name);
    for (const name of wanted) if (!known.has(name) && !name.startsWith("AWS::")) missing.add(name);
    if (!isActive(logicalId)) continue;
    graph.set(
      logicalId,
      [...wanted].filter((name) => name in template.Resources && isActive(name)),
    );
  }
  if (missing.size > 0) {
    throw validationError(
      `Template format error: Unresolved resource dependencies [${[...missing].join(", ")}] in the Resources block of the template`,
    );
  }
  const cycle = findCycle(graph);
  if (cycle) throw validationError(`Circular dependency between resources: [${cycle.join(", ")}]`);
  return graph;
}

function findCycle(graph: Map<string, string[]>): string[] | undefined {
  const remaining = new Map(graph);
  for (let removed = true; removed; ) {
    removed = false;
    for (const [node, needs] of remaining) {
      if (needs.some((need) => remaining.has(need))) continue;
      remaining.delete(node);
      removed = true;
    }
  }
  return remaining.size > 0 ? [...remaining.keys()] : undefined;
}

/** The active resources, each after everything that it depends on. */
export function inDependencyOrder(graph: Map<string, string[]>): string[] {
  const ordered = new Set<string>();
  const visit = (node: string): void => {
    if (ordered.has(node)) return;
    for (const need of graph.get(node) ?? []) visit(need);
    ordered.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return [...ordered];
}
