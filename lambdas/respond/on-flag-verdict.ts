import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import { heldWords } from "../../lib/core/release/environment-record.ts";
import type { FlagVerdictEvent } from "../../lib/core/release/events.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { flagKey, onlyFlags } from "../../lib/core/release/release-flags.ts";
import { tell } from "./books.ts";
import { killReleaseFlags, tellFlagsLate, tellFlagsOff } from "./flags-off.ts";
import { bestEffort, type Response } from "./responder.ts";
import { readStanding } from "./standing.ts";

/** The watch has judged flags of a release harmful by themselves: they go off, the code stays. */
export async function onFlagVerdict(response: Response, event: FlagVerdictEvent): Promise<void> {
  const { ports, log } = response;
  const { deploymentId, reasons } = event;
  const release = await ports.ledger.getRelease(deploymentId);
  if (!isOpened(release)) {
    log.error("no release of this guard; nothing is done", { deploymentId });
    return;
  }
  const asked = new Set(event.flags.flatMap((reference) => reference.flags.map((flag) => flagKey(reference, flag))));
  const gone = release.harmfulFlagsOff ?? [];
  const flags = onlyFlags(release.flags, (key) => asked.has(key) && !gone.includes(key));
  if (flags.length > 0) await switchHarmfulOff(response, { ...release, flags }, reasons);
}

/**
 * Off, written down, and told once for each set of flags. No claim is needed to act: a flag that is off already is left
 * as it is, and whoever was cut off is asked again. `release.flags` are the harmful ones only.
 */
export async function switchHarmfulOff(
  response: Response,
  release: ReleaseRecord,
  reasons: Reason[],
): Promise<boolean> {
  const { ports } = response;
  const { deploymentId, policy, flags } = release;
  const keys = flags.flatMap((reference) => reference.flags.map((flag) => flagKey(reference, flag)));
  const names = [...new Set(flags.flatMap((reference) => reference.flags))].sort();
  const { disarmed } = await readStanding(response, release);
  if (disarmed || !policy.automaticRollback) {
    const why = heldWords(disarmed);
    await tell(response, `notify-harmful ${names.join(" ")}`, {
      release,
      outcome: release.outcome,
      severity: "critical",
      reasons,
      findings: [],
      trouble: `flags ${names.join(", ")} are harmful and ${why}`,
    });
    return false;
  }
  const startedAt = ports.clock.now();
  const why = `harmful in release ${deploymentId}: ${reasons[0]!.message}`;
  const results = await asOurs(response, await killReleaseFlags(response, release, why), why);
  const isOff = results.every(({ outcome }) => outcome === "off");
  if (isOff) {
    await bestEffort(response, "recording that harmful flags are off", async () => {
      const gone = (await ports.ledger.getRelease(deploymentId))?.harmfulFlagsOff ?? [];
      await ports.ledger.updateRelease(deploymentId, {
        harmfulFlagsOff: [...new Set([...gone, ...keys])],
        harmfulFlagsOffAt: ports.clock.now().toISOString(),
      });
    });
  }
  const findings = [fact("code-stays", await whatBecomesOfCode(response, release))];
  await tellFlagsOff(response, release, {
    flags: results,
    reasons,
    findings,
    startedAt,
    claim: `notify-flags-off ${names.join(" ")}`,
  });
  if (isOff && release.flagResults?.some(({ isHeld }) => isHeld)) {
    await tellFlagsLate(response, { ...release, outcome: "flags-off" }, results);
  }
  return isOff;
}

/** Flags that an earlier run of ours switched off before it was cut off count as switched off now: nobody was told. */
async function asOurs({ ports, log }: Response, results: FlagResult[], why: string): Promise<FlagResult[]> {
  if (results.every(({ alreadyOff }) => alreadyOff.length === 0)) return results;
  try {
    const { killedFlags } = await ports.ledger.getEnvironment();
    const ours = new Set(Object.values(killedFlags).flatMap(({ reason, flag }) => (reason === why ? [flag] : [])));
    return results.map((result) => ({
      ...result,
      switchedOff: [...result.switchedOff, ...result.alreadyOff.filter((flag) => ours.has(flag))],
      alreadyOff: result.alreadyOff.filter((flag) => !ours.has(flag)),
    }));
  } catch (error) {
    log.warn("who switched the flags off is not known", factsOf(error));
    return results;
  }
}

async function whatBecomesOfCode({ ports }: Response, { deploymentId, canaryVersion }: ReleaseRecord): Promise<string> {
  const isOver = hasEnded(await ports.deployments.get(deploymentId));
  return isOver
    ? `version ${canaryVersion} keeps its traffic: its flag is blamed, not its code`
    : `the release of version ${canaryVersion} goes on: its flag is blamed, not its code`;
}
