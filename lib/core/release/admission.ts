import { applicationName } from "../../contract/names.ts";
import type { ParsedPolicy } from "../../contract/policy.ts";
import { fact } from "../judge/reason.ts";
import type { Reason } from "../judge/types.ts";
import type { AlarmState, AliasState, DeploymentInfo, VersionInfo } from "../ports.ts";
import type { AppSpec } from "./appspec.ts";
import { declarationOf, declaredBy, judgeCompatibility } from "./compatibility.ts";
import { doctorCommand } from "./findings.ts";
import { assessReadiness } from "./readiness.ts";
import { type AliasRecord, artifactKey } from "./records.ts";

export interface AdmissionFacts {
  now: Date;
  environment: string;
  deployment: Pick<DeploymentInfo, "application" | "group">;
  appSpec: AppSpec;
  alias: AliasState;
  /** Undefined when the version does not exist. */
  target: VersionInfo | undefined;
  /** The version that serves; undefined when it could not be read. */
  baseline: VersionInfo | undefined;
  /** Undefined when there is no policy parameter. */
  policy: ParsedPolicy | undefined;
  /** Undefined when monitoring could not be read. Alarms that do not exist are absent. */
  alarmStates: Record<string, AlarmState> | undefined;
  /** The function's own alias-scoped alarms. */
  ownAlarms: readonly string[];
  aliasRecord: AliasRecord | undefined;
}

/** Why a release may not begin, and what to do about it. */
export interface Refusal {
  code: string;
  message: string;
  advice: string;
  /** The alarm that is in ALARM, where that is why. */
  alarm?: string;
  /** The step that no rollback takes back, where that is why. */
  step?: string;
}

export interface Admission {
  admitted: boolean;
  refusals: Refusal[];
  findings: Reason[];
}

/** Whether a release may begin. Everything that is wrong is listed at once. Undo never gets here (`isUndo`). */
export function admit(facts: AdmissionFacts): Admission {
  const compatibility = compatibilityOf(facts);
  const refusals = [
    ...groupRefusals(facts),
    ...versionRefusals(facts),
    ...aliasRefusals(facts),
    ...policyRefusals(facts),
    ...knownBadRefusals(facts),
    ...blockerRefusals(facts),
    ...compatibility.refusals,
    ...readinessRefusals(facts),
  ];
  return {
    admitted: refusals.length === 0,
    refusals,
    findings: [...findingsOf(facts), ...compatibility.findings],
  };
}

function groupRefusals({ environment, deployment }: AdmissionFacts): Refusal[] {
  const own = applicationName(environment);
  if (deployment.application === own) return [];
  return [
    {
      code: "foreign-application",
      message: `the deployment belongs to application ${deployment.application}, this guard to ${own}`,
      advice: `Use a deployment group of ${own}, or take this guard's hooks out of the AppSpec.`,
    },
  ];
}

function versionRefusals({ appSpec, target }: AdmissionFacts): Refusal[] {
  const { functionName, currentVersion, targetVersion } = appSpec;
  if (currentVersion === targetVersion) {
    return [
      {
        code: "identical-versions",
        message: `current and target version of ${functionName} are both ${targetVersion}`,
        advice: "Publish a new version; a version that is unchanged needs no release.",
      },
    ];
  }
  if (target === undefined) {
    return [
      {
        code: "version-missing",
        message: `version ${targetVersion} of ${functionName} does not exist`,
        advice: `Name one that does: aws lambda list-versions-by-function --function-name ${functionName}`,
      },
    ];
  }
  if (target.state === "Active") return [];
  return [
    {
      code: "version-not-active",
      message: `version ${targetVersion} of ${functionName} is ${target.state}, not Active`,
      advice: `Look for the cause: aws lambda get-function-configuration --function-name ${functionName}:${targetVersion}`,
    },
  ];
}

function aliasRefusals({ appSpec, alias }: AdmissionFacts): Refusal[] {
  const refusals: Refusal[] = [];
  const name = `${appSpec.functionName}:${alias.alias}`;
  if (alias.functionVersion !== appSpec.currentVersion) {
    refusals.push({
      code: "alias-moved",
      message: `alias ${name} is at version ${alias.functionVersion}, the AppSpec says ${appSpec.currentVersion}`,
      advice: `It was moved past its stack, by a rollback for instance, which this release would undo. Reconcile them, then release again: ${doctorCommand(appSpec.functionName, alias.alias)}`,
    });
  }
  if (Object.keys(alias.weights).length > 0) {
    refusals.push({
      code: "alias-split",
      message: `alias ${name} still sends traffic to version ${Object.keys(alias.weights).join(", ")}`,
      advice: `Clear it: ${doctorCommand(appSpec.functionName, alias.alias)}`,
    });
  }
  return refusals;
}

