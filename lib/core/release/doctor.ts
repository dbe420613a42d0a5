import { MAX_HOOK_MINUTES } from "../../contract/stages.ts";
import { GoaroundError } from "../errors.ts";
import type { StackAlias } from "../operator-ports.ts";
import type { DeploymentInfo, DeploymentTarget, VersionInfo } from "../ports.ts";
import { forecastLog, type LogFacts } from "../signals/outlook.ts";
import { attendedCommand, isDriven, takeBackCommand } from "./attended.ts";
import { hasEnded } from "./deployment.ts";
import { type Finding, finding, type LogFilter, type Repair } from "./findings.ts";
import { type FlagFacts, flagFindings } from "./flag-findings.ts";
import { type PolicyFacts, policyFindings } from "./policy-findings.ts";
import { type AliasRecord, artifactKey, type ReleaseRecord } from "./records.ts";
import { planRollback, servingVersions } from "./rollback-plan.ts";
import { enableCommand } from "./silenced-monitors.ts";
import { unrecordedRollback } from "./unrecorded-rollback.ts";

/** What a doctor looks at for one alias. Undefined where something could not be read: then nothing is said about it. */
export interface DoctorFacts extends FlagFacts {
  now: Date;
  /** All published versions of the function. */
  versions: readonly VersionInfo[];
  /** Whether the alias has provisioned concurrency of its own. */
  hasProvisionedConcurrency: boolean;
  record: AliasRecord | undefined;
  stack: StackAlias | undefined;
  /** The deployment that is moving the alias now. */
  open: { deployment: DeploymentInfo; target: DeploymentTarget | undefined } | undefined;
  /** The release of the alias that a command drives, while it has not ended. */
  attended: ReleaseRecord | undefined;
  /** The newest deployment of the alias that is no rollback, whatever became of it. */
  newest: DeploymentInfo | undefined;
  /** The group's last deployment that succeeded, of whichever alias. */
  lastSuccess: LastSuccess | undefined;
  where: { application: string; group: string } | undefined;
  /** Alarms of the alias and of its flag environments → whether their actions are enabled. */
  alarmActions: Readonly<Record<string, boolean>>;
  /** Subscription filters of the guard's on the function's logs that belong to no open release and to no policy. */
  leftFilters: readonly LogFilter[];
  policy: PolicyFacts;
  /** Of the log that the next release is to be judged by, where there is one. */
  log: LogFacts | undefined;
}

export interface LastSuccess {
  deploymentId: string;
  functionName: string;
  alias: string;
  /** The version that a rollback of the group's next deployment would bring. */
  version: string;
}

/** Lambda's longest run (15 minutes) and the time in which report-failure answers for a hook that died. Milliseconds. */
const HOOK_LIMIT_MS = 15 * 60_000 + 70_000;
const MINUTE_MS = 60_000;
/** That a hook was handed over to the watch is on record. */
const HELD_LIMIT_MS = MAX_HOOK_MINUTES * MINUTE_MS;

/** Everything that is wrong, in the order in which it is to be repaired. */
export function diagnose(facts: DoctorFacts): Finding[] {
  // While a release is open the alias is CodeDeploy's, or a command's: its weights and its place say nothing.
  const isMoving = facts.open !== undefined || facts.attended !== undefined;
  const found = [
    ...hookFindings(facts),
    ...flagFindings(facts),
    ...attendedFindings(facts),
    ...(isMoving ? [] : [...weightFindings(facts), ...placeFindings(facts), ...recordFindings(facts)]),
    ...targetFindings(facts),
    ...alarmFindings(facts),
    ...filterFindings(facts),
    ...policyFindings(facts.alias, facts.policy),
    ...logFindings(facts),
  ];
  return found;
}

function recordFindings(facts: DoctorFacts): Finding[] {
  const found = unrecordedRollback(facts.alias, facts.releases, facts.newest, facts.now);
  if (!found) return [];
  const { release, isBad } = found;
  const { deploymentId, canaryVersion, baselineVersion: version, outcome } = release;
  const consequence = isBad ? `; version ${canaryVersion} is not known bad and would be released again` : "";
  return [
    finding(facts, {
      code: "rollback-unrecorded",
      severity: "broken",
      message: `version ${version} serves again, and the ledger holds release ${deploymentId} of version ${canaryVersion} for ${outcome}${consequence}`,
      repair: { do: "record-rollback", deploymentId, canaryVersion, version, isBad },
    }),
  ];
}

