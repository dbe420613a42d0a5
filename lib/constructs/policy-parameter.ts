import { CfnParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { policyParameterName } from "../contract/names.ts";
import {
  MAX_POLICY_BYTES,
  POLICY_SCHEMA_VERSION,
  type Policy,
  type PolicyInput,
  validatePolicy,
} from "../contract/policy.ts";

/** What a function's policy says; what it says besides comes from the other props of the construct. */
export type PolicySettings = Omit<
  PolicyInput,
  "schemaVersion" | "functionName" | "alias" | "deploymentGroup" | "staged" | "releaseAfter" | "replay"
>;

export interface PolicyNames {
  readonly functionName: string;
  readonly alias: string;
  readonly deploymentGroup: string;
}

/** Checks a policy as the hooks will. Throws an error that lists every problem with its path. */
export function buildPolicy(
  names: PolicyNames,
  settings: PolicySettings,
  more: Partial<Pick<PolicyInput, "staged" | "releaseAfter" | "replay">> = {},
): Policy {
  const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
  const parsed = validatePolicy({ schemaVersion: POLICY_SCHEMA_VERSION, ...names, ...settings, ...given });
  if (!parsed.ok) {
    throw new Error(
      `the policy is wrong:\n${parsed.problems.map((p) => `  policy.${p.path}: ${p.message}`).join("\n")}`,
    );
  }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.policy));
  if (bytes > MAX_POLICY_BYTES) {
    throw new Error(
      `the policy is ${bytes} bytes; at most ${MAX_POLICY_BYTES} fit its parameter: shorten smoke payloads`,
    );
  }
  return parsed.policy;
}

/** The policy with its defaults written out, so that a later change of a default changes no release unseen. */
export function policyParameter(scope: Construct, id: string, environmentName: string, policy: Policy): CfnParameter {
  const value = JSON.stringify(policy);
  return new CfnParameter(scope, id, {
    name: policyParameterName(environmentName, policy.functionName, policy.alias),
    description: `Release policy of ${policy.functionName}:${policy.alias}`,
    type: "String",
    // Over 4 KB takes an advanced parameter, which never becomes a standard one again: a template that asked for that, for a
    // policy that has become shorter, would not deploy (Systems Manager user guide, "Managing parameter tiers", 2025).
    tier: "Intelligent-Tiering",
    value,
  });
}
