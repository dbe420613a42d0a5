import { flagBudgetOf } from "../../lib/contract/budget.ts";
import { judgeFlag } from "../../lib/core/judge/flag-verdict.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, FlagCohorts, FlagEvidencePort } from "../../lib/core/ports.ts";
import { FLAG_PATIENCE_MS } from "../../lib/core/release/enable-flags.ts";
import { METRIC_LAG_MS } from "../../lib/core/release/look.ts";
import type { FlagWatch, ReleaseRecord } from "../../lib/core/release/records.ts";
import { flagKey } from "../../lib/core/release/release-flags.ts";

export interface FlagLookPorts {
  clock: Clock;
  flagEvidence: FlagEvidencePort;
}

export type FlagsUnderJudgement = Pick<
  ReleaseRecord,
  "functionName" | "canaryVersion" | "baselineVersion" | "flags" | "policy" | "flagWatch"
>;

const MINUTE_MS = 60_000;
/** Flags of one release that are judged, in the order of its policy: each costs eight metrics a minute. */
const MAX_FLAGS = 20;
/** Minutes at one go: a look that has fallen behind catches up with the next ones. */
const MAX_MINUTES = 10;

/**
 * Judges the flags of a release over all minutes since `since` that are published and not judged yet. `early`: minutes
 * before it are taken as soon as anything is told of them. Minutes are never mixed: what a cohort is compared with is
 * what happened meanwhile. Undefined where nothing could be looked at; the caller keeps the rest (`flagWatch`).
 */
export async function judgeFlags(
  ports: FlagLookPorts,
  release: FlagsUnderJudgement,
  { since, early }: { since: Date; early?: Date | undefined },
  log: Log,
): Promise<FlagWatch | undefined> {
  const named = namedFlags(release);
  if (named.length === 0) return undefined;
  let watch: FlagWatch = release.flagWatch ?? { judgedUntil: since.toISOString(), flags: {}, found: {} };
  for (let looked = 0; looked < MAX_MINUTES; looked += 1) {
    const minute = nextMinute(watch, since);
    const lateMs = ports.clock.now().getTime() - readableAt(minute);
    if (lateMs < 0 && !(early && minute + MINUTE_MS <= early.getTime())) break;
    const cohorts = await readMinute(ports, release, named, minute).catch((error: unknown) => {
      log.warn("what flags did could not be read", factsOf(error));
      return undefined;
    });
    if (cohorts === undefined && lateMs < FLAG_PATIENCE_MS) break;
    const told = cohorts?.some((versions) => versions.some(({ on, off }) => on.requests + off.requests > 0)) ?? false;
    if (!told && lateMs < 0) break;
    watch = judgeMinute(watch, release, named, cohorts, minute, log);
  }
  return watch === release.flagWatch ? undefined : watch;
}

/** Throws where what is told of the flags cannot be read: the newest minute that is sure to be out is asked for. */
export async function readNewestMinute(ports: FlagLookPorts, release: FlagsUnderJudgement): Promise<void> {
  const minute = Math.floor((ports.clock.now().getTime() - readableAt(0)) / MINUTE_MS) * MINUTE_MS;
  await readMinute(ports, release, namedFlags(release), minute);
}

/** When the next minute of the flags is sure to be readable; undefined where no flag is named. */
export function nextFlagLook(release: FlagsUnderJudgement, since: Date): Date | undefined {
  if (namedFlags(release).length === 0) return undefined;
  return new Date(readableAt(nextMinute(release.flagWatch, since)));
}

interface NamedFlag {
  key: string;
  flag: string;
}

const namedFlags = ({ flags }: FlagsUnderJudgement): NamedFlag[] =>
  flags
    .flatMap((reference) => reference.flags.map((flag) => ({ key: flagKey(reference, flag), flag })))
    .slice(0, MAX_FLAGS);

const readableAt = (minute: number) => minute + MINUTE_MS + METRIC_LAG_MS;

const nextMinute = (watch: FlagWatch | undefined, since: Date) =>
  Math.max(Math.ceil(since.getTime() / MINUTE_MS) * MINUTE_MS, watch === undefined ? 0 : Date.parse(watch.judgedUntil));

function readMinute(
  { flagEvidence }: FlagLookPorts,
  { functionName, canaryVersion, baselineVersion }: FlagsUnderJudgement,
  named: readonly NamedFlag[],
  minute: number,
): Promise<FlagCohorts[][]> {
  const versions = [canaryVersion, baselineVersion];
  const [from, to] = [new Date(minute), new Date(minute + MINUTE_MS)];
  return Promise.all(named.map(({ flag }) => flagEvidence.flagCohorts({ functionName, versions, flag, from, to })));
}

function judgeMinute(
  watch: FlagWatch,
  { policy }: FlagsUnderJudgement,
  named: readonly NamedFlag[],
  cohorts: FlagCohorts[][] | undefined,
  minute: number,
  log: Log,
): FlagWatch {
  const judgedUntil = new Date(minute + MINUTE_MS).toISOString();
  if (!cohorts) return { ...watch, judgedUntil };
  const next: FlagWatch = {
    ...watch,
    judgedUntil,
    readUntil: judgedUntil,
    flags: { ...watch.flags },
    found: { ...watch.found },
  };
  const { maxErrorRatePercent, minSamples } = policy.checks;
  const limits = { alpha: flagBudgetOf(policy, named.length), maxErrorRatePercent, minSamples };
  for (const [i, { key, flag }] of named.entries()) {
    const look = { flag, seconds: MINUTE_MS / 1000, cohorts: cohorts[i]! };
    const { judgement, standing } = judgeFlag(next.flags[key], look, limits);
    next.flags[key] = judgement;
    if (standing.kind === "unknown") continue;
    const known = next.found[key];
    if (known?.kind === "harmful" || known?.kind === standing.kind) continue;
    next.found[key] = { ...standing, at: judgedUntil };
    log.info("a flag was judged", { flag, standing: standing.kind, ...standing.reason });
  }
  return next;
}