function weightFindings(facts: DoctorFacts): Finding[] {
  const { alias } = facts;
  const weights = Object.entries(alias.weights);
  if (weights.length === 0) return [];
  const shown = weights
    .map(([version, share]) => `${Math.round(share * 1000) / 10} % on version ${version}`)
    .join(", ");
  const where = `alias ${alias.alias} is at version ${alias.functionVersion} with ${shown}`;
  if (isSettling(facts)) {
    return [
      finding(facts, {
        code: "provisioned-concurrency-moving",
        severity: "note",
        message: `${where}: a weight of 1.0 is Lambda's own while it moves provisioned concurrency, and is left alone`,
        command: `aws lambda get-provisioned-concurrency-config --function-name ${alias.functionName} --qualifier ${alias.alias}`,
      }),
    ];
  }
  const serving = servingVersions(alias);
  const version = wholeOn(facts);
  const code = serving.length > 1 ? "alias-split" : "residual-weights";
  const consequence = "CodeDeploy refuses the next deployment because of it";
  return [
    finding(facts, {
      code,
      severity: "broken",
      message: `${where} although no deployment is running; ${consequence}. All traffic goes to version ${version}`,
      repair: { do: "make-whole", version },
    }),
  ];
}

/** Whether it is to go on or back is a person's to say: nobody has judged the version since its command is gone. */
function attendedFindings(facts: DoctorFacts): Finding[] {
  const { attended: release, now, alias } = facts;
  if (!release?.attended) return [];
  const { deploymentId: id, canaryVersion, attended } = release;
  const percent = Math.round((alias.weights[canaryVersion] ?? 0) * 1000) / 10;
  const share = `alias ${alias.alias} gives version ${canaryVersion} ${percent} %`;
  if (isDriven(attended, now.getTime() - Date.parse(attended.beatAt), now)) {
    return [
      finding(facts, {
        code: "staged-release",
        severity: "note",
        message: `${share}: ${attended.actor} drives release ${id}`,
        command: takeBackCommand(release),
      }),
    ];
  }
  return [
    finding(facts, {
      code: "staged-release",
      severity: "broken",
      message: `${share} in release ${id}, which nobody drives since ${attended.beatAt}: nobody judges the version, and CodeDeploy refuses the next deployment. Go on with it: ${attendedCommand(release)}; or take it back`,
      command: takeBackCommand(release),
    }),
  ];
}

/** Lambda itself adds `{old: 1.0}` while it moves provisioned concurrency to the alias's new version. */
const isSettling = ({ alias, hasProvisionedConcurrency }: DoctorFacts) =>
  hasProvisionedConcurrency && Object.values(alias.weights).includes(1);

/** Which of the versions that serve gets all traffic: the known good one, else one that is not known bad. */
function wholeOn(facts: DoctorFacts): string {
  const { alias, record } = facts;
  const all = Object.entries(alias.weights).find(([, share]) => share === 1);
  if (all) return all[0];
  const serving = servingVersions(alias);
  const good = record?.lastKnownGood?.version;
  if (good !== undefined && serving.includes(good)) return good;
  return serving.find((version) => badReason(facts, version) === undefined) ?? alias.functionVersion;
}

function badReason({ versions, record }: DoctorFacts, version: string): string | undefined {
  const info = versions.find((candidate) => candidate.version === version);
  return info && record?.knownBad[artifactKey(info.codeSha256, info.configurationHash)]?.reason;
}

/** What ends a status; where nothing but deleting the stack may, its events say why (CloudFormation API reference, 2026). */
const UNSTUCK: Record<string, string> = {
  UPDATE_ROLLBACK_FAILED: "continue-update-rollback",
  UPDATE_FAILED: "rollback-stack",
};

