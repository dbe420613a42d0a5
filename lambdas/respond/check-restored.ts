import { withinBudget } from "../../lib/core/deadline.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf } from "../../lib/core/log.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { allOff, setFlags } from "../../lib/core/release/flag-document.ts";
import { READER_POLL_SECONDS } from "../../lib/core/release/flag-kill.ts";
import { errorPercent, shortly, unhealthyCounts } from "../../lib/core/release/health.ts";
import type { FlagResult, ReleaseRecord } from "../../lib/core/release/records.ts";
import { ownAlarmNames } from "../../lib/core/release/release-facts.ts";
import { runSmokeTests } from "../../lib/core/release/smoke.ts";
import { bestEffort, type Response } from "./responder.ts";

/** How much later people may hear of a rollback for hearing how it stands. Milliseconds. */
const LIMIT_MS = 30_000;
/** How much of that for metrics, and for alarms. Milliseconds. */
const METRICS_LIMIT_MS = 5000;
/** A change of flags that all readers get may take a moment more until AppConfig calls it complete. Milliseconds. */
const REREAD_MS = 3000;
/** What ran on the version that serves; it is the baseline of a shift, or served nobody before. */
const LATELY_MS = 5 * 60_000;
const MINUTE_MS = 60_000;

/**
 * How things stand after traffic is back and the flags are off: whether the version that serves is well, and the flags are
 * off in what is deployed. For people and the record; never throws, moves nothing, and looks once for each release.
 */
export async function checkRestored(
  response: Response,
  release: ReleaseRecord,
  { functionVersion: version }: Pick<AliasState, "functionVersion">,
  flags: readonly FlagResult[],
): Promise<Reason[]> {
  if (release.restored) return release.restored.findings;
  const { ports, log } = response;
  const limited = (code: string, what: string, look: (signal: AbortSignal) => Promise<Reason>) =>
    withinBudget(ports.clock, LIMIT_MS, ({ signal }) => look(signal)).catch((error: unknown) => {
      log.warn(`${what} could not be looked at`, { deploymentId: release.deploymentId, ...factsOf(error) });
      return fact(code, `${what} could not be looked at`);
    });
  const switchedOff = flags.filter(({ outcome }) => outcome === "off");
  const findings = await Promise.all([
    limited("restored-not-seen", `version ${version}, which serves now,`, (signal) =>
      lookAtVersion(response, release, version, switchedOff, signal),
    ),
    ...switchedOff.map((result) =>
      limited("flags-not-seen", `what is deployed of flag profile ${result.profileId}`, (signal) =>
        lookAtFlags(response, result, signal),
      ),
    ),
  ]);
  const restored = { at: ports.clock.now().toISOString(), version, findings };
  await bestEffort(response, "recording how things stand", () =>
    ports.ledger.updateRelease(release.deploymentId, { restored }),
  );
  return findings;
}

/** By the policy's smoke payloads, and by what its metrics and the function's alarms say already. */
async function lookAtVersion(
  response: Response,
  release: ReleaseRecord,
  version: string,
  flags: readonly FlagResult[],
  signal: AbortSignal,
): Promise<Reason> {
  const { ports, environment, log } = response;
  const { functionName, alias, policy } = release;
  const { smokeTests, checks } = policy;
  const now = ports.clock.now().getTime();
  const to = new Date(Math.ceil(now / MINUTE_MS) * MINUTE_MS);
  const from = new Date(to.getTime() - LATELY_MS);
  const ifKnown = <T>(look: Promise<T>) =>
    look.catch((error: unknown) => {
      log.warn("a part of how things stand is not known", { functionName, version, ...factsOf(error) });
      return undefined;
    });
  const soon = <T>(look: () => Promise<T>) => ifKnown(withinBudget(ports.clock, METRICS_LIMIT_MS, look));
  const [failures, counts, states] = await Promise.all([
    smokeTests.length > 0
      ? ifKnown(runSmokeTests(smokeTests, { ...ports, functionName, version, signal }))
      : Promise.resolve(undefined),
    soon(() => ports.monitoring.versionCounts({ functionName, alias, version, from, to })),
    soon(() => ports.monitoring.alarmStates(ownAlarmNames(environment, release))),
  ]);
  const against = [
    ...(failures ?? []).map(({ message }) => message),
    ...(counts ? unhealthyCounts(version, counts, checks.maxAverageDurationMs) : []),
  ];
  const seen = [
    ...(failures?.length === 0 ? [`it answers its smoke tests (${smokeTests.length})`] : []),
    ...(counts && counts.invocations > 0
      ? [`${counts.invocations} requests lately with ${shortly(errorPercent(counts))} % errors`]
      : []),
  ];
  const red = Object.keys(states ?? {}).filter((name) => states?.[name] === "ALARM");
  // Alarms go by the minutes before: that one is still red is no word against what serves now.
  const noted = red.length > 0 ? [`still in ALARM, by the minutes before: ${red.join(", ")}`] : [];
  const said = (parts: string[]) => `version ${version}, which serves now: ${[...parts, ...noted].join("; ")}`;
  if (against.length > 0) {
    const isYoung = flags.some(({ switchedOff }) => switchedOff.length > 0);
    const echo = isYoung ? [`its readers may have had the flags on for up to ${READER_POLL_SECONDS} s`] : [];
    return fact("restored-unhealthy", said([...against, ...echo]));
  }
  if (seen.length > 0) return fact("restored-healthy", said(seen));
  return fact("restored-not-seen", said(["no smoke test and no requests yet tell how it is"]));
}

/** In what AppConfig has deployed, as readers get it. */
async function lookAtFlags(response: Response, result: FlagResult, signal: AbortSignal): Promise<Reason> {
  const { flags: port, clock } = response.ports;
  const { applicationId: application, environmentId: environment, profileId: profile } = result;
  const flags = [...result.switchedOff, ...result.alreadyOff];
  const target = await port.resolve({ application, environment, profile });
  const endMs = clock.now().getTime() + LIMIT_MS - 2 * REREAD_MS;
  for (;;) {
    const deployed = await port.deployed(target);
    const on = deployed ? setFlags(deployed.document, allOff(flags), "leave-out").changed : [];
    if (on.length === 0) return fact("flags-seen-off", `flags of profile ${profile} are off in what is deployed`);
    if (clock.now().getTime() >= endMs) {
      return fact("flags-seen-on", `flags ${on.join(", ")} of profile ${profile} are on in what is deployed`);
    }
    await clock.sleep(REREAD_MS, signal);
  }
}
