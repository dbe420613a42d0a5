import type { Compatibility, Policy } from "../../contract/policy.ts";
import { fact } from "../judge/reason.ts";
import type { Reason } from "../judge/types.ts";
import type { VersionInfo } from "../ports.ts";
import type { Refusal } from "./admission.ts";
import { type AliasRecord, artifactKey, type ReleaseRecord, type StepTaken } from "./records.ts";

/** What both versions say of the data and configuration that they share. */
export interface CompatibilityFacts {
  functionName: string;
  /** The version that serves, and what it declared when it was released; undefined: nothing. */
  serving: { version: string; declared: Compatibility | undefined };
  /** The version that is to be released. */
  next: { version: string; declared: Compatibility | undefined };
  /** Steps that went out with earlier releases of the alias. */
  taken: readonly Pick<StepTaken, "name">[];
}

type Side = CompatibilityFacts["next"];

/** Enough for the versions that an alias can still go back to. */
const MAX_DECLARED = 20;
const MAX_STEPS = 30;

/**
 * Both directions are held against each other: after a rollback the version that serves now reads what the new one wrote,
 * and the new one reads what it finds. Who declared nothing is a finding: nothing is known then, and nothing refused.
 */
export function judgeCompatibility(facts: CompatibilityFacts): { refusals: Refusal[]; findings: Reason[] } {
  const { serving, next } = facts;
  const refusals = [...schemaRefusals(facts), ...stepRefusals(facts)];
  const known = Object.keys(serving.declared?.schemas ?? {});
  const wanted = Object.keys(next.declared?.schemas ?? {});
  const silent = [
    ...silentOn(
      serving,
      wanted.filter((name) => !known.includes(name)),
    ),
    ...silentOn(
      next,
      known.filter((name) => !wanted.includes(name)),
    ),
  ];
  return { refusals, findings: silent };
}

function silentOn({ version }: Side, schemas: readonly string[]): Reason[] {
  if (schemas.length === 0) return [];
  const message = `version ${version} declares nothing of ${schemas.join(", ")}: whether both versions read each other's data is not known`;
  return [fact("compatibility-unknown", message)];
}

function schemaRefusals({ functionName, serving, next }: CompatibilityFacts): Refusal[] {
  const unread = (writer: Side, reader: Side) =>
    Object.entries(writer.declared?.schemas ?? {}).flatMap(([schema, { writes }]) => {
      const reads = reader.declared?.schemas[schema]?.reads ?? [];
      // Who reads none of its versions has nothing to do with what is stored.
      return writes === undefined || reads.length === 0 || reads.includes(writes) ? [] : [{ schema, writes, reads }];
    });
  const letThrough = `Or let it through: goaround guard --action break-glass --function-name ${functionName} --rules incompatible --for 1h --reason "why"`;
  return [
    ...unread(next, serving).map(({ schema, writes, reads }) => ({
      code: "incompatible",
      message: `version ${next.version} writes ${schema} ${writes}, and version ${serving.version}, which serves, reads only ${reads.join(", ")}: a rollback would break on what was written`,
      advice: `Release a version first that reads ${schema} ${writes} and does not write it yet; then the one that writes it. ${letThrough}`,
    })),
    ...unread(serving, next).map(({ schema, writes, reads }) => ({
      code: "incompatible",
      message: `version ${next.version} reads only ${schema} ${reads.join(", ")}, and version ${serving.version}, which serves, writes ${writes}`,
      advice: `Let the new version read ${schema} ${writes} too, until no version that serves writes it. ${letThrough}`,
    })),
  ];
}

/** A step that went out with an earlier release is done: it stands in the way of none after it. */
function stepRefusals({ functionName, next, taken }: CompatibilityFacts): Refusal[] {
  return newSteps(next.declared, taken).map(({ name, reason }) => ({
    code: "non-revertible-step",
    message: `version ${next.version} takes a step that no rollback takes back: ${name} (${reason})`,
    advice: `When you are sure: ${allowStepCommand(functionName, name)}`,
    step: name,
  }));
}

