import type { FlagReference } from "../../lib/contract/policy.ts";
import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf, messageOf } from "../../lib/core/log.ts";
import { killFlags } from "../../lib/core/release/flag-kill.ts";
import { recordKill } from "../../lib/core/release/killed-flags.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { flagKey } from "../../lib/core/release/release-flags.ts";
import { tell } from "./books.ts";
import { bestEffort, mayPass, once, type Response, secondsSince } from "./responder.ts";

/** A stranger's flag deployment is not ours to stop; most end within this. Then a person must decide. */
const STRANGER_LIMIT_MS = 30_000;
/** A deployment of 0 minutes without bake is done in seconds. */
const DEPLOYMENT_LIMIT_MS = 60_000;
/** One profile, hanging calls included: the notification waits for it, and must leave before time is up. */
const PROFILE_LIMIT_MS = 120_000;

/** A call that failed for all of the SDK's attempts may pass a moment later; what three tries do not cure, a person must. */
const TRIES = 3;
const PAUSE_MS = 5000;

/** How long to wait for the one who switches the flags off to write down how it went; only the notification waits. */
const RESULTS_LIMIT_MS = 60_000;
const RESULTS_POLL_MS = 5000;

/** Time to let silenced alarms act again after a kill that hung. */
const RESTORE_LIMIT_MS = 5000;

export interface KillOptions {
  /** Called when AppConfig has taken a deployment that switches flags off, and at each of its answers about it. */
  onAnswer?: () => void;
}

export type KillableRelease = Pick<ReleaseRecord, "deploymentId" | "flags" | "disabledAlarms">;

/**
 * Switches the flags of a release off, profile by profile: an environment takes one deployment at a time. Never throws
 * and never hangs: what failed, or is not known, is in the result and in the ledger, for a person to finish. What somebody else's
 * deployment holds is handed to the sweep.
 */
export async function killReleaseFlags(
  response: Response,
  release: KillableRelease,
  why: string,
  options: KillOptions = {},
): Promise<FlagResult[]> {
  const results: FlagResult[] = [];
  for (const reference of release.flags) results.push(await killProfile(response, release, reference, why, options));
  if (results.length === 0) return results;
  const { ledger, sweep } = response.ports;
  const { deploymentId } = release;
  const isWritten = await bestEffort(response, "recording the flags", () =>
    ledger.updateRelease(deploymentId, { flagResults: results }),
  );
  if (!results.some(({ isHeld }) => isHeld)) return results;
  // Written first: the sweep lets go of a release of which nothing is left to do.
  const isHandedOver =
    isWritten &&
    (await bestEffort(response, "handing held flags to the sweep", async () => {
      await sweep.add(deploymentId);
      await sweep.enable();
    }));
  return isHandedOver ? results : results.map((result) => ({ ...result, isHeld: false }));
}

