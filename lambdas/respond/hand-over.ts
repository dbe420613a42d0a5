import { isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { ownAlarmNames, wasRedBefore } from "../../lib/core/release/release-facts.ts";
import { onAlarm } from "./on-alarm.ts";
import { bestEffort, type Response } from "./responder.ts";

/**
 * Guard time begins: an alarm that is red already gives no event any more. One that was red before the release is no
 * news, and where both versions were seen to fail, people have been told.
 */
export async function answerRedAlarms(response: Response, release: ReleaseRecord): Promise<void> {
  if (isBaselineUnhealthy(release.verdict)) return;
  const { ports, environment, log } = response;
  let red: string[] = [];
  await bestEffort(response, "reading alarms at the hand-over", async () => {
    const states = await ports.monitoring.alarmStates(ownAlarmNames(environment, release));
    red = Object.keys(states).filter((name) => states[name] === "ALARM" && !wasRedBefore(release, name));
  });
  for (const alarmName of red) {
    log.warn("red when guard time begins", { deploymentId: release.deploymentId, alarm: alarmName });
    const reason = "it was red when the release ended";
    const at = ports.clock.now();
    await onAlarm(response, { kind: "alarm", alarmName, state: "ALARM", previousState: "ALARM", reason, at });
  }
}
