import { GoaroundError } from "../errors.ts";
import type { AliasState, VersionInfo } from "../ports.ts";
import { type AliasRecord, artifactKey } from "./records.ts";

export interface RollbackFacts {
  alias: AliasState;
  /** All published versions of the function. */
  versions: readonly VersionInfo[];
  /** What the ledger knows; undefined for a function that is not guarded, or when the ledger is down. */
  record: AliasRecord | undefined;
  /** The newest deployment of the alias that is not itself a rollback, whatever became of it. */
  release: { deploymentId: string; baselineVersion: string; canaryVersion: string } | undefined;
  /** The version asked for, if any. */
  requested: string | undefined;
  /** Take a known-bad target all the same. */
  force: boolean;
}

export interface RollbackPlan {
  /** `move` the alias, or find that there is `nothing` to do. */
  action: "move" | "nothing";
  target: VersionInfo;
  /** Where the target comes from, as a sentence's end: `the last known good (release d-…, 2026-…)`. */
  source: string;
  /** The versions that stop getting traffic. */
  leaving: string[];
  /** Why the ledger holds the target for bad; only with `force`. */
  overridden: string | undefined;
}

/**
 * Where a rollback goes. Without a version asked for: the last known good; when the newest release brought the very
 * version that is known good and still serves, what that release replaced. Never merely the number before, and never
 * further back when the newest release has been undone already, so that a repeated rollback does nothing. Throws
 * `version-missing` with candidates, or `refused` for a known-bad target.
 */
export function planRollback(facts: RollbackFacts): RollbackPlan {
  const choice = chooseTarget(facts);
  const target = facts.versions.find((version) => version.version === choice.version);
  if (!target) {
    throw new GoaroundError(
      "version-missing",
      "operator",
      `version ${choice.version} (${choice.source}) of ${facts.alias.functionName} does not exist`,
      { advice: whatElse(facts) },
    );
  }
  const serving = servingVersions(facts.alias);
  const leaving = serving.filter((version) => version !== target.version);
  const known = facts.record?.knownBad[artifactKey(target.codeSha256, target.configurationHash)];
  if (leaving.length > 0 && known && !facts.force) {
    throw new GoaroundError(
      "refused",
      "operator",
      `version ${target.version} is known bad: ${known.reason} (${known.deploymentId}, ${known.at})`,
      {
        advice: `Candidates: ${candidates(facts)}. Name another with --target-version, or insist with --force --reason "why".`,
      },
    );
  }
  return {
    action: leaving.length === 0 ? "nothing" : "move",
    target,
    source: choice.source,
    leaving,
    overridden: known && facts.force ? known.reason : undefined,
  };
}

/** Every version that gets traffic, the alias's own first. */
export const servingVersions = (alias: Pick<AliasState, "functionVersion" | "weights">): string[] => [
  ...new Set([
    alias.functionVersion,
    ...Object.entries(alias.weights)
      .filter(([, share]) => share > 0)
      .map(([version]) => version),
  ]),
];

function chooseTarget(facts: RollbackFacts): { version: string; source: string } {
  const { alias, record, release, requested } = facts;
  if (requested !== undefined) return { version: requested, source: "asked for with --target-version" };
  const good = record?.lastKnownGood;
  const serving = servingVersions(alias);
  const mixed = serving.length > 1;
  if (release && serving.includes(release.canaryVersion) && good?.version === release.canaryVersion) {
    return {
      version: release.baselineVersion,
      source:
        `what release ${release.deploymentId} replaced; ` +
        `version ${good.version}, which it brought, is itself the last known good in the ledger`,
    };
  }
  // Left already, and the ledger did not answer then: what it calls good is the very version that was left.
  const isLeft = release !== undefined && serving.every((version) => Number(version) < Number(release.canaryVersion));
  if (isLeft && good?.version === release.canaryVersion) {
    return {
      version: alias.functionVersion,
      source: `version ${good.version}, which release ${release.deploymentId} brought, has been left already`,
    };
  }
  if (good) {
    return { version: good.version, source: `the last known good in the ledger (${good.deploymentId}, ${good.at})` };
  }
  if (release && (serving.includes(release.canaryVersion) || serving.includes(release.baselineVersion))) {
    return {
      version: release.baselineVersion,
      source: `what release ${release.deploymentId} of version ${release.canaryVersion} was to replace`,
    };
  }
  if (mixed) {
    return { version: alias.functionVersion, source: "the version that the split alias itself points to" };
  }
  throw new GoaroundError(
    "version-missing",
    "operator",
    `nothing tells which version of ${alias.functionName} was good before ${alias.functionVersion}: ` +
      "no ledger record and no CodeDeploy deployment of this alias",
    { advice: whatElse(facts) },
  );
}

/** What a person can do about a target that is not known or not there. */
function whatElse(facts: RollbackFacts): string {
  const serving = servingVersions(facts.alias);
  if (facts.versions.some(({ version }) => !serving.includes(version))) {
    return `Candidates: ${candidates(facts)}. Name one with --target-version.`;
  }
  const { functionName } = facts.alias;
  return (
    `${functionName} has no other version than the one that serves (${serving.join(", ")}), so there is nothing to go back to. ` +
    "Release a version that is good (cdk deploy, or aws lambda publish-version and goaround deploy), or switch off what it does " +
    "with goaround rollback --action rollback-flags."
  );
}

/** Newest first, at most ten, with what speaks for or against each. */
function candidates({ versions, alias, record }: RollbackFacts): string {
  const all = [...versions].sort((a, b) => Number(b.version) - Number(a.version)).slice(0, 10);
  if (all.length === 0) return "none, no version is published";
  return all
    .map(({ version, codeSha256, configurationHash, lastModified }) => {
      const bad = record?.knownBad[artifactKey(codeSha256, configurationHash)];
      const notes = [
        version === record?.lastKnownGood?.version ? "last known good" : "",
        bad ? `known bad: ${bad.reason}` : "",
        servingVersions(alias).includes(version) ? "serving now" : "",
        lastModified ? `of ${lastModified}` : "",
      ].filter(Boolean);
      return notes.length > 0 ? `${version} (${notes.join("; ")})` : version;
    })
    .join(", ");
}
