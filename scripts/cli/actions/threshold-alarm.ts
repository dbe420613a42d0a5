import { alarmName, parseAlarmName } from "../../../lib/contract/names.ts";
import type { Session } from "../session.ts";
import type { ReleaseFacts, ReleaseRequest } from "./release-look.ts";

/** Without a policy: below this many requests a minute one error would be over most thresholds. */
const DEFAULT_MIN_SAMPLES = 20;

/** The alarm of `--rollback-threshold`. */
export const thresholdAlarmName = (
  { environment }: Session,
  { functionName, alias, version }: ReleaseRequest,
): string => alarmName({ environment, functionName, alias, check: "threshold", version });

export async function putThresholdAlarm(
  session: Session,
  { functionName, alias, version, rollbackThreshold = 0 }: ReleaseRequest,
  { policy }: Pick<ReleaseFacts, "policy">,
  name: string,
): Promise<void> {
  await session.ports.monitoring.putVersionErrorAlarm({
    name,
    description: `Temporary: errors of version ${version} over ${rollbackThreshold} % (goaround deploy)`,
    errorRatePercent: rollbackThreshold,
    functionName,
    alias,
    version,
    minSamples: policy?.checks.minSamples ?? DEFAULT_MIN_SAMPLES,
  });
}

/** Says how to when it cannot. */
export async function removeThresholdAlarms(session: Session, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await session.ports.monitoring.deleteAlarms(names).catch((error: unknown) => {
    session.warn(
      `the temporary alarm could not be removed (${(error as Error).message}); ` +
        `run: aws cloudwatch delete-alarms --alarm-names ${names.join(" ")}`,
    );
  });
}

/** CloudFormation makes the alarms of a version with the version; one released past it has none of its own. */
export function warnOfAlarms(
  session: Session,
  { version, rollbackThreshold }: ReleaseRequest,
  { groupAlarms }: Pick<ReleaseFacts, "groupAlarms">,
  consequence: { without: string; withThreshold: string },
): void {
  const versions = groupAlarms.map((name) => parseAlarmName(session.environment, name)?.version);
  const others = [...new Set(versions.filter((watched) => watched !== undefined && watched !== version))];
  if (others.length === 0 || versions.includes(version)) return;
  const { without, withThreshold } = consequence;
  session.warn(
    `the group's alarms watch version ${others.join(", ")}, not ${version}: ` +
      (rollbackThreshold === undefined ? `${without}; add --rollback-threshold 5` : withThreshold),
  );
}