async function killProfile(
  response: Response,
  release: KillableRelease,
  { flags, enableAfterRelease = [], ...ids }: FlagReference,
  reason: string,
  options: KillOptions,
): Promise<FlagResult> {
  const { ports, environment, log, signal } = response;
  const startedAt = ports.clock.now();
  let silencedAlarms = release.disabledAlarms ?? [];
  const remember = (disabledAlarms: string[]) => {
    silencedAlarms = disabledAlarms;
    return ports.ledger.updateRelease(release.deploymentId, { disabledAlarms });
  };
  try {
    const { target, ...result } = await withinBudget(ports.clock, PROFILE_LIMIT_MS, async ({ signal: timeUp }) => {
      const { applicationId: application, environmentId, profileId: profile } = ids;
      const kill = async () => {
        const target = await ports.flags.resolve({ application, environment: environmentId, profile });
        const killed = await killFlags(ports, {
          environment,
          target,
          flags,
          reason,
          unknown: "leave-out",
          waitForStrangerMs: STRANGER_LIMIT_MS,
          timeoutMs: DEPLOYMENT_LIMIT_MS,
          until: "effective",
          signal: AbortSignal.any([signal, timeUp]),
          onProgress: (message, severity) => log[severity === "warning" ? "warn" : "info"](message, ids),
          rememberSilenced: remember,
          silencedBefore: silencedAlarms,
          ...options,
        });
        return { ...killed, target };
      };
      for (let tries = 1; ; tries += 1) {
        try {
          return await kill();
        } catch (error) {
          if (tries >= TRIES || timeUp.aborted || !mayPass(error)) throw error;
          log.warn("flags are not off yet; trying again", { ...ids, flags, ...factsOf(error) });
          await ports.clock.sleep(PAUSE_MS, timeUp);
        }
      }
    });
    const { switchedOff, alreadyOff, unknown, stoppedDeployments } = result;
    // A flag that still waits for its release was never on: the next release may enable it.
    const waits = (flag: string) =>
      enableAfterRelease.includes(flag) && alreadyOff.includes(flag) && stoppedDeployments.length === 0;
    const held = flags.filter((flag) => !unknown.includes(flag) && !waits(flag));
    await bestEffort(response, "writing down that the flags stay off", () =>
      recordKill(ports, { target, flags: held, by: "respond", reason, version: result.version }),
    );
    if (unknown.length > 0) log.warn("flags that do not exist", { ...ids, unknown });
    // What a deployment of ours was bringing, its end took away: readers had it on.
    const off =
      stoppedDeployments.length > 0
        ? { switchedOff: [...switchedOff, ...alreadyOff], alreadyOff: [] }
        : { switchedOff, alreadyOff };
    const seconds = secondsSince(response, startedAt);
    return { ...ids, outcome: "off", ...off, remaining: [], seconds, failure: undefined, silencedAlarms };
  } catch (error) {
    log.error("flags could not be switched off", { ...ids, flags, ...factsOf(error) });
    const isTimeUp = error instanceof GoaroundError && error.code === "timed-out";
    // A call that hangs keeps the kill from clearing up after itself.
    if (silencedAlarms.length > 0) {
      await bestEffort(response, "letting alarms act again", () =>
        withinBudget(ports.clock, RESTORE_LIMIT_MS, async () => {
          await ports.monitoring.setAlarmActions(silencedAlarms, true);
          await remember([]);
        }),
      );
    }
    const isHeldByStranger = error instanceof GoaroundError && error.code === "conflict";
    return {
      ...ids,
      outcome: isTimeUp ? "not-known" : "not-off",
      mayPass: isTimeUp || isHeldByStranger || mayPass(error),
      isHeld: isHeldByStranger,
      switchedOff: [],
      alreadyOff: [],
      remaining: flags,
      seconds: undefined,
      failure: error instanceof GoaroundError ? error.message : messageOf(error),
      silencedAlarms,
    };
  }
}

/** The same, by whoever is first. Undefined: somebody else does it, or has. */
export async function killOnce(
  response: Response,
  release: ReleaseRecord,
  why: string,
  options?: KillOptions,
): Promise<FlagResult[] | undefined> {
  if (release.flags.length === 0) return [];
  const kill = () => killReleaseFlags(response, release, why, options);
  return (await once(response, release.deploymentId, "flags-off", kill, areOff))?.result;
}

const areOff = (results: readonly FlagResult[]) => results.every(({ outcome }) => outcome === "off");
const areWorthAnotherTry = (results: readonly FlagResult[]) =>
  results.some(({ outcome, mayPass: passes }) => outcome !== "off" && passes === true);

/**
 * The same; where somebody else does it, or has, how that went. Whoever does may have died: after a minute without a result the
 * flags are switched off once more, which changes nothing where they are off. So they are where whoever did has given up.
 */
