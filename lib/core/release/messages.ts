import type { Reason } from "../judge/types.ts";
import type { Notification } from "../ports.ts";
import { describeSteps } from "./compatibility.ts";
import { doctorCommand } from "./findings.ts";
import { READER_POLL_SECONDS } from "./flag-kill.ts";
import type { FlagResult, ReleaseOutcome, ReleaseRecord } from "./records.ts";
import { enableCommand } from "./silenced-monitors.ts";

export interface ReleaseNews {
  environment: string;
  release: Pick<
    ReleaseRecord,
    "deploymentId" | "functionName" | "alias" | "baselineVersion" | "canaryVersion" | "creator" | "stepsTaken"
  >;
  outcome: ReleaseOutcome;
  severity: Notification["severity"];
  reasons: Reason[];
  findings: Reason[];
  /** Seconds from the event that was answered to the state that is reported. */
  durationSeconds?: number | undefined;
  aliasState?: { functionVersion: string; weights: Record<string, number> } | undefined;
  flags?: FlagResult[];
  /** The state of the alias differs from what the release's stack says. */
  drifted?: boolean;
  /** Something is not as it should be and needs a person. */
  trouble?: string | undefined;
}

/** Refusals of a release whose alias is not where its stack or its deployment group take it to be. */
const NOT_WHERE_IT_SHOULD_BE: ReadonlySet<string> = new Set([
  "alias-moved",
  "alias-split",
  "invalid-lambda-configuration",
]);

const HEADLINE: Record<ReleaseOutcome, string> = {
  promoted: "promoted",
  "rolled-back": "rolled back",
  "flags-off": "flags switched off",
  blocked: "refused before any traffic",
  failed: "failed",
  open: "still open",
};

/** One notification: what, why with figures, how long it took, how things stand, and what to run next. */
export function releaseNotification(news: ReleaseNews): Notification {
  const { environment, release, outcome, reasons, findings, flags = [], aliasState, durationSeconds, trouble } = news;
  const { functionName, alias, baselineVersion, canaryVersion, deploymentId } = release;
  const next = nextSteps(news);
  const stays = outcome === "rolled-back" ? (release.stepsTaken ?? []) : [];
  return {
    severity: trouble ? "critical" : news.severity,
    subject: `${functionName}: version ${canaryVersion} ${trouble ? "needs you" : HEADLINE[outcome]} (${environment})`,
    lines: [
      `Release ${deploymentId} of ${functionName}:${alias}, version ${baselineVersion} to ${canaryVersion}, ${outcome === "flags-off" ? "had" : "was"} ${HEADLINE[outcome]}.`,
      ...(trouble ? [`It needs a person: ${trouble}.`] : []),
      ...reasons.map((reason) => `Reason ${reason.code}: ${reason.message}.`),
      ...findings.map((finding) => `Finding ${finding.code}: ${finding.message}.`),
      ...(stays.length > 0 ? [`Not taken back by this: ${describeSteps(stays)}.`] : []),
      ...(aliasState ? [`The alias ${describeAlias(alias, aliasState)}.`] : []),
      ...flags.flatMap(describeFlags),
      ...(durationSeconds === undefined ? [] : [`It took ${Math.round(durationSeconds)} s.`]),
      ...next,
    ],
    data: {
      event: "release",
      environment,
      deploymentId,
      functionName,
      alias,
      baselineVersion,
      canaryVersion,
      outcome,
      reasons,
      findings: [...new Set([...findings, ...reasons].map((reason) => reason.code))],
      findingDetails: findings,
      aliasState: aliasState ?? null,
      flags,
      stepsNotTakenBack: stays.map(({ name }) => name),
      durationSeconds: durationSeconds ?? null,
      trouble: trouble ?? null,
      next,
    },
  };
}

function describeAlias(alias: string, { functionVersion, weights }: NonNullable<ReleaseNews["aliasState"]>): string {
  const split = Object.entries(weights).map(
    ([version, weight]) => `${Math.round(weight * 100)} % on version ${version}`,
  );
  return `${alias} serves version ${functionVersion}${split.length > 0 ? `, with ${split.join(", ")}` : " alone"}`;
}

function describeFlags(result: FlagResult): string[] {
  const { silencedAlarms } = result;
  if (silencedAlarms.length === 0) return [describeKill(result)];
  const names = silencedAlarms.join(", ");
  return [describeKill(result), `The actions of ${names} were disabled meanwhile and could not be enabled again.`];
}

function describeKill({
  profileId,
  outcome,
  switchedOff,
  alreadyOff,
  remaining,
  seconds,
  failure,
}: FlagResult): string {
  const flags = `of profile ${profileId}`;
  const why = failure === undefined ? "" : `: ${failure}`;
  if (outcome === "not-known") return `It is not known whether flags ${remaining.join(", ")} ${flags} are off${why}.`;
  if (outcome === "not-off") return `Flags ${remaining.join(", ")} ${flags} could not be switched off${why}.`;
  if (switchedOff.length === 0) return `Flags ${flags} were off already: ${alreadyOff.join(", ") || "none"}.`;
  const took = Math.round(seconds ?? 0);
  return `Flags ${switchedOff.join(", ")} ${flags} went off in ${took} s; readers that poll see it up to ${READER_POLL_SECONDS} s later, ${took + READER_POLL_SECONDS} s in all.`;
}

/** Commands that can be pasted, most urgent first. */
function nextSteps(news: ReleaseNews): string[] {
  const { release, outcome, flags = [], drifted, trouble } = news;
  const { functionName, baselineVersion, canaryVersion, alias } = release;
  const rollBack = `goaround rollback --action rollback-function --function-name ${functionName} --alias ${alias} --target-version ${baselineVersion}`;
  const check = `goaround rollback --action health-check --functions ${functionName}`;
  const steps = flags
    .filter((result) => result.outcome !== "off")
    .map(
      (result) =>
        `Switch the flags off by hand: goaround rollback --action rollback-flags --application-id ${result.applicationId} --environment-id ${result.environmentId} --profile-id ${result.profileId} --flags ${result.remaining.join(" ")}`,
    );
  const silenced = [...new Set(flags.flatMap((result) => result.silencedAlarms))];
  if (silenced.length > 0) steps.push(`Let the monitors' alarms act again: ${enableCommand(silenced)}`);
  if (trouble && outcome !== "flags-off") steps.push(`Put the alias back by hand: ${rollBack}`);
  if (outcome === "rolled-back") {
    steps.push(`Check that it is well: ${check}`);
    steps.push(
      drifted
        ? `The alias no longer agrees with its stack: the next \`cdk deploy\` of ${functionName} fails before any traffic until this is run: ${doctorCommand(functionName, alias)}`
        : `The next \`cdk deploy\` releases what the app contains: fix version ${canaryVersion} first.`,
    );
  } else if (outcome === "promoted" || outcome === "flags-off") {
    steps.push(`If it is not well, go back: ${rollBack}`);
  } else if (outcome === "blocked" || outcome === "failed") {
    if (news.reasons.some(({ code }) => NOT_WHERE_IT_SHOULD_BE.has(code))) {
      steps.push(`Bring alias, stack and deployment group together again: ${doctorCommand(functionName, alias)}`);
    }
    steps.push(
      "Nothing needs to be undone. Remove the cause and run the next `cdk deploy` (or `goaround deploy`) again.",
    );
  }
  return steps.map((step) => `Next: ${step}`);
}
