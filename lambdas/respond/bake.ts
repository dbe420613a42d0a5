import type { Verdict } from "../../lib/core/judge/types.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { guardRelease, type WayBack } from "./guard-time.ts";
import { bestEffort, type Response } from "./responder.ts";
import { stopRelease } from "./stop-release.ts";

/**
 * An alarm of the whole alias while a release bakes: all traffic is on its version, and its deployment is open. Whose doing
 * it is, is found out as in guard time; the way back is CodeDeploy's own, which still holds the alias. What is found in the
 * release's favour is written down: the watch does not call it good while an alarm is red that nobody has answered.
 */
export async function guardBake(response: Response, event: AlarmEvent, given: ReleaseRecord): Promise<void> {
  const { ports, log } = response;
  const { deploymentId, judging } = given;
  const release = { ...given, verdict: given.verdict ?? judging?.verdict };
  const way: WayBack = {
    when: "while the release baked",
    flagsClaim: "bake-flags",
    async goBack(reasons) {
      // It may have waited for an alarm to recover; what is red then is answered when guard time begins.
      if (hasEnded(await ports.deployments.get(deploymentId))) {
        log.info("the release has ended meanwhile", { deploymentId });
        return;
      }
      const verdict: Verdict = { kind: "rollback", reasons, findings: release.verdict?.findings ?? [] };
      await stopRelease(response, deploymentId, given, { verdict, why: event.alarmName });
    },
    async stays(why) {
      await bestEffort(response, "recording why the release stays", async () => {
        const { staysDespite } = (await ports.ledger.getRelease(deploymentId)) ?? given;
        const answer = { at: ports.clock.now().toISOString(), why };
        await ports.ledger.updateRelease(deploymentId, {
          staysDespite: { ...staysDespite, [event.alarmName]: answer },
        });
      });
    },
  };
  await guardRelease(response, event, release, { journal: undefined, isUnread: false }, way);
}
