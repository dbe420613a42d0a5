import { OWN_FLAG_DEPLOYMENT_PREFIX } from "../../lib/contract/names.ts";
import type { FlagReference } from "../../lib/contract/policy.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf, messageOf } from "../../lib/core/log.ts";
import type { FlagTarget } from "../../lib/core/ports.ts";
import {
  initialEnabling,
  profileKey,
  unjudgedFlags,
  waitingFlags,
  withoutToldOff,
} from "../../lib/core/release/enable-flags.ts";
import { allOff, setFlags } from "../../lib/core/release/flag-document.ts";
import { UNFINISHED } from "../../lib/core/release/flag-kill.ts";
import type { Enabling, FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { tell } from "./books.ts";
import { mayPass, type Response } from "./responder.ts";

/** By it a deployment of ours is found again whose number nobody could write down. */
export const describeEnabling = ({ deploymentId }: ReleaseRecord, { flags }: FlagReference) =>
  `${OWN_FLAG_DEPLOYMENT_PREFIX} switch on ${flags.join(", ")} after release ${deploymentId}`;

export async function writeEnabling(
  { ports }: Response,
  release: ReleaseRecord,
  changes: Partial<Enabling>,
): Promise<void> {
  const enabling = { ...(release.enabling ?? initialEnabling(ports.clock.now())), ...changes };
  await ports.ledger.updateRelease(release.deploymentId, { enabling });
}

/** How one profile's flags stand when no more are switched on. */
interface Standing {
  reference: FlagReference;
  kind: "waits" | "taken-back" | "on" | "not-known";
  /** Why it is not known. */
  failure?: string;
}

/**
 * No more flags are switched on, and those that are on their way are taken back: nobody judges them from now on. AppConfig
 * knows no pause, a deployment that is stopped goes back to what was before. Throws where another try may stop it.
 */
export async function endEnabling(
  response: Response,
  release: ReleaseRecord,
  { why, told }: { why: string; told: boolean },
): Promise<void> {
  const { ports, log } = response;
  log.info("no more flags are switched on", { deploymentId: release.deploymentId, why });
  const standings: Standing[] = [];
  for (const reference of waitingFlags(release)) standings.push(await takeBack(response, release, reference));
  const current = (await ports.ledger.getRelease(release.deploymentId)) ?? release;
  const judged = { ...current, policy: release.policy };
  const isKnown = told || current.outcome === "rolled-back";
  const isKilled = isKnown && (await ports.ledger.wasClaimed(release.deploymentId, "flags-off"));
  const news = standings.flatMap((standing) => {
    // A rollback says of itself that nothing more is switched on, and its kill what it took away.
    if (isKilled || (isKnown && standing.kind === "waits")) return [];
    return withoutToldOff([standing.reference], judged).map((reference) => ({ ...standing, reference }));
  });
  const findings = news.length > 0 ? await tellNotEnabled(response, current, news, why) : [];
  const isOn = standings.every(({ kind }) => kind === "on");
  const endedAt = ports.clock.now().toISOString();
  await writeEnabling(response, release, { endedAt, result: isOn ? "on" : "stopped", why, findings });
}

async function takeBack(response: Response, release: ReleaseRecord, reference: FlagReference): Promise<Standing> {
  const { ports, log } = response;
  const { applicationId: application, environmentId: environment, profileId: profile, flags } = reference;
  try {
    const target = await ports.flags.resolve({ application, environment, profile });
    const number = await begunDeployment(response, release, reference, target);
    if (number === undefined) return { reference, kind: "waits" };
    const { state } = await ports.flags.getDeployment(target, number);
    if (UNFINISHED.has(state) && state !== "ROLLING_BACK") {
      log.warn("flags that are being switched on are taken back", { flags, number });
      await ports.flags.stopDeployment(target, number);
    }
    // It may have been complete a moment before, and somebody may have changed the flags since.
    const deployed = await ports.flags.deployed(target);
    const left = deployed ? setFlags(deployed.document, allOff(flags), "leave-out").changed : [];
    return { reference, kind: left.length > 0 ? "on" : "taken-back" };
  } catch (error) {
    if (mayPass(error)) throw error;
    log.error("how flags that wait for a release stand is not known", { flags, ...factsOf(error) });
    return { reference, kind: "not-known", failure: messageOf(error) };
  }
}

async function begunDeployment(
  { ports }: Response,
  release: ReleaseRecord,
  reference: FlagReference,
  target: FlagTarget,
): Promise<number | undefined> {
  const written = release.enabling?.deployments[profileKey(reference)];
  if (written !== undefined) return written;
  const active = await ports.flags.activeDeployment(target);
  return active?.description === describeEnabling(release, reference) ? active.number : undefined;
}

const SAID: Record<Standing["kind"], { code: string; words: string }> = {
  waits: { code: "flags-not-enabled", words: "waited for this release and stays off" },
  "taken-back": { code: "flags-not-enabled", words: "was being switched on and goes off again for those who saw it" },
  on: { code: "flags-left-on", words: "was switched on for everyone before" },
  "not-known": { code: "flags-left-on", words: "may be on, or on its way to everyone" },
};

async function tellNotEnabled(
  response: Response,
  release: ReleaseRecord,
  standings: readonly Standing[],
  why: string,
): Promise<Reason[]> {
  const isOpen = standings.some(({ kind }) => kind === "not-known");
  const findings = standings.map(({ reference, kind }) =>
    fact(SAID[kind].code, `${reference.flags.join(", ")} ${SAID[kind].words}: ${why}`),
  );
  await tell(response, "notify-not-enabled", {
    release,
    outcome: release.outcome === "open" ? "promoted" : release.outcome,
    severity: isOpen ? "critical" : "warning",
    reasons: [],
    findings,
    flags: standings.flatMap(leftOver),
  });
  return findings;
}

/** Has the command by which a person switches the flags off. */
function leftOver({ reference, kind, failure }: Standing): FlagResult[] {
  if (kind !== "not-known") return [];
  const { applicationId, environmentId, profileId, flags: remaining } = reference;
  const none = { switchedOff: [], alreadyOff: [], silencedAlarms: [], seconds: undefined };
  return [{ applicationId, environmentId, profileId, outcome: "not-known", remaining, failure, ...none }];
}

/** Flags that everybody has and of which too little was told. Answers what was said of them. */
export async function tellNotJudged(response: Response, release: ReleaseRecord): Promise<Reason[]> {
  const { minSamples } = release.policy.checks;
  const findings = unjudgedFlags(release).map(({ flag, seenOn }) =>
    fact(
      "flags-not-judged",
      `${flag} is on for everyone and was not judged: ${seenOn} requests told that they saw it on, ${minSamples} are the least`,
      { samples: seenOn, limit: minSamples },
    ),
  );
  if (findings.length === 0) return findings;
  await tell(response, "notify-not-judged", {
    release,
    outcome: "promoted",
    severity: "warning",
    reasons: [],
    findings,
  });
  return findings;
}
