import { alarmNamePrefix, parseAlarmName } from "../../../lib/contract/names.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { SideCounts } from "../../../lib/core/judge/types.ts";
import type { AlarmState } from "../../../lib/core/ports.ts";
import { openAttended } from "../../../lib/core/release/attended.ts";
import { errorPercent, shortly, unhealthyCounts } from "../../../lib/core/release/health.ts";
import { servingVersions } from "../../../lib/core/release/rollback-plan.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { describeAlias, isWhole, openReleaseOf, readAlias, readLedger, readPolicy } from "../lookup.ts";
import { done, type Outcome, type Session } from "../session.ts";

const MINUTE_MS = 60_000;
export const DEFAULT_HEALTH_MINUTES = 5;

export interface Health {
  functionName: string;
  alias: string;
  functionVersion: string;
  weights: Record<string, number>;
  /** No traffic is no evidence: it is neither healthy nor unhealthy. */
  status: "healthy" | "unhealthy" | "no-data";
  reasons: string[];
  minutes: number;
  total: SideCounts;
  versions: Record<string, SideCounts>;
  alarms: Record<string, AlarmState>;
  openDeployment: string | undefined;
  /** A release that a command drives, while the alias is split. */
  stagedRelease: string | undefined;
}

/** Looks at one alias: where it points, what ran on each version lately, its alarms and its open deployment. */
export async function lookAtHealth(
  session: Session,
  functionName: string,
  alias: string,
  minutes: number,
): Promise<Health> {
  const { monitoring, discovery } = session.ports;
  const { state } = await readAlias(session, functionName, alias);
  const { policy } = await readPolicy(session, functionName, alias);
  const open = await openReleaseOf(session, functionName, alias);
  const unexplained = !open && !isWhole(state);
  const attended = unexplained ? openAttended((await readLedger(session, functionName, alias)).record) : undefined;
  const serving = servingVersions(state);
  const thisMinute = Math.floor(session.clock.now().getTime() / MINUTE_MS) * MINUTE_MS;
  // Up to the end of the running minute: what is published of it already counts.
  const window = { from: new Date(thisMinute - minutes * MINUTE_MS), to: new Date(thisMinute + MINUTE_MS) };
  const total = await monitoring.aliasCounts({ functionName, alias, ...window });
  const versions: Record<string, SideCounts> = {};
  for (const version of serving) {
    versions[version] = await monitoring.versionCounts({ functionName, alias, version, ...window });
  }
  const all = await discovery.alarmsByPrefix(`${alarmNamePrefix(session.environment)}${functionName}.${alias}.`);
  const alarms = Object.fromEntries(
    Object.entries(all).filter(([name]) => {
      const version = parseAlarmName(session.environment, name)?.version;
      return version === undefined || serving.includes(version);
    }),
  );

  const reasons = [
    ...Object.entries(alarms)
      .filter(([, alarm]) => alarm === "ALARM")
      .map(([name]) => redAlarm(name)),
    ...Object.entries(versions).flatMap(([version, counts]) =>
      unhealthyCounts(version, counts, policy?.checks.maxAverageDurationMs),
    ),
    ...leftoverWeights(state.weights, open !== undefined || attended !== undefined),
  ];
  return {
    functionName,
    alias,
    functionVersion: state.functionVersion,
    weights: state.weights,
    status: reasons.length > 0 ? "unhealthy" : total.invocations === 0 ? "no-data" : "healthy",
    reasons,
    minutes,
    total,
    versions,
    alarms,
    openDeployment: open?.deployment.deploymentId,
    stagedRelease: attended?.deploymentId,
  };
}

const redAlarm = (name: string) => `alarm ${name} is in ALARM`;

/** Lambda itself adds a weight of 1.0 while it moves provisioned concurrency: that is no leftover. */
function leftoverWeights(weights: Record<string, number>, isReleasing: boolean): string[] {
  const shares = Object.values(weights);
  if (shares.length === 0 || isReleasing || shares.every((share) => share === 1 || share === 0)) return [];
  return ["the alias is split between versions although no deployment is running; rollback-function makes it whole"];
}

