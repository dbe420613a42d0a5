import type { PolicyInput } from "../../lib/contract/policy.ts";

interface Resource {
  Type: string;
  Properties: { Value?: unknown };
}

/** The same template with other settings in the policies that it holds. */
export function withPolicy(template: string, settings: Partial<PolicyInput>): string {
  const parsed = JSON.parse(template) as { Resources?: Record<string, Resource> };
  for (const { Type, Properties } of Object.values(parsed.Resources ?? {})) {
    if (Type !== "AWS::SSM::Parameter" || typeof Properties.Value !== "string") continue;
    const policy = JSON.parse(Properties.Value) as Partial<PolicyInput>;
    if (policy.deploymentGroup !== undefined) Properties.Value = JSON.stringify({ ...policy, ...settings });
  }
  return JSON.stringify(parsed);
}