function policyRefusals({ policy, appSpec }: AdmissionFacts): Refusal[] {
  const advice = "Correct the function's policy in the CDK app and deploy it, then release again.";
  if (policy === undefined) {
    const message = `there is no policy for ${appSpec.functionName}:${appSpec.alias}`;
    return [{ code: "policy-missing", message, advice }];
  }
  if (!policy.ok) {
    const problems = policy.problems.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");
    return [
      { code: "policy-invalid", message: `the policy of ${appSpec.functionName} is not valid: ${problems}`, advice },
    ];
  }
  const { functionName, alias } = policy.policy;
  if (functionName === appSpec.functionName && alias === appSpec.alias) return [];
  const message = `the policy read for ${appSpec.functionName}:${appSpec.alias} is for ${functionName}:${alias}`;
  return [{ code: "policy-invalid", message, advice }];
}

/** By code and configuration, not by number: the same artifact published again is still the same. */
function knownBadRefusals({ target, aliasRecord, appSpec }: AdmissionFacts): Refusal[] {
  const bad = target && aliasRecord?.knownBad[artifactKey(target.codeSha256, target.configurationHash)];
  if (!bad) return [];
  return [
    {
      code: "known-bad",
      message: `version ${appSpec.targetVersion} has the code and configuration of version ${bad.version}, which failed on ${bad.at} (${bad.reason}, deployment ${bad.deploymentId})`,
      advice: "Release a version that fixes it.",
    },
  ];
}

function compatibilityOf({ appSpec, baseline, policy, aliasRecord }: AdmissionFacts) {
  const { functionName, currentVersion, targetVersion } = appSpec;
  return judgeCompatibility({
    functionName,
    serving: { version: currentVersion, declared: declaredBy(aliasRecord, baseline) },
    next: { version: targetVersion, declared: policy?.ok ? declarationOf(policy.policy) : undefined },
    taken: aliasRecord?.stepsTaken ?? [],
  });
}

function blockerRefusals({ policy, alarmStates }: AdmissionFacts): Refusal[] {
  const blockers = policy?.ok ? policy.policy.blockers : [];
  if (blockers.length === 0) return [];
  if (alarmStates === undefined) {
    return [
      {
        code: "monitoring-unavailable",
        message: `the states of the blocking alarms ${blockers.join(", ")} could not be read`,
        advice: "Release again when CloudWatch answers.",
      },
    ];
  }
  const red = blockers.filter((name) => alarmStates[name] === "ALARM");
  return red.map((name) => ({
    code: "blocker-red",
    message: `the dependency alarm ${name} is in ALARM`,
    alarm: name,
    advice: "Wait until the dependency has recovered, then release again.",
  }));
}

/** What earns points is told, most first. */
const TOLD_CHECKS = 5;

/** Only of what is at hand before a release: the other checks are an operator's, and count for nothing here. */
function readinessRefusals(facts: AdmissionFacts): Refusal[] {
  const policy = facts.policy?.ok ? facts.policy.policy : undefined;
  if (policy?.minimumReadiness === undefined) return [];
  const { score, areas } = assessReadiness({ ...facts, record: facts.aliasRecord, policy });
  if (score >= policy.minimumReadiness) return [];
  const missing = areas
    .flatMap(({ area, checks }) => checks.filter(({ isMet }) => !isMet).map((check) => ({ ...check, area })))
    .sort((a, b) => b.points - a.points)
    .slice(0, TOLD_CHECKS);
  return [
    {
      code: "not-ready",
      message: `readiness is ${score}, and the policy asks for ${policy.minimumReadiness}`,
      advice: `What earns most: ${missing.map(({ area, name, earn }) => `${area}/${name} (${earn})`).join("; ")}. All of it: goaround ready --function-name ${policy.functionName} --alias ${policy.alias}`,
    },
  ];
}

/** Fix-forward: the function's own red alarm is what a release may be about to cure, so it never blocks. */
function findingsOf({ ownAlarms, alarmStates, policy }: AdmissionFacts): Reason[] {
  const blockers = policy?.ok ? policy.policy.blockers : [];
  const red = ownAlarms.filter((name) => alarmStates?.[name] === "ALARM");
  const absent = alarmStates === undefined ? [] : blockers.filter((name) => alarmStates[name] === undefined);
  return [
    ...red.map((alarm) =>
      fact("own-alarm-red", `the function's own alarm ${alarm} was in ALARM before the release`, { alarm }),
    ),
    ...absent.map((name) => fact("blocker-missing", `the blocking alarm ${name} does not exist, so it blocks nothing`)),
  ];
}
