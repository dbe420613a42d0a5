import { killStrategyName, OWN_FLAG_DEPLOYMENT_PREFIX } from "../../lib/contract/names.ts";
import type { FlagReference } from "../../lib/contract/policy.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { FlagTarget } from "../../lib/core/ports.ts";
import { killDocument } from "../../lib/core/release/flags.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { factsOf, messageOf } from "../runtime/log.ts";
import { bestEffort, type Response, secondsSince } from "./responder.ts";

const POLL_MS = 1000;
/** A stranger's flag deployment is not ours to stop; most end within this. Then a person must decide. */
const STRANGER_LIMIT_MS = 30_000;
/** A deployment of 0 minutes without bake is done in seconds. */
const COMPLETION_LIMIT_MS = 60_000;
/** Someone may start a deployment between our look and our own. */
const START_ATTEMPTS = 3;

/** States that AppConfig does not leave again (AppConfig API reference, 2026). */
const ENDED = new Set(["COMPLETE", "ROLLED_BACK", "REVERTED"]);

/**
 * Switches the flags of a release off, profile by profile: an environment takes one deployment at a time. Never throws:
 * what failed is in the result, for a person to finish.
 */
export async function killFlags(response: Response, release: KillableRelease, why: string): Promise<FlagResult[]> {
  const results: FlagResult[] = [];
  for (const reference of release.flags) {
    const startedAt = response.ports.clock.now();
    const { flags, ...ids } = reference;
    try {
      const { switchedOff, alreadyOff } = await killProfile(response, release, reference, why);
      results.push({ ...ids, switchedOff, alreadyOff, seconds: secondsSince(response, startedAt), failure: undefined });
    } catch (error) {
      response.log.error("flags could not be switched off", { ...ids, flags, ...factsOf(error) });
      const failure = error instanceof GoaroundError ? error.message : messageOf(error);
      results.push({ ...ids, switchedOff: [], alreadyOff: flags, seconds: undefined, failure });
    }
  }
  if (results.length > 0) {
    await bestEffort(response, "recording the flags", () =>
      response.ports.ledger.updateRelease(release.deploymentId, { flagResults: results }),
    );
  }
  return results;
}

export type KillableRelease = Pick<ReleaseRecord, "deploymentId" | "flags">;

async function killProfile(response: Response, release: KillableRelease, reference: FlagReference, why: string) {
  const { flags } = response.ports;
  const target = await flags.resolve({
    application: reference.applicationId,
    environment: reference.environmentId,
    profile: reference.profileId,
  });
  for (let attempt = 1; ; attempt += 1) {
    await freeEnvironment(response, target);
    // Always from what is deployed now: an earlier version would take back other people's changes.
    const deployed = await flags.deployed(target);
    if (!deployed) return { switchedOff: [], alreadyOff: [...reference.flags] };
    const { document, switchedOff, alreadyOff, unknown } = killDocument(deployed.document, reference.flags);
    if (unknown.length > 0) response.log.warn("flags that do not exist", { unknown });
    if (switchedOff.length === 0) return { switchedOff, alreadyOff };
    try {
      await deployQuietly(response, release, target, document, `${OWN_FLAG_DEPLOYMENT_PREFIX} off: ${why}`);
      return { switchedOff, alreadyOff };
    } catch (error) {
      const raced = error instanceof GoaroundError && error.code === "conflict" && attempt < START_ATTEMPTS;
      if (!raced) throw error;
    }
  }
}

/** Stops a deployment of ours that holds the environment; waits briefly for a stranger's. Throws `conflict` after that. */
async function freeEnvironment({ ports, log, signal }: Response, target: FlagTarget): Promise<void> {
  const { flags, clock } = ports;
  const stopped = new Set<number>();
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const active = await flags.activeDeployment(target);
    if (!active) return;
    if (active.description.startsWith(OWN_FLAG_DEPLOYMENT_PREFIX) && !stopped.has(active.number)) {
      log.info("stopping our own flag deployment", { number: active.number, state: active.state });
      stopped.add(active.number);
      // One that cannot be stopped any more ends by itself: it is waited for like a stranger's.
      await flags.stopDeployment(target, active.number).catch((error) => log.warn("it goes on", factsOf(error)));
    }
    if (waitedMs >= STRANGER_LIMIT_MS) {
      throw new GoaroundError(
        "conflict",
        "dependency",
        `flag deployment ${active.number} ("${active.description}") holds the environment and is not ours to stop`,
        { advice: "Stop it, or switch the flags off with --force." },
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Deploys while red monitors are silenced: AppConfig would roll the kill back because of them. */
async function deployQuietly(
  response: Response,
  release: KillableRelease,
  target: FlagTarget,
  document: Record<string, unknown>,
  description: string,
): Promise<void> {
  const { flags, monitoring, ledger } = response.ports;
  const red = await redMonitors(response, target);
  if (red.length > 0) {
    response.log.warn("silencing red monitors while the flags go off", { alarms: red });
    await bestEffort(response, "noting the silenced alarms", () =>
      ledger.updateRelease(release.deploymentId, { disabledAlarms: red }),
    );
    await monitoring.setAlarmActions(red, false);
  }
  try {
    const version = await flags.createVersion(target, document, description);
    const strategy = killStrategyName(response.environment);
    await untilComplete(response, target, await flags.deploy(target, version, strategy, description));
  } finally {
    if (red.length > 0) {
      await monitoring.setAlarmActions(red, true);
      await bestEffort(response, "noting that alarms speak again", () =>
        ledger.updateRelease(release.deploymentId, { disabledAlarms: [] }),
      );
    }
  }
}

/** INSUFFICIENT_DATA rolls a flag deployment back as ALARM does (AppConfig user guide, 2026). */
async function redMonitors({ ports }: Response, target: FlagTarget): Promise<string[]> {
  const names = await ports.flags.monitors(target);
  if (names.length === 0) return [];
  const states = await ports.monitoring.alarmStates(names);
  return names.filter((name) => states[name] === "ALARM" || states[name] === "INSUFFICIENT_DATA");
}

async function untilComplete({ ports, signal }: Response, target: FlagTarget, number: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const { state } = await ports.flags.getDeployment(target, number);
    if (state === "COMPLETE") return;
    if (ENDED.has(state) || waitedMs >= COMPLETION_LIMIT_MS) {
      throw new GoaroundError("aws-fault", "dependency", `flag deployment ${number} is ${state}, not COMPLETE`, {
        advice: "Look for a monitor that is red, or an extension that refused.",
      });
    }
    await ports.clock.sleep(POLL_MS, signal);
  }
}
