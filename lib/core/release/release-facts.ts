import { ALIAS_CHECKS, alarmName } from "../../contract/names.ts";
import { type ParsedPolicy, parsePolicy, policySchema } from "../../contract/policy.ts";
import type { AlarmState, DeploymentInfo, FunctionsPort, PolicyPort, VersionInfo } from "../ports.ts";
import type { AppSpec } from "./appspec.ts";
import type { ReleaseRecord } from "./records.ts";

/** Undefined when there is no policy parameter. */
export async function readPolicy(
  policies: PolicyPort,
  environment: string,
  { functionName, alias }: Pick<AppSpec, "functionName" | "alias">,
): Promise<ParsedPolicy | undefined> {
  const document = await policies.read(environment, functionName, alias);
  return document === undefined ? undefined : parsePolicy(document);
}

/** The function's own alias-scoped alarms, which never block its release. */
export const ownAlarmNames = (environment: string, { functionName, alias }: Pick<AppSpec, "functionName" | "alias">) =>
  ALIAS_CHECKS.map((check) => alarmName({ environment, functionName, alias, check }));

/** Whether an alarm was in ALARM already when the release was admitted: no news of the release's. */
const wasRedBefore = ({ admissionFindings = [] }: Pick<ReleaseRecord, "admissionFindings">, name: string) =>
  admissionFindings.some(({ alarm }) => alarm === name);

/** The alarms that are red now and were not when the release was admitted. */
export const redSinceRelease = (
  release: Pick<ReleaseRecord, "admissionFindings">,
  states: Record<string, AlarmState>,
): string[] => Object.keys(states).filter((name) => states[name] === "ALARM" && !wasRedBefore(release, name));

/**
 * The first record of a release: versions, artifact and policy are frozen in it. Where there is no valid policy (the
 * release is refused then) the defaults stand in, so that the record is whole.
 */
export function newRecord(facts: {
  deployment: Pick<DeploymentInfo, "deploymentId" | "application" | "group" | "creator">;
  appSpec: AppSpec;
  target: VersionInfo | undefined;
  policy: ParsedPolicy | undefined;
  now: Date;
}): ReleaseRecord {
  const { deployment, appSpec, target, now } = facts;
  const policy = facts.policy?.ok
    ? facts.policy.policy
    : policySchema.parse({
        schemaVersion: 1,
        functionName: appSpec.functionName,
        alias: appSpec.alias,
        deploymentGroup: deployment.group,
      });
  return {
    deploymentId: deployment.deploymentId,
    functionName: appSpec.functionName,
    alias: appSpec.alias,
    application: deployment.application,
    group: deployment.group,
    creator: deployment.creator,
    baselineVersion: appSpec.currentVersion,
    canaryVersion: appSpec.targetVersion,
    canaryCodeSha256: target?.codeSha256 ?? "",
    canaryConfigurationHash: target?.configurationHash ?? "",
    policy,
    flags: policy.flags,
    rollbackThresholdPercent: undefined,
    temporaryAlarms: [],
    openedAt: now.toISOString(),
    shiftStartedAt: undefined,
    closedAt: undefined,
    outcome: "open",
    verdict: undefined,
    reason: undefined,
    actor: undefined,
  };
}

/** The version's facts, after at most a minute of waiting while Lambda still prepares it. */
export async function readVersion(
  functions: FunctionsPort,
  clock: { sleep(ms: number, signal?: AbortSignal): Promise<void> },
  functionName: string,
  version: string,
  signal?: AbortSignal,
): Promise<VersionInfo | undefined> {
  for (let waitedMs = 0; ; waitedMs += PENDING_POLL_MS) {
    const info = await functions.getVersion(functionName, version);
    if (info?.state !== "Pending" || waitedMs >= PENDING_LIMIT_MS) return info;
    await clock.sleep(PENDING_POLL_MS, signal);
  }
}

/** A new version is Pending for seconds, with a network interface for up to a minute. */
const PENDING_LIMIT_MS = 60_000;
const PENDING_POLL_MS = 2000;
