import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason, Verdict } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import { baselineUnhealthy, isBaselineUnhealthy, judgingPolicy } from "../../lib/core/release/conclusion.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import { judgePublished } from "../../lib/core/release/judge-shift.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { shiftOf } from "../../lib/core/release/shift.ts";
import { comparedTime } from "../../lib/core/release/staged.ts";
import { flagEvidence } from "./flag-evidence.ts";
import { switchFlagsOff } from "./flags-off.ts";
import { switchHarmfulOff } from "./on-flag-verdict.ts";
import { once, type Response } from "./responder.ts";
import { readStanding } from "./standing.ts";
import { stopRelease } from "./stop-release.ts";

const MINUTE_MS = 60_000;
const POLL_MS = 20_000;
/** The running minute, the one or two that are not published yet, and those that the alarm has judged. */
const ALARM_MINUTES = 5;
/** Periods in a row that make an absolute alarm of the guard red. */
const ALARM_PERIODS = 2;
/** A shared fault shows within two published minutes; after that the hook at the end of the shift looks again. */
const LIMIT_MS = 4 * 60_000;

/**
 * Something is red while a release runs and it is not the canary alone. The code stays: if both versions are over their
 * limits, what they share is suspect, and of that the release's flags are ours to switch off. Where a command drives the
 * release, nobody else may be there to judge: then a canary that is found worse goes back as well.
 */
export async function compareVersions(response: Response, event: AlarmEvent, given: ReleaseRecord): Promise<void> {
  const { deploymentId, policy, attended } = given;
  if ((given.flags.length === 0 && !attended) || !policy.automaticRollback) return;
  // The watch has found the harmful one already; the alarm is late.
  if (given.harmfulFlagsOff && given.harmfulFlagsOff.length > 0) return;
  if ((await readStanding(response, given)).disarmed) return;
  // One wait for each release: the others would only hold the responder's concurrency.
  const claim = attended ? `compare-${event.alarmName}-${event.at?.toISOString()}` : "compare";
  await once(response, deploymentId, claim, () => compare(response, event, given));
}

async function compare(response: Response, event: AlarmEvent, given: ReleaseRecord): Promise<void> {
  const { ports, log, signal } = response;
  const { deploymentId, attended } = given;
  const reasons = [fact("alarm", `${event.alarmName} went into ALARM`)];
  const evidence = await flagEvidence(response, given);
  if (evidence.harmful.length > 0) {
    await switchHarmfulOff(response, { ...given, flags: evidence.harmful }, [...evidence.reasons, ...reasons]);
    return;
  }
  const release = { ...given, flags: evidence.suspects };
  if (release.flags.length === 0 && !attended)
    return log.info("the release's flags are not to blame", { deploymentId });
  const failing = release.flags.length > 0 ? await baselineFailing(response, release) : undefined;
  if (failing) {
    await switchFlagsOff(response, release, reasons, [failing]);
    return;
  }
  const until = ports.clock.now().getTime() + LIMIT_MS;
  while (ports.clock.now().getTime() < until) {
    const verdict = await lookBack(response, release);
    if (attended && verdict?.kind === "rollback") {
      await stopRelease(response, deploymentId, given, { verdict, why: event.alarmName });
      return;
    }
    if (verdict && isBaselineUnhealthy(verdict)) {
      if (release.flags.length > 0) await switchFlagsOff(response, release, reasons, verdict.findings);
      return;
    }
    await ports.clock.sleep(POLL_MS, signal);
    if (attended ? await isClosed(response, deploymentId) : hasEnded(await ports.deployments.get(deploymentId))) break;
  }
  log.info("no shared fault was seen", { deploymentId });
}

const isClosed = async ({ ports }: Response, deploymentId: string) =>
  (await ports.ledger.getRelease(deploymentId))?.closedAt !== undefined;

/**
 * The baseline alone, in the minutes that made the alarm red: they are published, or it would not be. When it is over
 * its limits in two of them (as many as the alarm asks for), what both versions share is to blame. A fair comparison of
 * the two (whole minutes of the shift, all published) comes a minute or two later, with the flag doing harm meanwhile.
 */
async function baselineFailing(response: Response, release: ReleaseRecord): Promise<Reason | undefined> {
  const { ports, log } = response;
  const { deploymentId, functionName, alias, baselineVersion: version } = release;
  const target = release.attended ? undefined : await ports.deployments.target(deploymentId);
  const codeDeploys = { shift: shiftOf(target), routing: undefined };
  const { shift } = comparedTime(release, codeDeploys);
  const thisMinute = Math.floor(ports.clock.now().getTime() / MINUTE_MS) * MINUTE_MS;
  const read = (fromMs: number) => {
    const [from, to] = [new Date(fromMs), new Date(fromMs + MINUTE_MS)];
    // Metrics by version may exist only while the alias has weights [inferred]; before the shift all is baseline.
    const isBefore = shift === undefined || to <= shift.startedAt;
    return isBefore
      ? ports.monitoring.aliasCounts({ functionName, alias, from, to })
      : ports.monitoring.versionCounts({ functionName, alias, version, from, to });
  };
  const minutes = Array.from({ length: ALARM_MINUTES }, (_, i) => thisMinute - i * MINUTE_MS);
  const counts = await Promise.allSettled(minutes.map(read));
  const reasons = counts.flatMap((minute) => {
    if (minute.status === "fulfilled") return baselineUnhealthy(minute.value, judgingPolicy(release).checks) ?? [];
    log.warn("monitoring could not be read", factsOf(minute.reason));
    return [];
  });
  return reasons.length >= ALARM_PERIODS ? reasons[0] : undefined;
}

/** The judge's view of all minutes that are published so far; undefined before the first. */
export async function lookBack(response: Response, release: ReleaseRecord): Promise<Verdict | undefined> {
  const { ports, log, signal } = response;
  const none = { shift: undefined, routing: undefined };
  const { shift, ...split } = comparedTime(
    release,
    release.attended ? none : await shiftOfDeployment(response, release),
  );
  if (!shift) return undefined;
  return (await judgePublished(ports, { release, shift, ...split }, log, signal))?.verdict;
}

async function shiftOfDeployment({ ports }: Response, { deploymentId }: ReleaseRecord) {
  const [{ configuration }, target] = await Promise.all([
    ports.deployments.get(deploymentId),
    ports.deployments.target(deploymentId),
  ]);
  const routing = configuration === undefined ? undefined : await ports.deployments.routing(configuration);
  return { shift: shiftOf(target), routing };
}
