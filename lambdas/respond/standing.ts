import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import { type Latch, lastTakenBackAt, mayRollBack, type Permission } from "../../lib/core/release/cooldown.ts";
import { aliasPosition, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import {
  aliasKey,
  asOrdered,
  disarmedBy,
  EMPTY_ENVIRONMENT,
  type EnvironmentRecord,
  heldWords,
  type Order,
  setLatch,
} from "../../lib/core/release/environment-record.ts";
import type { AlarmEvent } from "../../lib/core/release/events.ts";
import type { AliasRecord, ReleaseRecord } from "../../lib/core/release/records.ts";
import { tell } from "./books.ts";
import { bestEffort, type Response } from "./responder.ts";

type Alias = Pick<ReleaseRecord, "functionName" | "alias">;

export interface Standing {
  environment: EnvironmentRecord;
  record: AliasRecord | undefined;
  /** By whom the guard was told not to act. */
  disarmed: Order | undefined;
}

/** What people have ordered and what the alias has gone through; a ledger that does not answer forbids nothing. */
export async function readStanding({ ports, log }: Response, { functionName, alias }: Alias): Promise<Standing> {
  const { ledger, clock } = ports;
  try {
    const [environment, record] = await Promise.all([ledger.getEnvironment(), ledger.getAlias(functionName, alias)]);
    return { environment, record, disarmed: disarmedBy(environment, functionName, clock.now()) };
  } catch (error) {
    log.error("the ledger does not say what was ordered; going on", { functionName, ...factsOf(error) });
    return { environment: EMPTY_ENVIRONMENT, record: undefined, disarmed: undefined };
  }
}

/** What people have ordered; a ledger that does not answer forbids nothing. */
export async function readOrders({ ports, log }: Response): Promise<EnvironmentRecord> {
  try {
    return await ports.ledger.getEnvironment();
  } catch (error) {
    log.error("the ledger does not say what was ordered; going on", factsOf(error));
    return EMPTY_ENVIRONMENT;
  }
}

/** The release as the guard may treat it now: while it is disarmed, nothing is rolled back automatically. */
export async function underOrders(response: Response, release: ReleaseRecord): Promise<ReleaseRecord> {
  const { environment } = await readStanding(response, release);
  return asOrdered(release, environment, response.ports.clock.now());
}

/** The guard sees that the version is bad and is not to act. */
export async function tellHeld(
  response: Response,
  release: ReleaseRecord,
  reasons: Reason[],
  disarmed: Order | undefined,
): Promise<void> {
  const why = heldWords(disarmed);
  // Claims of their own: when the guard is armed again, what it does then is told too.
  await tell(response, disarmed ? "notify-disarmed" : "notify-guard", {
    release,
    outcome: release.closedAt ? "promoted" : "open",
    severity: "critical",
    reasons,
    findings: [],
    trouble: `the version is bad and ${why}`,
  });
}

/** `overtaken`: the alias is another deployment's by now, or does not serve the release's version alone any more. */
export type Leave = "yes" | "no" | "overtaken";

/**
 * Whether traffic may be moved once more. Waits for the end of a cooldown, and is content when the alarm has recovered by
 * then; what people have ordered and released meanwhile holds. After too many rollbacks the alias is latched. Of a latch
 * people are told once, whoever has set it.
 */
export async function mayMoveTraffic(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  { standing, reasons }: { standing: Standing; reasons: Reason[] },
): Promise<Leave> {
  const { ports, log, signal } = response;
  const permission = permissionOf(response, release, standing);
  if (permission.kind === "go") return "yes";
  log.warn("traffic is not moved now", { deploymentId: release.deploymentId, why: permission.why });
  if (permission.kind === "latched") {
    await tellLatched(response, event, release, permission);
    return "no";
  }
  if (permission.kind === "latch") {
    await latch(response, event, release, permission.why);
    return "no";
  }
  await ports.clock.sleep(permission.until.getTime() - ports.clock.now().getTime(), signal);
  const [states, now] = await Promise.all([
    ports.monitoring.alarmStates([event.alarmName]).catch(() => ({ [event.alarmName]: "ALARM" as const })),
    readStanding(response, release),
  ]);
  if (states[event.alarmName] !== "ALARM") return "no";
  if (now.disarmed) {
    await tellHeld(response, release, reasons, now.disarmed);
    return "no";
  }
  if (await isOvertaken(response, release)) return "overtaken";
  return mayMoveTraffic(response, event, release, { standing: now, reasons });
}

/** What cannot be read overtakes nothing: whoever writes the alias asks again. */
async function isOvertaken(response: Response, release: ReleaseRecord): Promise<boolean> {
  const { functionName, alias: name, baselineVersion: baseline, canaryVersion: canary } = release;
  const [other, alias] = await Promise.all([
    otherDeployment(response, release).catch(() => undefined),
    response.ports.functions.getAlias(functionName, name).catch(() => undefined),
  ]);
  const position = alias && aliasPosition(alias, { baseline, canary });
  return other !== undefined || position === "split" || position === "restored" || position === "elsewhere";
}

/** A deployment of the alias's group that is open and not the release's own: CodeDeploy writes the alias. */
export async function otherDeployment(
  { ports }: Response,
  { application, group, deploymentId }: ReleaseRecord,
): Promise<string | undefined> {
  const open = await ports.deployments.list({ application, group, statuses: OPEN_STATUSES });
  return open.find((id) => id !== deploymentId);
}

function permissionOf(
  { ports }: Response,
  { functionName, alias, deploymentId }: ReleaseRecord,
  { environment, record }: Standing,
): Permission {
  const key = aliasKey(functionName, alias);
  return mayRollBack({
    rollbacks: record?.rollbacks ?? [],
    lastTakenBackAt: lastTakenBackAt(record, deploymentId),
    latch: environment.latches[key],
    releasedAt: environment.latchReleased[key]?.at,
    now: ports.clock.now(),
  });
}

async function latch(response: Response, event: AlarmEvent, release: ReleaseRecord, why: string): Promise<void> {
  const { ledger, clock } = response.ports;
  const { functionName, alias } = release;
  const set = { since: clock.now().toISOString(), reason: why, by: "respond" };
  await bestEffort(response, "latching the alias", () =>
    ledger.changeEnvironment((record) => setLatch(record, aliasKey(functionName, alias), set)),
  );
  await tellLatched(response, event, release, { latch: set, why: `latched after ${why}` });
}

/** With a claim for each latch: one that is set again after its release is told again. */
async function tellLatched(
  response: Response,
  event: AlarmEvent,
  release: ReleaseRecord,
  { latch: { since }, why }: { latch: Latch; why: string },
): Promise<void> {
  const { functionName, alias } = release;
  const command = `goaround guard --action release-latch --function-name ${functionName} --alias ${alias} --reason "…"`;
  await tell(response, `notify-latched ${since}`, {
    release,
    outcome: release.outcome,
    severity: "critical",
    reasons: [fact("alarm", `${event.alarmName} went into ALARM: ${event.reason || "no reason given"}`)],
    findings: [fact("latched", `${why}; nothing is released or rolled back automatically until a person releases it`)],
    trouble: `${functionName}:${alias} is ${why}. When the cause is found: ${command}`,
  });
}
