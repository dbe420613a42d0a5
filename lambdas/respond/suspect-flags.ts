import { withinBudget } from "../../lib/core/deadline.ts";
import { factsOf } from "../../lib/core/log.ts";
import { isBaselineUnhealthy } from "../../lib/core/release/conclusion.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import { allOff, setFlags } from "../../lib/core/release/flag-document.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { killOnce, sharedFault } from "./flags-off.ts";
import { bestEffort, type Response } from "./responder.ts";

/** Two good minutes, their publication, and the readers' next poll: a flag's effect on an alarm shows within this. */
const FLAG_RECOVERY_MS = 5 * 60_000;
const POLL_MS = 15_000;
/**
 * How long the alias waits for flags: that they can be read, that AppConfig takes the change, and then for each sign that
 * it is under way. The kill itself looks less and less often, so that a change which goes on and on is waited for
 * no longer than five seconds.
 */
const FLAGS_LIMIT_MS = 2000;

/**
 * An alarm goes by the minutes before: one that turns red just after a harmful flag was switched off is given the time in
 * which its absence shows.
 */
export async function isEchoOfFlag(
  response: Response,
  { alarmName }: AlarmEvent,
  { harmfulFlagsOffAt, deploymentId }: ReleaseRecord,
): Promise<boolean> {
  const { receivedAt, log } = response;
  if (harmfulFlagsOffAt === undefined) return false;
  if (receivedAt.getTime() - Date.parse(harmfulFlagsOffAt) >= FLAG_RECOVERY_MS) return false;
  log.info("a harmful flag has just been switched off; waiting for the alarm to recover", { deploymentId, alarmName });
  return recovers(response, alarmName);
}

/** A kill is waited for as long as AppConfig answers; one that hangs goes on by itself while the alias is moved. */
export function startKill(response: Response, release: ReleaseRecord) {
  const { clock } = response.ports;
  const nowMs = () => clock.now().getTime();
  let heardAtMs = nowMs();
  const onAnswer = () => {
    heardAtMs = nowMs();
  };
  const flags = killOnce(response, release, sharedFault(release), { onAnswer });
  const isDone = flags.then(() => true);
  const watch = async (): Promise<boolean> => {
    for (;;) {
      const leftMs = heardAtMs + FLAGS_LIMIT_MS - nowMs();
      if (leftMs <= 0) return false;
      if (await Promise.race([isDone, clock.sleep(leftMs).then(() => false)])) return true;
    }
  };
  return { flags, isDoneInTime: watch() };
}

/** On, and either younger than the code or what both versions failed with. Unreadable flags are no suspects. */
export async function flagsAreSuspect(response: Response, release: ReleaseRecord): Promise<boolean> {
  const { clock } = response.ports;
  return withinBudget(clock, FLAGS_LIMIT_MS, () => hasSuspectFlag(response, release)).catch(() => false);
}

async function hasSuspectFlag(response: Response, release: ReleaseRecord): Promise<boolean> {
  const { flags } = response.ports;
  // On its way to the readers, and not deployed to all of them yet.
  if (release.enabling?.beganAt !== undefined && release.enabling.endedAt === undefined) return true;
  for (const {
    applicationId: application,
    environmentId: environment,
    profileId: profile,
    ...reference
  } of release.flags) {
    try {
      const deployed = await flags.deployed(await flags.resolve({ application, environment, profile }));
      if (!deployed || setFlags(deployed.document, allOff(reference.flags), "leave-out").changed.length === 0) continue;
      const younger = deployed.deployedAt !== undefined && deployed.deployedAt > new Date(release.openedAt);
      if (younger || isBaselineUnhealthy(release.verdict)) return true;
    } catch (error) {
      response.log.warn("flags could not be read", factsOf(error));
    }
  }
  return false;
}

/** Other alarms that turn red meanwhile wait as well: they go by the same minutes. */
export async function recoversWithout(response: Response, { alarmName }: AlarmEvent, { deploymentId }: ReleaseRecord) {
  const { ledger, clock } = response.ports;
  await bestEffort(response, "recording that flags went off", () =>
    ledger.updateRelease(deploymentId, { harmfulFlagsOffAt: clock.now().toISOString() }),
  );
  return recovers(response, alarmName);
}

async function recovers({ ports, log, signal }: Response, alarmName: string): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < FLAG_RECOVERY_MS; waitedMs += POLL_MS) {
    await ports.clock.sleep(POLL_MS, signal);
    const states = await ports.monitoring.alarmStates([alarmName]).catch(() => ({ [alarmName]: "ALARM" as const }));
    if (states[alarmName] !== "ALARM") return true;
  }
  log.warn("the alarm stays red although the flags are off", { alarm: alarmName });
  return false;
}