export function printHealth(session: Session, health: Health): void {
  const { total, alarms } = health;
  session.print(
    `${health.functionName}:${health.alias}  ${health.status.toUpperCase()}  ${describeAlias(health)}` +
      (health.openDeployment ? `  deployment ${health.openDeployment} is running` : "") +
      (health.stagedRelease ? `  staged release ${health.stagedRelease} has not ended` : ""),
  );
  const figures =
    total.invocations === 0
      ? `no requests seen in the last ${health.minutes} min: neither healthy nor unhealthy by figures`
      : `last ${health.minutes} min: ${total.invocations} requests, ${shortly(errorPercent(total))} % errors` +
        (total.averageDurationMs === undefined ? "" : `, ${shortly(total.averageDurationMs)} ms average`) +
        (total.p99DurationMs === undefined ? "" : `, ${shortly(total.p99DurationMs)} ms p99`);
  const listed = new Set(Object.keys(alarms).map(redAlarm));
  for (const reason of health.reasons) if (!listed.has(reason)) session.print(`  - ${reason}`);
  session.print(`  ${figures}`);
  for (const [version, counts] of Object.entries(health.versions)) {
    const percent = shortly(errorPercent(counts));
    session.print(`  version ${version}: ${counts.invocations} requests, ${percent} % errors`);
  }
  for (const line of describeAlarms(alarms, session.options.verbose)) session.print(`  ${line}`);
}

/** One line each for those that are red, or, with --verbose, for all; the others are counted. */
function describeAlarms(states: Health["alarms"], verbose: boolean): string[] {
  const all = Object.entries(states).sort(([a], [b]) => a.localeCompare(b));
  if (all.length === 0) return ["alarms: none found"];
  const count = (wanted: AlarmState) => all.filter(([, state]) => state === wanted).length;
  const silent = count("INSUFFICIENT_DATA");
  const red = count("ALARM");
  return [
    `alarms: ${red === 0 ? "none" : red} of ${all.length} red${silent === 0 ? "" : `, ${silent} without data`}`,
    ...all.filter(([, state]) => verbose || state === "ALARM").map(([name, state]) => `  ${state.padEnd(17)} ${name}`),
  ];
}

export interface HealthOptions {
  functions: string[];
  alias: string;
  minutes: number;
}

/** Checks all functions, then says which are not well; one that cannot be found does not hide the others. */
export async function healthCheck(session: Session, options: HealthOptions): Promise<Outcome> {
  const checked: Health[] = [];
  const failed: { functionName: string; error: GoaroundError }[] = [];
  for (const functionName of options.functions) {
    session.throwIfInterrupted();
    try {
      const health = await lookAtHealth(session, functionName, options.alias, options.minutes);
      checked.push(health);
      printHealth(session, health);
    } catch (error) {
      if (!(error instanceof GoaroundError) || session.signal.aborted) throw error;
      failed.push({ functionName, error });
      session.say(
        `${functionName}: ${error.message}${error.advice ? `${error.message.endsWith(".") ? "" : "."} ${error.advice}` : ""}`,
      );
    }
  }
  const unhealthy = checked.filter((health) => health.status === "unhealthy");
  const silent = checked.filter((health) => health.status === "no-data");
  const names = (all: readonly { functionName: string }[]) => all.map((each) => each.functionName).join(", ");
  const summary = [
    unhealthy.length > 0 ? `unhealthy: ${names(unhealthy)}` : "",
    failed.length > 0 ? `could not be checked: ${names(failed)}` : "",
    silent.length > 0 ? `no data (neither healthy nor unhealthy): ${names(silent)}` : "",
  ].filter(Boolean);
  const message = summary.length > 0 ? summary.join("; ") : `healthy: ${names(checked)}`;
  const data = {
    functions: checked,
    failures: failed.map(({ functionName, error }) => ({ functionName, code: error.code, message: error.message })),
  };
  if (unhealthy.length > 0) {
    const first = unhealthy[0]!;
    return {
      exitCode: EXIT.notAsExpected,
      code: "unhealthy",
      message,
      advice: `If the newest release is to blame: goaround rollback --action rollback-function --function-name ${first.functionName} --alias ${first.alias}`,
      data,
    };
  }
  const worst = failed[0]?.error;
  if (worst) {
    const advice = worst.advice;
    return {
      exitCode: exitCodeOf(worst.code),
      code: worst.code,
      message,
      ...(advice === undefined ? {} : { advice }),
      data,
    };
  }
  return silent.length > 0 ? { ...done(message, data), code: "no-data" } : done(message, data);
}