/** Where the alias is against what CloudFormation and CodeDeploy hold of it. */
function placeFindings(facts: DoctorFacts): Finding[] {
  const { alias, stack } = facts;
  const live = Object.keys(alias.weights).length > 0 && !isSettling(facts) ? wholeOn(facts) : alias.functionVersion;
  const bad = badReason(facts, live);
  const found: Finding[] = [];
  if (bad !== undefined) {
    found.push(
      finding(facts, {
        code: "serving-known-bad",
        severity: "broken",
        message: `version ${live} serves and is known bad (${bad})`,
        command: `goaround rollback --action rollback-function --function-name ${alias.functionName} --alias ${alias.alias} --reason "known bad"`,
      }),
    );
  }
  found.push(...revisionFindings(facts, live, bad));
  // An update that is under way has not recorded anything yet.
  if (!stack || stack.status.endsWith("_IN_PROGRESS")) return found;
  if (/_FAILED$|^ROLLBACK_COMPLETE$/.test(stack.status)) {
    found.push(
      finding(facts, {
        code: "stack-stuck",
        severity: "broken",
        message: `stack ${stack.stackName} is in ${stack.status} and takes no update`,
        command: `aws cloudformation ${UNSTUCK[stack.status] ?? "describe-stack-events"} --stack-name ${stack.stackName}`,
      }),
    );
    // What it records may change with that, and cannot be changed before.
    return found;
  }
  if (stack.recordedVersion === undefined) {
    found.push(
      finding(facts, {
        code: "template-unreadable",
        severity: "note",
        message: `stack ${stack.stackName} owns the alias, but its template does not tell at which version (${stack.problem ?? "no FunctionVersion"})`,
        command: `aws cloudformation get-template --stack-name ${stack.stackName}`,
      }),
    );
  } else if (stack.recordedVersion !== live) {
    found.push(
      finding(facts, {
        code: "alias-not-template",
        severity: "broken",
        message:
          `alias ${alias.alias} serves version ${live}, stack ${stack.stackName} records version ` +
          `${stack.recordedVersion}: its next release fails before any traffic (INVALID_LAMBDA_CONFIGURATION)`,
        ...(bad === undefined
          ? {
              repair: {
                do: "reconcile-stack" as const,
                stackName: stack.stackName,
                logicalId: stack.logicalId,
                version: live,
              },
            }
          : {}),
      }),
    );
  }
  return found;
}

/**
 * CodeDeploy rolls a failed deployment back to the group's last successful revision. Where the alias was moved past it
 * since, that is the version which was left.
 */
function revisionFindings(facts: DoctorFacts, live: string, bad: string | undefined): Finding[] {
  const { alias, lastSuccess, where } = facts;
  if (!lastSuccess || !where || lastSuccess.version === live) return [];
  if (lastSuccess.functionName !== alias.functionName || lastSuccess.alias !== alias.alias) return [];
  const known = badReason(facts, lastSuccess.version);
  return [
    finding(facts, {
      code: "alias-not-appspec",
      severity: "broken",
      message:
        `alias ${alias.alias} serves version ${live}, but the last successful revision of group ${where.group} ` +
        `(${lastSuccess.deploymentId}) brings version ${lastSuccess.version}${known === undefined ? "" : `, which is known bad (${known})`}: ` +
        "CodeDeploy would roll the next release that fails back to it",
      ...(bad === undefined
        ? { repair: { do: "mark-revision" as const, ...where, from: lastSuccess.version, version: live } }
        : {}),
    }),
  ];
}

function targetFindings(facts: DoctorFacts): Finding[] {
  const { alias, record, versions, open } = facts;
  const good = record?.lastKnownGood?.version;
  if (good === undefined) return [];
  if (versions.some(({ version }) => version === good)) return wayBackFindings(facts);
  const live = alias.functionVersion;
  const isSound = !open && Object.keys(alias.weights).length === 0 && badReason(facts, live) === undefined;
  return [
    finding(facts, {
      code: "missing-target",
      severity: "broken",
      message: `version ${good}, the last known good of ${alias.functionName}:${alias.alias}, does not exist any more: a rollback has nowhere to go${isSound ? `. Version ${live} serves and is not known bad` : ""}`,
      ...(isSound
        ? { repair: { do: "remember-good" as const, version: live } }
        : { command: `aws lambda list-versions-by-function --function-name ${alias.functionName}` }),
    }),
  ];
}

/** What serves is known good, and what a rollback would bring in its place is gone. */
function wayBackFindings(facts: DoctorFacts): Finding[] {
  const { alias, record, versions, releases } = facts;
  const release = releases[0];
  if (!release || !versions.some(({ version }) => version === release.canaryVersion)) return [];
  try {
    planRollback({ alias, versions, record, release, requested: undefined, force: false });
    return [];
  } catch (error) {
    if (!(error instanceof GoaroundError) || error.code !== "version-missing") return [];
    return [
      finding(facts, {
        code: "missing-target",
        severity: "note",
        message: `${error.message}: a rollback of what serves has nowhere to go. ${error.advice ?? ""}`.trimEnd(),
        command: `aws lambda list-versions-by-function --function-name ${alias.functionName}`,
      }),
    ];
  }
}

