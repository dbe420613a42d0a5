import { isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { ownAlarmNames, redSinceRelease } from "../../lib/core/release/release-facts.ts";
import { onAlarm } from "./on-alarm.ts";
import { bestEffort, type Response } from "./responder.ts";

/** The watch has seen alarms that are red while a release bakes: their events are answered, or were lost. */
export async function onRedAlarms(response: Response, deploymentId: string): Promise<void> {
  const release = await response.ports.ledger.getRelease(deploymentId);
  if (!isOpened(release) || release.closedAt) {
    response.log.info("no release of this guard that bakes", { deploymentId });
    return;
  }
  await answerRedAlarms(response, release, "it was red while the release baked");
}

/**
 * Alarms of a release's alias that are red and give no event any more, as when guard time begins. One that was red before
 * the release is no news, and where both versions were seen to fail, people have been told.
 */
export async function answerRedAlarms(
  response: Response,
  release: ReleaseRecord,
  reason = "it was red when the release ended",
): Promise<void> {
  if (isBaselineUnhealthy(release.verdict ?? release.judging?.verdict)) return;
  const { ports, environment, log } = response;
  let red: string[] = [];
  await bestEffort(response, "reading the release's alarms", async () => {
    red = redSinceRelease(release, await ports.monitoring.alarmStates(ownAlarmNames(environment, release)));
  });
  for (const alarmName of red) {
    log.warn("red without an event", { deploymentId: release.deploymentId, alarm: alarmName });
    const at = ports.clock.now();
    await onAlarm(response, { kind: "alarm", alarmName, state: "ALARM", previousState: "ALARM", reason, at });
  }
}
