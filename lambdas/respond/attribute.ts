import { parseAlarmName } from "../../lib/contract/names.ts";
import { withinBudget } from "../../lib/core/deadline.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import { type Asked, type Blame, blame, notTheRelease } from "../../lib/core/release/attribution.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { throttledAsBefore } from "../../lib/core/release/throttling.ts";
import { askVersion } from "../runtime/ask-version.ts";
import type { Response } from "./responder.ts";

/** Throttling comes in bursts: half an hour before the release is what the minutes behind the alarm are held against. */
const BEFORE_RELEASE_MS = 30 * 60_000;
const SINCE_ALARM_MS = 5 * 60_000;
/** How long the alias waits for metrics. */
const METRICS_LIMIT_MS = 5000;
/** How long it waits for the versions to show which of them fails. Milliseconds. */
const ASKING_LIMIT_MS = 10_000;

/**
 * Why an alarm in guard time is not the release's doing; undefined when it is, or when nothing says otherwise: then the
 * alias goes back, which is the safer mistake. There is no concurrent baseline any more, so its part is played by the
 * version that served before, asked with the policy's smoke payloads at the same moments.
 */
export async function notItsDoing(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
): Promise<Reason | undefined> {
  if (parseAlarmName(response.environment, event.alarmName)?.check === "throttles") {
    return sameShortage(response, release);
  }
  return (await redDependency(response, release)) ?? (await bothFail(response, release));
}

/** Metrics that cannot be read excuse nobody. */
async function sameShortage(
  { ports, log }: Response,
  { functionName, alias, openedAt }: ReleaseRecord,
): Promise<Reason | undefined> {
  const counts = (to: number, ms: number) =>
    ports.monitoring.aliasCounts({ functionName, alias, from: new Date(to - ms), to: new Date(to) });
  try {
    const [before, now] = await withinBudget(ports.clock, METRICS_LIMIT_MS, () =>
      Promise.all([
        counts(Date.parse(openedAt), BEFORE_RELEASE_MS),
        counts(ports.clock.now().getTime(), SINCE_ALARM_MS),
      ]),
    );
    return throttledAsBefore(before, now);
  } catch (error) {
    log.warn("metrics could not be read", factsOf(error));
    return undefined;
  }
}

/** The alarms of what the function needs, as its policy names them. */
async function redDependency({ ports, log }: Response, { policy }: ReleaseRecord): Promise<Reason | undefined> {
  if (policy.blockers.length === 0) return undefined;
  try {
    const states = await withinBudget(ports.clock, METRICS_LIMIT_MS, () =>
      ports.monitoring.alarmStates(policy.blockers),
    );
    const red = policy.blockers.filter((name) => states[name] === "ALARM");
    return red.length === 0 ? undefined : notTheRelease("dependency-red", `${red.join(", ")} is in ALARM`);
  } catch (error) {
    log.warn("the alarms of dependencies could not be read", factsOf(error));
    return undefined;
  }
}

async function bothFail(response: Response, release: ReleaseRecord): Promise<Reason | undefined> {
  if (release.policy.smokeTests.length === 0) return undefined;
  const { ports, log } = response;
  let serving: Asked = { asked: 0, failed: 0 };
  let knownGood: Asked = { asked: 0, failed: 0 };
  let whose: Blame | undefined;
  try {
    await withinBudget(ports.clock, ASKING_LIMIT_MS, async ({ signal }) => {
      while (whose === undefined) {
        [serving, knownGood] = await Promise.all([
          askVersion(ports, release, release.canaryVersion, serving, signal),
          askVersion(ports, release, release.baselineVersion, knownGood, signal),
        ]);
        whose = blame(serving, knownGood);
      }
    });
  } catch (error) {
    log.warn("the versions could not be asked to the end", factsOf(error));
  }
  log.info("asked both versions", { deploymentId: release.deploymentId, whose: whose ?? "", serving, knownGood });
  if (whose !== "shared") return undefined;
  const message = `version ${release.baselineVersion}, which served before, failed ${knownGood.failed} of ${knownGood.asked} smoke requests, version ${release.canaryVersion} ${serving.failed} of ${serving.asked}`;
  return notTheRelease("known-good-fails-too", message, knownGood);
}
