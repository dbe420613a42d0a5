import { Stack, Token, Validations } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { TemplateValue } from "./arns.ts";

/** One permission. Actions are written out: an action with a wildcard is refused. */
export interface Permission<Resource = string> {
  readonly actions: string[];
  readonly resources: Resource[];
  readonly conditions?: Record<string, Record<string, string | string[]>>;
  /** Needed when a resource holds a wildcard: why IAM offers nothing narrower, in more than 40 characters. */
  readonly because?: string;
}

/** Shortest reason that is accepted: shorter ones say nothing. */
const MINIMUM_REASON = 40;

/**
 * Refuses wildcard actions and acknowledges each wildcard resource on `scope`, next to the permission it belongs to.
 * Throws an error that names the action or resource.
 */
export function acknowledgeWildcards(scope: Construct, permissions: readonly Permission<TemplateValue>[]): void {
  const findings = new Map<string, string>();
  for (const { actions, resources, because } of permissions) {
    for (const action of actions) {
      if (action.includes("*")) throw new Error(`action "${action}" holds a wildcard; write out the actions it means`);
    }
    for (const resource of resources) {
      const text = flatten(scope, resource);
      if (!text.includes("*")) continue;
      if ((because?.length ?? 0) <= MINIMUM_REASON) {
        throw new Error(
          `resource "${text}" holds a wildcard; say in \`because\` why (more than ${MINIMUM_REASON} characters)`,
        );
      }
      findings.set(text, because as string);
    }
  }
  const validations = Validations.of(scope);
  for (const [text, reason] of findings)
    validations.acknowledge({ id: `AwsSolutions-IAM5[Resource::${text}]`, reason });
}

/** A policy document of exactly these permissions. */
export function policyDocument(permissions: readonly Permission[]): iam.PolicyDocument {
  return new iam.PolicyDocument({
    statements: permissions.map(
      ({ actions, resources, conditions }) => new iam.PolicyStatement({ actions, resources, conditions }),
    ),
  });
}

/** Writes an ARN as cdk-nag does: references become `<LogicalId>`. */
function flatten(scope: Construct, resource: TemplateValue): string {
  return flattenResolved(Token.isUnresolved(resource) ? Stack.of(scope).resolve(resource) : resource);
}

function flattenResolved(value: unknown): string {
  if (typeof value === "string") return value;
  const [name, argument] = Object.entries(value as Record<string, unknown>)[0] ?? [];
  if (name === "Ref") return `<${argument}>`;
  if (name === "Fn::GetAtt") return `<${(argument as string[]).join(".")}>`;
  if (name === "Fn::Join") {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(flattenResolved).join(separator);
  }
  return JSON.stringify(value);
}
