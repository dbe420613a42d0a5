import { type EnvironmentRecord, isInForce } from "../../../lib/core/release/environment-record.ts";
import { frozenAt } from "../../../lib/core/release/freeze.ts";
import { progressOf } from "../../../lib/core/release/journal.ts";
import { shortHashes } from "../../../lib/core/release/recorded-flags.ts";
import type { KnownGood } from "../../../lib/core/release/records.ts";
import { done, type Outcome, type Session } from "../session.ts";

/** Newest first; the document of --json has all. */
const SHOWN_HISTORY = 10;

/** What stands in the way of releases and of the guard itself, and with a function's name, what it went through. */
export async function guardStatus(
  session: Session,
  { functionName, alias }: { functionName?: string; alias: string },
): Promise<Outcome> {
  const { ledger } = session.ports;
  const record = await ledger.getEnvironment();
  const now = session.clock.now();
  for (const line of [...orders(record, now), ...killed(record)]) session.print(line);
  for (const { at, action, subject, reason, by } of record.history.slice(0, SHOWN_HISTORY)) {
    session.print(`history    ${at} ${action} ${subject}: ${reason} (${by})`);
  }
  if (functionName === undefined) return done(summary(record, now), { environment: session.environment, record });
  const [aliasRecord, rollback] = await Promise.all([
    ledger.getAlias(functionName, alias),
    ledger.getRollback(functionName, alias),
  ]);
  const good = aliasRecord?.lastKnownGood;
  session.print(`known good ${good ? `version ${good.version} since ${good.at}${withFlags(good)}` : "none"}`);
  for (const point of aliasRecord?.rollbackPoints ?? []) {
    session.print(`go back to version ${point.version}, replaced at ${point.at}${withFlags(point)}`);
  }
  for (const { version, at, reason } of Object.values(aliasRecord?.knownBad ?? {})) {
    session.print(`known bad  version ${version} since ${at}: ${reason}`);
  }
  for (const entry of aliasRecord?.releases ?? []) {
    session.print(
      `release    ${entry.deploymentId} ${entry.baselineVersion} → ${entry.canaryVersion} ${entry.outcome} (${entry.openedAt})`,
    );
  }
  if (rollback) {
    const state = rollback.result
      ? `${rollback.result.outcome} at ${rollback.result.at}: ${rollback.result.detail}`
      : progressOf(rollback);
    session.print(
      `rollback   to version ${rollback.version} by ${rollback.actor} since ${rollback.startedAt}: ${state}`,
    );
  }
  return done(summary(record, now), { environment: session.environment, record, alias: aliasRecord, rollback });
}

/** The flag configuration that a version was good with. */
const withFlags = ({ flags = [] }: Pick<KnownGood, "flags">): string =>
  flags.map((one) => `, flags ${one.profileId} version ${one.version} (${shortHashes(one)})`).join("");

function orders(record: EnvironmentRecord, now: Date): string[] {
  const disarmed = Object.entries(record.disarmed)
    .filter(([, order]) => isInForce(order, now))
    .map(([scope, { until, by, reason }]) => `disarmed   ${scope} until ${until} by ${by}: ${reason}`);
  const freezes = record.freezes.map((window) => {
    const { id, scope, functionName, timeZone, times, by, reason } = window;
    const when =
      times.cron === undefined
        ? `${times.from} to ${times.until ?? "its end"}`
        : `"${times.cron}" for ${times.minutes} min`;
    const state = frozenAt(window, now) ? "holds now" : "does not hold now";
    return `freeze     ${id} (${scope}, ${functionName ?? "all functions"}) ${when} ${timeZone}, ${state}, by ${by}: ${reason}`;
  });
  const glass = record.breakGlass
    .filter((order) => isInForce(order, now))
    .map(
      ({ functionName, rules, until, by, reason }) =>
        `break-glass ${functionName ?? "all functions"} (${rules.join(", ") || "every rule"}) until ${until} by ${by}: ${reason}`,
    );
  const steps = record.allowedSteps
    .filter((order) => isInForce(order, now))
    .map(
      ({ functionName, step, until, by, reason }) =>
        `allow-step ${step} of ${functionName} until ${until} by ${by}: ${reason}`,
    );
  const latches = Object.entries(record.latches).map(
    ([key, { since, by, reason }]) => `latched    ${key} since ${since} by ${by}: ${reason}`,
  );
  return [...disarmed, ...latches, ...freezes, ...glass, ...steps];
}

const killed = (record: EnvironmentRecord) =>
  Object.values(record.killedFlags).map(
    ({ flag, profileId, at, by, reason }) => `killed     ${flag} of ${profileId} since ${at} by ${by}: ${reason}`,
  );

function summary(record: EnvironmentRecord, now: Date): string {
  const frozen = record.freezes.filter((window) => frozenAt(window, now)).length;
  const disarmed = Object.values(record.disarmed).filter((order) => isInForce(order, now)).length;
  const latched = Object.keys(record.latches).length;
  const facts = [
    disarmed > 0 ? `disarmed in ${disarmed} place(s)` : "armed",
    frozen > 0 ? `${frozen} freeze(s) hold` : "nothing frozen",
    latched > 0 ? `${latched} latched` : "nothing latched",
  ];
  return facts.join(", ");
}
