import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import { heldFlags } from "../../lib/core/release/release-flags.ts";
import { killReleaseFlags, tellFlagsLate } from "./flags-off.ts";
import { bestEffort, type Response } from "./responder.ts";
import { readStanding } from "./standing.ts";

/**
 * Flags that were to go off and were kept on by somebody else's flag deployment, asked for every minute by the sweep: they go off once
 * it has ended, and people hear of it. Nothing is done any more once the guard was disarmed or another release of the alias began: what
 * that is to find is for people to say, who were told that the flags are on.
 */
export async function onHeldFlags(response: Response, deploymentId: string): Promise<void> {
  const { ports, log } = response;
  const release = await ports.ledger.getRelease(deploymentId);
  const flags = isOpened(release) ? heldFlags(release, ports.clock.now()) : [];
  if (!isOpened(release) || flags.length === 0) {
    log.info("no flags wait to go off", { deploymentId });
    return;
  }
  const { record, disarmed } = await readStanding(response, release);
  if (disarmed || (record?.lastReleaseId ?? deploymentId) !== deploymentId) {
    log.warn("held flags are left to people", { deploymentId, disarmed: disarmed?.by, newest: record?.lastReleaseId });
    await ports.ledger.updateRelease(deploymentId, {
      flagResults: release.flagResults?.map((result) => ({ ...result, isHeld: false })),
    });
    return;
  }
  const others = (release.flagResults ?? []).filter(({ isHeld }) => !isHeld);
  const results = await killReleaseFlags(response, { ...release, flags }, `release ${deploymentId} was taken back`);
  if (others.length > 0) {
    await bestEffort(response, "recording the flags", () =>
      ports.ledger.updateRelease(deploymentId, { flagResults: [...others, ...results] }),
    );
  }
  if (results.every(({ outcome }) => outcome === "off")) await tellFlagsLate(response, release, results);
}