const newSteps = (declared: Compatibility | undefined, taken: CompatibilityFacts["taken"]) =>
  (declared?.nonRevertible ?? []).filter(({ name }) => !taken.some((step) => step.name === name));

export const allowStepCommand = (functionName: string, step: string): string =>
  `goaround guard --action allow-step --function-name ${functionName} --step ${step} --for 2h --reason "why"`;

/** What a release declares: a step of its policy's own that nothing compensates is one that nothing takes back. */
export function declarationOf({
  compatibility,
  steps,
}: Pick<Policy, "compatibility" | "steps">): Compatibility | undefined {
  const final = [...(steps?.before ?? []), ...(steps?.after ?? [])].filter(({ compensation }) => !compensation);
  if (final.length === 0) return compatibility;
  const { schemas = {}, nonRevertible = [] } = compatibility ?? {};
  const reason = "a step of its policy without a compensation";
  return { schemas, nonRevertible: [...nonRevertible, ...final.map(({ name }) => ({ name, reason }))] };
}

/** What a version declared when it was released; by artifact, so that the same one published again is still known. */
export const declaredBy = (
  record: AliasRecord | undefined,
  version: Pick<VersionInfo, "codeSha256" | "configurationHash"> | undefined,
): Compatibility | undefined =>
  version && record?.declared?.[artifactKey(version.codeSha256, version.configurationHash)]?.compatibility;

/** The alias record's declarations with the release's; what the version that serves declared is never lost. */
export function withDeclared(
  record: AliasRecord | undefined,
  release: Pick<
    ReleaseRecord,
    "canaryCodeSha256" | "canaryConfigurationHash" | "canaryVersion" | "openedAt" | "policy"
  >,
  serving: Pick<VersionInfo, "codeSha256" | "configurationHash"> | undefined,
): Partial<AliasRecord> {
  const { compatibility } = release.policy;
  if (!compatibility && !record?.declared) return {};
  const key = artifactKey(release.canaryCodeSha256, release.canaryConfigurationHash);
  const servingKey = serving && artifactKey(serving.codeSha256, serving.configurationHash);
  const others = Object.entries(record?.declared ?? {})
    .filter(([other]) => other !== key)
    .sort(([a, { at: first }], [b, { at: second }]) =>
      a === servingKey ? -1 : b === servingKey ? 1 : first < second ? 1 : -1,
    );
  const own = compatibility ? [[key, { version: release.canaryVersion, at: release.openedAt, compatibility }]] : [];
  return { declared: Object.fromEntries([...own, ...others].slice(0, MAX_DECLARED)) };
}

/** Steps that go out with this release for the first time. */
export const stepsOf = (
  record: AliasRecord | undefined,
  { policy, canaryVersion, deploymentId, openedAt }: ReleaseRecord,
): StepTaken[] =>
  newSteps(declarationOf(policy), record?.stepsTaken ?? []).map((step) => ({
    ...step,
    version: canaryVersion,
    deploymentId,
    at: openedAt,
  }));

/** The alias record's steps with more; each is there once. */
export const withSteps = (record: AliasRecord | undefined, steps: readonly StepTaken[]): Partial<AliasRecord> => {
  const others = (record?.stepsTaken ?? []).filter(({ name }) => !steps.some((step) => step.name === name));
  return { stepsTaken: [...steps, ...others].slice(0, MAX_STEPS) };
};

/** Steps between the version that a rollback goes to and those that it leaves. */
export const stepsBetween = (
  record: AliasRecord | undefined,
  target: string,
  leaving: readonly string[],
): StepTaken[] => {
  const newest = Math.max(...leaving.map(Number));
  return (record?.stepsTaken ?? []).filter(
    ({ version }) => Number(version) > Number(target) && Number(version) <= newest,
  );
};

/** One line for whoever rolls back, or is told of it. */
export const describeSteps = (steps: readonly StepTaken[]): string =>
  steps.map(({ name, reason, version }) => `${name} of version ${version} (${reason})`).join(", ");
