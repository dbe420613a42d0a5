import type { FlagReference } from "../../contract/policy.ts";
import { hasFallenSilent, seenOn } from "../judge/flag-verdict.ts";
import type { AliasState, DeploymentInfo } from "../ports.ts";
import { disarmedBy, type EnvironmentRecord } from "./environment-record.ts";
import { activeFreezes } from "./freeze.ts";
import { METRIC_LAG_MS } from "./look.ts";
import type { Enabling, ReleaseRecord } from "./records.ts";
import { flagKey, flagReasons, harmfulFlags, onlyFlags } from "./release-flags.ts";

/** A freeze or another flag deployment is waited for so long; then people enable the flags. Milliseconds. */
const PATIENCE_MS = 24 * 3_600_000;
/** What flags do may be unreadable for so long, as many calls are for a moment. Milliseconds. */
export const FLAG_PATIENCE_MS = 180_000;
/** The newest minute that can be read ended so long ago at most, while all is well. Milliseconds. */
const NEWEST_MINUTE_MS = 60_000 + METRIC_LAG_MS;
/** Executions that may take over, one after the other, before the sweep gives up. */
const MAX_EXECUTIONS = 10;

type Release = Pick<
  ReleaseRecord,
  "flags" | "functionName" | "canaryVersion" | "outcome" | "verdict" | "policy" | "flagWatch" | "harmfulFlagsOff"
>;

/** The flags that are switched on once the release has succeeded. */
export const waitingFlags = ({ flags }: Pick<ReleaseRecord, "flags">): FlagReference[] =>
  flags.flatMap((reference) =>
    reference.enableAfterRelease ? [{ ...reference, flags: reference.enableAfterRelease }] : [],
  );

/** Whether flags still wait for a release, or are on their way. */
export const mustEnable = (
  release: Pick<ReleaseRecord, "flags" | "enabling">,
  { status }: Pick<DeploymentInfo, "status">,
): boolean => status === "Succeeded" && release.enabling?.endedAt === undefined && waitingFlags(release).length > 0;

export const profileKey = ({ applicationId, environmentId, profileId }: Omit<FlagReference, "flags">) =>
  `${applicationId}/${environmentId}/${profileId}`;

export const initialEnabling = (now: Date): Enabling => ({ askedAt: now.toISOString(), deployments: {} });

/** Why nothing more is switched on; undefined while it goes on. `told`: who knows the release knows that. */
export function whyStop(
  release: Release,
  alias: Pick<AliasState, "functionVersion">,
): { why: string; told: boolean } | undefined {
  const { outcome, verdict, harmfulFlagsOff = [], canaryVersion } = release;
  const harmful = waitingFlags(release).flatMap((reference) =>
    reference.flags.filter((flag) => harmfulFlagsOff.includes(flagKey(reference, flag))),
  );
  if (harmful.length > 0) return { why: `${harmful.join(", ")} was harmful and is switched off`, told: false };
  if (outcome === "flags-off") return { why: "flags of the release were switched off", told: false };
  if (outcome !== "promoted" && outcome !== "open") return { why: `the release was ${outcome}`, told: true };
  if (verdict?.kind === "rollback") return { why: "the version was judged bad", told: true };
  if (alias.functionVersion !== canaryVersion) {
    return { why: `version ${canaryVersion} does not serve any more`, told: false };
  }
  // Where the guard may act it is killed, which stops the growth and tells people.
  const [left] = release.policy.automaticRollback ? [] : harmfulFlags({ ...release, flags: waitingFlags(release) });
  if (!left) return undefined;
  return {
    why: flagReasons(release, "harmful")
      .map(({ message }) => message)
      .join("; "),
    told: false,
  };
}

/** Why nobody can judge the flags that are on their way; undefined while somebody can, or none is. */
export function whyBlind(
  release: Pick<ReleaseRecord, "flags" | "enabling" | "flagWatch">,
  now: Date,
): string | undefined {
  const { enabling, flagWatch } = release;
  if (enabling?.beganAt === undefined) return undefined;
  // It began with a minute that could be read.
  const readBefore = Date.parse(enabling.beganAt) - NEWEST_MINUTE_MS;
  const readUntil = Math.max(readBefore, flagWatch?.readUntil === undefined ? 0 : Date.parse(flagWatch.readUntil));
  if (now.getTime() - readUntil >= NEWEST_MINUTE_MS + FLAG_PATIENCE_MS) {
    return `what requests tell of it could not be read since ${new Date(readUntil).toISOString()}`;
  }
  const silent = waitingFlags(release).flatMap((reference) =>
    reference.flags.filter((flag) => {
      const judgement = flagWatch?.flags[flagKey(reference, flag)];
      return judgement !== undefined && hasFallenSilent(judgement);
    }),
  );
  if (silent.length === 0) return undefined;
  return `functions have told nothing of ${silent.join(", ")} for minutes, although they did before`;
}

/** Of the flags that were switched on for everyone, those too few requests told of, with how many that saw them on did. */
export function unjudgedFlags(
  release: Pick<ReleaseRecord, "flags" | "enabling" | "flagWatch" | "policy">,
): { flag: string; seenOn: number }[] {
  const { enabling, flagWatch, policy } = release;
  return waitingFlags(release)
    .filter((reference) => enabling?.deployments[profileKey(reference)] !== undefined)
    .flatMap((reference) =>
      reference.flags.map((flag) => {
        const judgement = flagWatch?.flags[flagKey(reference, flag)];
        return { flag, seenOn: judgement ? seenOn(judgement) : 0 };
      }),
    )
    .filter((one) => one.seenOn < policy.checks.minSamples);
}

/** The flags whose switching off was told, or is by whoever does it now. */
export const withoutToldOff = (
  references: readonly FlagReference[],
  release: Pick<ReleaseRecord, "flagResults" | "harmfulFlagsOff" | "flagWatch" | "policy">,
): FlagReference[] => {
  const { flagResults = [], harmfulFlagsOff = [], flagWatch, policy } = release;
  const killed = flagResults.flatMap((result) =>
    [...result.switchedOff, ...result.remaining].map((flag) => flagKey(result, flag)),
  );
  const told = new Set([...killed, ...harmfulFlagsOff]);
  const isKilledNow = (key: string) => policy.automaticRollback && flagWatch?.found[key]?.kind === "harmful";
  return onlyFlags(references, (key) => !told.has(key) && !isKilledNow(key));
};

/** What holds the flags back for now: an order of people. */
export function heldBack(record: EnvironmentRecord, functionName: string, now: Date): string | undefined {
  const order = disarmedBy(record, functionName, now);
  if (order) return `the guard is disarmed by ${order.by} until ${order.until}: ${order.reason}`;
  const [freeze] = activeFreezes(record.freezes, "flags", functionName, now);
  if (!freeze) return undefined;
  const until = freeze.until ? ` until ${freeze.until.toISOString()}` : "";
  return `flags are frozen by ${freeze.window.by}${until}: ${freeze.window.reason}`;
}

export const isOutOfPatience = ({ askedAt }: Enabling, now: Date) => now.getTime() - Date.parse(askedAt) >= PATIENCE_MS;

/** Undefined after too many: somebody should look first. */
export function nextFlagsExecution(deploymentId: string, last: string | undefined): string | undefined {
  const number = Number(/-flags-(\d+)$/.exec(last ?? "")?.[1] ?? 0) + 1;
  return number > MAX_EXECUTIONS ? undefined : `${deploymentId}-flags-${number}`;
}