export async function killOrAwait(response: Response, release: ReleaseRecord, why: string): Promise<FlagResult[]> {
  const { ports, log, signal } = response;
  const { deploymentId, flagResults } = release;
  if (flagResults && tellsOf(flagResults, release)) {
    return areWorthAnotherTry(flagResults) ? killReleaseFlags(response, release, why) : flagResults;
  }
  const mine = await killOnce(response, release, why);
  if (mine) return mine;
  for (let waitedMs = 0; waitedMs < RESULTS_LIMIT_MS; waitedMs += RESULTS_POLL_MS) {
    let others: FlagResult[] | undefined;
    await bestEffort(response, "reading how the flags went", async () => {
      others = (await ports.ledger.getRelease(deploymentId))?.flagResults;
    });
    if (others && tellsOf(others, release)) return others;
    await ports.clock.sleep(RESULTS_POLL_MS, signal);
  }
  log.warn("whoever was to switch the flags off has not told how it went", { deploymentId });
  return killReleaseFlags(response, release, why);
}

/**
 * After people were told how a rollback went, now or before: where flags were on then, they hear when those are off. Throws while
 * another try may switch them off and the sweep does not see to that: Lambda makes it with the event's next delivery, and after the last
 * the dead-letter queue has it.
 */
export async function seeToFlags(
  response: Response,
  release: ReleaseRecord,
  flags: FlagResult[],
  isToldNow: boolean,
): Promise<void> {
  const { deploymentId, flagResults = [] } = release;
  if (areWorthAnotherTry(flags.filter(({ isHeld }) => !isHeld))) {
    throw new GoaroundError("partly-done", "dependency", `flags of release ${deploymentId} are not off yet`);
  }
  if (isToldNow || !areWorthAnotherTry(flagResults) || !areOff(flags)) return;
  await tellFlagsLate(response, release, flags);
}

/** People were told that flags are on; now they are off. */
export async function tellFlagsLate(response: Response, release: ReleaseRecord, flags: FlagResult[]): Promise<void> {
  const { deploymentId } = release;
  await tell(response, "notify-flags-late", {
    release,
    outcome: release.outcome === "flags-off" ? "flags-off" : "rolled-back",
    severity: "warning",
    reasons: [fact("flags-off-late", `the flags of release ${deploymentId} are off now, after another try`)],
    findings: [],
    flags,
  });
}

/** Whether the results are of all flags of the release: some may have been judged harmful by themselves, before. */
function tellsOf(results: readonly FlagResult[], { flags }: Pick<ReleaseRecord, "flags">): boolean {
  const told = new Set(
    results.flatMap((result) =>
      [...result.switchedOff, ...result.alreadyOff, ...result.remaining].map((flag) => flagKey(result, flag)),
    ),
  );
  return flags.every((reference) => reference.flags.every((flag) => told.has(flagKey(reference, flag))));
}

/** The lever for a fault that the code does not explain: the release's flags off, the code stays, and people are told. */
export async function switchFlagsOff(
  response: Response,
  release: ReleaseRecord,
  reasons: Reason[],
  findings: Reason[],
): Promise<void> {
  const startedAt = response.ports.clock.now();
  const flags = await killOnce(response, release, sharedFault(release));
  if (flags) await tellFlagsOff(response, release, { flags, reasons, findings, startedAt });
}

export const sharedFault = ({ deploymentId }: ReleaseRecord) =>
  `a fault that release ${deploymentId} shares with its baseline`;

/** Says nothing where nothing was to be done. */
export async function tellFlagsOff(
  response: Response,
  release: ReleaseRecord,
  news: { flags: FlagResult[]; reasons: Reason[]; findings: Reason[]; startedAt: Date; claim?: string },
): Promise<void> {
  const { ports } = response;
  const { deploymentId, functionName, alias } = release;
  const { flags, startedAt, claim = "notify-flags-off", ...why } = news;
  const failed = flags.some((result) => result.outcome !== "off");
  if (!failed && flags.every((result) => result.switchedOff.length === 0)) return;
  await bestEffort(response, "recording the outcome", () =>
    ports.ledger.updateRelease(deploymentId, { outcome: "flags-off", actor: "respond" }),
  );
  await tell(response, claim, {
    release,
    outcome: "flags-off",
    severity: "critical",
    ...why,
    durationSeconds: secondsSince(response, startedAt),
    aliasState: await ports.functions.getAlias(functionName, alias),
    flags,
    trouble: failed ? "flags could not be switched off" : undefined,
  });
}
