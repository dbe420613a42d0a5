import type { GuardedAlarm } from "../../contract/names.ts";
import type { AliasState } from "../ports.ts";
import type { AppSpec } from "./appspec.ts";
import { aliasPosition } from "./deployment.ts";
import { isTrialOpen, isTrialSplit } from "./guard-trial.ts";
import type { RollbackRecord } from "./journal.ts";
import type { ReleaseRecord } from "./records.ts";

export interface AlarmFacts {
  alarm: GuardedAlarm;
  now: Date;
  /** The deployment of this alias that has not ended, if any. */
  running:
    | {
        deploymentId: string;
        appSpec: AppSpec;
        record: ReleaseRecord | undefined;
        undo: boolean;
        /** Traffic is not split any more: nothing but the release's own version serves. */
        hasShifted: boolean;
      }
    | undefined;
  alias: Pick<AliasState, "functionVersion" | "weights">;
  /** The release that brought the version that serves now, if it is on record. */
  lastRelease: ReleaseRecord | undefined;
  /** The alias's newest rollback, if it is known. */
  journal?: (Pick<RollbackRecord, "deploymentId" | "automatic" | "version"> & Partial<RollbackRecord>) | undefined;
}

/**
 * What a red alarm asks for.
 *
 * - `stop`: the canary of a running release is bad: stop it with rollback, and the release's flags off
 * - `compare`: something is bad while traffic is split, not known to be the canary: look at both versions
 * - `attribute`: something is bad while the release bakes with all traffic: find out whose doing it is, then stop it or not
 * - `put-back`: the version released last is bad: the alias back, and the release's flags off
 * - `try-on`: the guard has both versions side by side; that may have been cut off
 * - `finish`: the guard has put the alias back; what comes after that (flags, books, telling people) may have been cut off
 * - `record`: the alias is back without a word in the journal: by a person, or while the ledger did not answer
 * - `none`: nothing to do, and why
 */
export type AlarmResponse =
  | { kind: "stop"; deploymentId: string; record: ReleaseRecord | undefined }
  | { kind: "compare"; deploymentId: string; record: ReleaseRecord }
  | { kind: "attribute"; record: ReleaseRecord }
  | { kind: "put-back"; release: ReleaseRecord }
  | { kind: "try-on"; release: ReleaseRecord }
  | { kind: "finish"; release: ReleaseRecord }
  | { kind: "record"; release: ReleaseRecord }
  | { kind: "none"; why: string };

const MINUTE_MS = 60_000;
const none = (why: string): AlarmResponse => ({ kind: "none", why });

/** Who signs what the guard's responder does by itself. */
const RESPONDER = "respond";

export function respondToAlarm({ alarm, now, running, alias, lastRelease, journal }: AlarmFacts): AlarmResponse {
  if (running) {
    const { deploymentId, appSpec, record } = running;
    if (running.undo) return none(`deployment ${deploymentId} is already putting the alias back`);
    // Only the canary's own alarm may stop a deployment: a red alias may be what the release is about to cure.
    if (alarm.version === appSpec.targetVersion) return { kind: "stop", deploymentId, record };
    if (alarm.version !== undefined) return none(`version ${alarm.version} is not the one that is being released`);
    if (!record) return none("the running deployment has no release record");
    // The canary's own alarms compare: with nothing to compare with they stay quiet from here on.
    return running.hasShifted ? { kind: "attribute", record } : { kind: "compare", deploymentId, record };
  }
  if (lastRelease?.attended && !lastRelease.closedAt) return respondWhileAttended(alarm, alias, lastRelease, journal);
  if (alarm.version !== undefined) return none("version alarms only stop deployments, and none is running");
  if (!lastRelease?.closedAt) return none("no release is on record for the version that serves");
  const minutes = (now.getTime() - Date.parse(lastRelease.closedAt)) / MINUTE_MS;
  const { guardMinutes, automaticRollback } = lastRelease.policy;
  if (minutes > guardMinutes) {
    return none(`the last release ended ${Math.floor(minutes)} minutes ago; its guard time is ${guardMinutes}`);
  }
  const versions = { baseline: lastRelease.baselineVersion, canary: lastRelease.canaryVersion };
  const position = aliasPosition(alias, versions);
  const isOurs = isPutBack(alias, lastRelease, journal);
  const isOnRecord = lastRelease.outcome !== "promoted" && lastRelease.outcome !== "flags-off";
  // What a person has rolled back is theirs to finish; what the guard began is not, whoever has recorded it meanwhile.
  const isTheirs = isOnRecord && lastRelease.actor !== RESPONDER && journal?.result !== undefined;
  if (automaticRollback && isOurs && !isTheirs) {
    return { kind: "finish", release: lastRelease };
  }
  if (position === "restored" && automaticRollback && !isOnRecord) return { kind: "record", release: lastRelease };
  if (isTrialOpen(lastRelease) && isTrialSplit(alias, lastRelease)) return { kind: "try-on", release: lastRelease };
  if (position !== "on-canary") return none(`the alias is ${position}: it does not serve the version released last`);
  return { kind: "put-back", release: lastRelease };
}

/** The guard has put the alias back for this release, or was cut off between the steps of doing so. */
const isPutBack = (
  { functionVersion, weights }: AlarmFacts["alias"],
  { deploymentId }: ReleaseRecord,
  journal: AlarmFacts["journal"],
) =>
  journal?.automatic === true &&
  journal.deploymentId === deploymentId &&
  functionVersion === journal.version &&
  (Object.keys(weights).length === 0 || journal.result?.outcome !== "restored");

/** A command gives the version its shares, and may be gone: there is no deployment to stop. */
function respondWhileAttended(
  alarm: GuardedAlarm,
  alias: AlarmFacts["alias"],
  release: ReleaseRecord,
  journal: AlarmFacts["journal"],
): AlarmResponse {
  const { deploymentId, canaryVersion, baselineVersion } = release;
  if (alarm.version !== undefined && alarm.version !== canaryVersion) {
    return none(`version ${alarm.version} is not the one that is being released`);
  }
  if (isPutBack(alias, release, journal)) return { kind: "finish", release };
  const position = aliasPosition(alias, { baseline: baselineVersion, canary: canaryVersion });
  if (position !== "split" && position !== "on-canary")
    return none(`the alias is ${position}: nothing has traffic of it`);
  if (alarm.version !== undefined) return { kind: "stop", deploymentId, record: release };
  return position === "split" ? { kind: "compare", deploymentId, record: release } : { kind: "put-back", release };
}