/** A hook that nobody can answer for any more, and one that has cost CodeDeploy's whole hour. */
function hookFindings(facts: DoctorFacts): Finding[] {
  const { now, open, alias, newest, releases } = facts;
  if (newest?.error?.code === "HOOK_EXECUTION_FAILURE") {
    const { deploymentId } = newest;
    const record = releases.find((release) => release.deploymentId === deploymentId);
    if (record?.preTrafficStatus === "Failed" || record?.postTrafficStatus === "Failed") return [];
    return [
      finding(facts, {
        code: "hook-silent",
        severity: "note",
        message: `${deploymentId} failed because a hook died or never answered: no hook of the guard has decided so`,
        command: `aws deploy get-deployment --deployment-id ${deploymentId}`,
      }),
    ];
  }
  if (!open || hasEnded(open.deployment)) return [];
  const { deploymentId } = open.deployment;
  const silent = open.target?.lifecycleEvents.find(
    (event) => event.name !== "AllowTraffic" && event.status === "InProgress" && event.startedAt !== undefined,
  );
  const waitedMs = silent?.startedAt ? now.getTime() - silent.startedAt.getTime() : 0;
  const record = facts.releases.find((release) => release.deploymentId === deploymentId);
  const heldSince = silent?.name === "BeforeAllowTraffic" ? record?.staged?.handedOverAt : record?.handedOverAt;
  if (!silent || waitedMs < (heldSince === undefined ? HOOK_LIMIT_MS : HELD_LIMIT_MS)) return [];
  return [
    finding(facts, {
      code: "hook-silent",
      severity: "broken",
      message: `${silent.name} of ${deploymentId} has not been answered for ${Math.round(waitedMs / MINUTE_MS)} minutes, and no Lambda can still be running it; CodeDeploy waits for an hour`,
      repair: { do: "stop-deployment", deploymentId },
      command: `goaround rollback --action stop-deployment --deployment-id ${deploymentId} --reason "${silent.name} of ${alias.functionName} is silent"`,
    }),
  ];
}

/** Only alarms of which a kill has written down that it silenced them are enabled again: others may be off on purpose. */
function alarmFindings(facts: DoctorFacts): Finding[] {
  const { releases, alarmActions } = facts;
  const found: Finding[] = [];
  const told = new Set<string>();
  for (const { deploymentId, disabledAlarms = [] } of releases) {
    const alarms = disabledAlarms.filter((name) => alarmActions[name] === false && !told.has(name));
    if (alarms.length === 0) continue;
    for (const name of alarms) told.add(name);
    found.push(
      finding(facts, {
        code: "alarm-actions-disabled",
        severity: "broken",
        message: `the actions of ${alarms.join(", ")} are disabled since the flag kill of release ${deploymentId} was cut off: they tell nobody`,
        repair: { do: "enable-alarm-actions", alarms, deploymentId },
      }),
    );
  }
  const others = Object.keys(alarmActions).filter((name) => alarmActions[name] === false && !told.has(name));
  if (others.length > 0) {
    found.push(
      finding(facts, {
        code: "alarm-actions-disabled",
        severity: "note",
        message: `the actions of ${others.join(", ")} are disabled, by whom is not known: they tell nobody`,
        command: enableCommand(others),
      }),
    );
  }
  return found;
}

/** A log group takes two filters: one that is left keeps the next release, or other people's, from being put. */
function filterFindings(facts: DoctorFacts): Finding[] {
  const filters = [...facts.leftFilters];
  if (filters.length === 0) return [];
  const named = filters.map(({ logGroup, filterName }) => `${filterName} on ${logGroup}`).join(", ");
  const message = `no release is open for the subscription filter ${named}: it is charged for, and takes one of two places`;
  const repair: Repair = { do: "remove-log-filter", filters };
  return [finding(facts, { code: "log-filter-left", severity: "broken", message, repair })];
}

/** No fault of the alias: the next release is made, and judged by other evidence than its policy says. */
const logFindings = (facts: DoctorFacts): Finding[] =>
  facts.log ? forecastLog(facts.log).map((forecast) => finding(facts, { severity: "note", ...forecast })) : [];
