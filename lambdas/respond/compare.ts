import { judgeFixed } from "../../lib/core/judge/fixed.ts";
import type { JudgeState, Verdict } from "../../lib/core/judge/types.ts";
import { isBaselineUnhealthy, judgingPolicy } from "../../lib/core/release/conclusion.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { lookWindows, shiftOf } from "../../lib/core/release/shift.ts";
import { publishedAt, takeLook } from "../runtime/look.ts";
import { fact } from "./books.ts";
import { mayAct, type Response } from "./responder.ts";
import { switchFlagsOff } from "./switch-flags-off.ts";

const POLL_MS = 20_000;
/** A shared fault shows within two published minutes; after that the hook at the end of the shift looks again. */
const LIMIT_MS = 4 * 60_000;

/**
 * Something is red while a release runs and it is not the canary alone. The code stays: if both versions are over their
 * limits, what they share is suspect, and of that the release's flags are ours to switch off.
 */
export async function compareVersions(response: Response, event: AlarmEvent, release: ReleaseRecord): Promise<void> {
  const { ports, log, signal } = response;
  const { deploymentId, policy } = release;
  if (release.flags.length === 0 || !policy.automaticRollback) return;
  // One wait for each release: the others would only hold the responder's concurrency.
  if (!(await mayAct(response, deploymentId, "compare"))) return;
  const until = ports.clock.now().getTime() + LIMIT_MS;
  while (ports.clock.now().getTime() < until) {
    const verdict = await lookBack(response, release);
    if (verdict && isBaselineUnhealthy(verdict)) {
      await switchFlagsOff(response, release, [fact("alarm", `${event.alarmName} went into ALARM`)], verdict.findings);
      return;
    }
    await ports.clock.sleep(POLL_MS, signal);
    if (hasEnded(await ports.deployments.get(deploymentId))) break;
  }
  log.info("no shared fault was seen", { deploymentId });
}

/** The judge's view of all minutes that are published so far; undefined before the first. */
export async function lookBack(response: Response, release: ReleaseRecord): Promise<Verdict | undefined> {
  const { ports, log, signal } = response;
  const [deployment, target] = await Promise.all([
    ports.deployments.get(release.deploymentId),
    ports.deployments.target(release.deploymentId),
  ]);
  const shift = shiftOf(target);
  if (!shift) return undefined;
  const { configuration } = deployment;
  const routing = configuration === undefined ? undefined : await ports.deployments.routing(configuration);
  const now = ports.clock.now();
  let state: JudgeState | undefined;
  let verdict: Verdict | undefined;
  for (const window of lookWindows(shift, routing, now)) {
    if (publishedAt(window) > now) break;
    const look = await takeLook(ports, release, window, log, signal);
    ({ state, verdict } = judgeFixed(state, look, judgingPolicy(release)));
  }
  return verdict;
}
