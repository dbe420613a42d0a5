import type { FlagReference } from "../../lib/contract/policy.ts";
import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { killFlags } from "../../lib/core/release/flag-kill.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { factsOf, messageOf } from "../runtime/log.ts";
import { tell } from "./books.ts";
import { bestEffort, mayAct, type Response, secondsSince } from "./responder.ts";

/** A stranger's flag deployment is not ours to stop; most end within this. Then a person must decide. */
const STRANGER_LIMIT_MS = 30_000;
/** A deployment of 0 minutes without bake is done in seconds. */
const DEPLOYMENT_LIMIT_MS = 60_000;
/** One profile, hanging calls included: the notification waits for it, and must leave before time is up. */
const PROFILE_LIMIT_MS = 120_000;

export interface KillOptions {
  /** Called when AppConfig has taken a deployment that switches flags off. */
  onStarted?: () => void;
}

export type KillableRelease = Pick<ReleaseRecord, "deploymentId" | "flags" | "disabledAlarms">;

/**
 * Switches the flags of a release off, profile by profile: an environment takes one deployment at a time. Never throws
 * and never hangs: what failed is in the result, for a person to finish.
 */
export async function killReleaseFlags(
  response: Response,
  release: KillableRelease,
  why: string,
  options: KillOptions = {},
): Promise<FlagResult[]> {
  const { ports, log } = response;
  const results: FlagResult[] = [];
  for (const reference of release.flags) {
    const startedAt = ports.clock.now();
    const { flags, ...ids } = reference;
    try {
      const { switchedOff, alreadyOff, unknown, stoppedDeployments } = await withinBudget(
        ports.clock,
        PROFILE_LIMIT_MS,
        ({ signal }) => killProfile(response, release, reference, why, options, signal),
      );
      if (unknown.length > 0) log.warn("flags that do not exist", { ...ids, unknown });
      // What a deployment of ours was bringing, its end took away: readers had it on.
      const off =
        stoppedDeployments.length > 0
          ? { switchedOff: [...switchedOff, ...alreadyOff], alreadyOff: [] }
          : { switchedOff, alreadyOff };
      results.push({ ...ids, ...off, seconds: secondsSince(response, startedAt), failure: undefined });
    } catch (error) {
      log.error("flags could not be switched off", { ...ids, flags, ...factsOf(error) });
      const failure = error instanceof GoaroundError ? error.message : messageOf(error);
      results.push({ ...ids, switchedOff: [], alreadyOff: flags, seconds: undefined, failure });
    }
  }
  if (results.length > 0) {
    await bestEffort(response, "recording the flags", () =>
      ports.ledger.updateRelease(release.deploymentId, { flagResults: results }),
    );
  }
  return results;
}

async function killProfile(
  { ports, environment, log, signal }: Response,
  release: KillableRelease,
  { flags, ...ids }: FlagReference,
  reason: string,
  { onStarted }: KillOptions,
  timeUp: AbortSignal,
) {
  const target = await ports.flags.resolve({
    application: ids.applicationId,
    environment: ids.environmentId,
    profile: ids.profileId,
  });
  return killFlags(ports, {
    environment,
    target,
    flags,
    reason,
    unknown: "leave-out",
    waitForStrangerMs: STRANGER_LIMIT_MS,
    ...(onStarted === undefined ? {} : { onStarted }),
    timeoutMs: DEPLOYMENT_LIMIT_MS,
    until: "effective",
    signal: AbortSignal.any([signal, timeUp]),
    onProgress: (message, severity) => log[severity === "warning" ? "warn" : "info"](message, ids),
    rememberSilenced: (disabledAlarms) => ports.ledger.updateRelease(release.deploymentId, { disabledAlarms }),
    silencedBefore: release.disabledAlarms ?? [],
  });
}

/** The lever for a fault that the code does not explain: the release's flags off, the code stays. Undefined: done before. */
export async function switchFlagsOff(
  response: Response,
  release: ReleaseRecord,
  reasons: Reason[],
  findings: Reason[],
  options?: KillOptions,
): Promise<FlagResult[] | undefined> {
  const { ports } = response;
  const { deploymentId, functionName, alias } = release;
  if (!(await mayAct(response, deploymentId, "flags-off"))) return undefined;
  const startedAt = ports.clock.now();
  const why = `a fault that release ${deploymentId} shares with its baseline`;
  const flags = await killReleaseFlags(response, release, why, options);
  const failures = flags.filter((result) => result.failure !== undefined);
  if (failures.length === 0 && flags.every((result) => result.switchedOff.length === 0)) return flags;
  await bestEffort(response, "recording the outcome", () =>
    ports.ledger.updateRelease(deploymentId, { outcome: "flags-off", actor: "respond" }),
  );
  await tell(response, "notify-flags-off", {
    release,
    outcome: "flags-off",
    severity: "critical",
    reasons,
    findings,
    durationSeconds: secondsSince(response, startedAt),
    aliasState: await ports.functions.getAlias(functionName, alias),
    flags,
    trouble: failures.length > 0 ? "flags could not be switched off" : undefined,
  });
  return flags;
}
