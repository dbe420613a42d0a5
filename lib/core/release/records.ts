import type { Compatibility, FlagReference, Policy } from "../../contract/policy.ts";
import type { FlagJudgement } from "../judge/flag-verdict.ts";
import type { Counted } from "../judge/increments.ts";
import type { JudgeState, Reason, Verdict } from "../judge/types.ts";
import type { FlagHashes } from "../ports.ts";
import type { LogJudging } from "../signals/log-looks.ts";
import type { Asked } from "./attribution.ts";

/**
 * One flag profile's part in a rollback. `not-known`: time ran out before AppConfig had said how the change ended; the
 * flags may be on or off.
 */
export interface FlagResult {
  applicationId: string;
  environmentId: string;
  profileId: string;
  outcome: "off" | "not-off" | "not-known";
  switchedOff: string[];
  alreadyOff: string[];
  /** Flags that a person must see to; empty when `off`. */
  remaining: string[];
  /** Seconds from the decision until AppConfig had deployed the change. */
  seconds: number | undefined;
  /** Why it failed, when it did. */
  failure: string | undefined;
  /** It failed by what may be over a minute later. */
  mayPass?: boolean;
  /** Somebody else's flag deployment holds the environment: the sweep asks again until that is over. */
  isHeld?: boolean;
  /** Alarms whose actions the kill has disabled and not enabled again. */
  silencedAlarms: string[];
}

/** The judge's memory of one shift, kept between looks. */
export interface Judging {
  state: JudgeState;
  verdict: Verdict;
  /** Minutes before it have been looked at. */
  judgedUntil: string;
  looks: number;
  /** What has been taken of each version, so that late data count once. */
  canary: Counted;
  baseline: Counted;
  /** Most requests at once so far. */
  peak: number;
  probed?: Probed;
  /** Present where looks were taken at the log. */
  logs?: LogJudging;
}

/** Probes that were sent so far, the same to both versions. */
export interface Probed {
  canary: Asked;
  baseline: Asked;
}

/** The logs that are counted while traffic is split. */
export interface SignalSource {
  logGroups: string[];
  filterName: string;
  /** The filter outlives the release. */
  permanent: boolean;
  /** One in so many requests is counted. */
  sampleOneIn?: number;
}

/** What the watch remembers between its turns. */
export interface WatchMemory {
  /** When the responder was last asked to roll the release back. */
  askedAt?: string;
  /** End of the first of the looks in a row at which the judge held. */
  heldSince?: string | undefined;
  /** Looks in a row at which nothing could be seen. */
  unseen: number;
  /** Alarms that are red while the release bakes, by name: since when they were seen to be. */
  red?: Record<string, string>;
  /** When the responder was last asked whose doing they are. */
  redAskedAt?: string;
}

/** What is known of a release's flags, looked at minute by minute. By `flagKey`. */
export interface FlagWatch {
  /** Minutes before it have been looked at. */
  judgedUntil: string;
  /** End of the newest minute that could be read; undefined before one could. */
  readUntil?: string;
  flags: Record<string, FlagJudgement>;
  /** What a flag was found to be, and when first. */
  found: Record<string, { kind: "harmful" | "cleared"; reason: Reason; at: string }>;
  /** When the responder was last asked to switch harmful flags off. */
  askedAt?: string;
}

/** How the flags that wait for a release are being switched on. */
export interface Enabling {
  /** When it was first tried. */
  askedAt: string;
  /** When AppConfig began to hand the first of them out. */
  beganAt?: string | undefined;
  /** The flag deployment of each profile, by application, environment and profile. */
  deployments: Record<string, number>;
  endedAt?: string | undefined;
  result?: "on" | "stopped" | undefined;
  /** Why it waits, or was stopped. */
  why?: string | undefined;
  /** What people were told of its end. */
  findings?: Reason[];
}

/** A staged release, as far as it has come: whoever comes after a crash goes on from here. */
export interface StagedProgress {
  /** From then on the watch answers BeforeAllowTraffic. */
  handedOverAt: string;
  steps: {
    /** On the canary from `at` on. */
    percent: number;
    at: string;
    /** Requests of the canary since then that have been judged. */
    judged: number;
  }[];
  /** From then on the canary has no share, until CodeDeploy gives it all. */
  clearedAt?: string;
  /** What was not decided when the canary got all traffic all the same. */
  undecided?: Reason;
}

/** Both versions side by side after an alarm in guard time. */
export interface GuardTrial {
  /** On the version that served before. */
  percent: number;
  startedAt: string;
  /** All traffic is on the version that serves again: it is not to blame. */
  clearedAt?: string;
}

/** The command that drives a staged release outside any deployment, and its signs of life. */
export interface Attendance {
  /** One run of the command. Undefined: it was cut off and has said so. */
  owner?: string | undefined;
  /** Who runs it. */
  actor: string;
  /** Grows with each run that takes the release over. */
  term: number;
  beatAt: string;
}

export type ReleaseOutcome = "promoted" | "rolled-back" | "flags-off" | "blocked" | "failed" | "open";

/** One release, as the ledger keeps it: a CodeDeploy deployment, or `attended`. Frozen before traffic moves. */
export interface ReleaseRecord {
  deploymentId: string;
  functionName: string;
  alias: string;
  application: string;
  group: string;
  creator: string;
  /** The rollback point: what served before. */
  baselineVersion: string;
  canaryVersion: string;
  canaryCodeSha256: string;
  canaryConfigurationHash: string;
  policy: Policy;
  flags: FlagReference[];
  /** Percent errors on the canary given by `deploy --rollback-threshold`. */
  rollbackThresholdPercent: number | undefined;
  temporaryAlarms: string[];
  openedAt: string;
  shiftStartedAt: string | undefined;
  closedAt: string | undefined;
  outcome: ReleaseOutcome;
  verdict: Verdict | undefined;
  /** Why and by whom it was stopped or rolled back. */
  reason: string | undefined;
  actor: string | undefined;
  /** What was noted before the release and did not stop it. */
  admissionFindings?: Reason[];
  /** Steps that went out with it and that no rollback takes back. */
  stepsTaken?: StepTaken[];
  /** The policy's own steps, as far as they have come: before the traffic, after the release, and on the way back. */
  stepsBefore?: StepRun[];
  stepsAfter?: StepRun[];
  stepsBack?: StepRun[];
  /** What each hook decided, kept so that a repeated event gets the same answer. */
  preTrafficStatus?: "Succeeded" | "Failed";
  postTrafficStatus?: "Succeeded" | "Failed";
  /**
   * Durations above which requests are counted as slow, milliseconds, lowest first: percentiles of what served before
   * the shift. None where too little was served to tell.
   */
  slowThresholdsMs?: number[];
  /** What CodeDeploy calls the hook's run: whoever has it can answer for a hook that died. */
  preTrafficHookId?: string;
  postTrafficHookId?: string;
  /** From then on the watch answers AfterAllowTraffic. */
  handedOverAt?: string;
  /** Of a staged release, from its hand-over to the watch on. */
  staged?: StagedProgress;
  /** Of a staged release that a command drives: there is no deployment. */
  attended?: Attendance;
  /** What the watch remembers between its turns. */
  watch?: WatchMemory;
  /** How far the shift has been judged. */
  judging?: Judging;
  /** Absent: versions are compared by Lambda's metrics alone. */
  signals?: SignalSource;
  /** What is known of the release's flags by themselves. */
  flagWatch?: FlagWatch;
  /** Flags that were switched off because they themselves are harmful, by `flagKey`. */
  harmfulFlagsOff?: string[];
  /** When the last of them was. */
  harmfulFlagsOffAt?: string;
  /** Undefined until flags that wait for the release are tried. */
  enabling?: Enabling;
  /** The execution that took over from the watch's own, to see flags switched on. */
  flagsExecution?: string;
  /** What became of the release's flags, once they were to be switched off. */
  flagResults?: FlagResult[];
  /** Alarms that were red while it baked and that do not take it back, by name: when that was found, and why. */
  staysDespite?: Record<string, { at: string; why: string }>;
  /** What was seen right after its traffic was put back: of the version that serves then, and of the flags. */
  restored?: { at: string; version: string; findings: Reason[] };
  /** The newest trial of its guard time. */
  trial?: GuardTrial;
  /** Alarms whose actions a flag kill has disabled and not yet enabled again. */
  disabledAlarms?: string[];
}

/** What is known about one alias. */
export interface AliasRecord {
  functionName: string;
  alias: string;
  lastKnownGood: KnownGood | undefined;
  /** Deployment that brought the version that serves; its guard time is what alarms count against. */
  lastReleaseId?: string;
  /** `codeSha256/configurationHash` → why. */
  knownBad: Record<string, { version: string; at: string; reason: string; deploymentId: string }>;
  /** Newest first. */
  releases?: ReleaseEntry[];
  /** What served before each release, newest first. */
  rollbackPoints?: RollbackPoint[];
  /** Newest first; cooldown and the limit of attempts count them. */
  rollbacks?: RollbackEntry[];
  /** `codeSha256/configurationHash` → what it said of the data that it shares with others. */
  declared?: Record<string, { version: string; at: string; compatibility: Compatibility }>;
  /** Steps that no rollback takes back and that a person has let through. Newest first. */
  stepsTaken?: StepTaken[];
}

/** A step of a release that no rollback takes back. */
export interface StepTaken {
  name: string;
  reason: string;
  version: string;
  deploymentId: string;
  at: string;
}

/** A step of the policy's own, in the journal of a release. `started`: it may have done something. */
export interface StepRun {
  name: string;
  state: "started" | "done" | "failed";
  at: string;
  /** Why it failed. */
  why?: string;
}

/** A release in its alias's history; the release record has the rest. */
export interface ReleaseEntry {
  deploymentId: string;
  baselineVersion: string;
  canaryVersion: string;
  outcome: ReleaseOutcome;
  openedAt: string;
  closedAt: string | undefined;
  /** Its policy has steps of its own, which may have to be taken back. */
  hasSteps?: true;
}

/** What a version consists of, and the flags that it was good with. */
interface Artifact {
  version: string;
  codeSha256: string;
  configurationHash: string;
  /** Absent: its release named no flags, or ended before hashes were kept. */
  flags?: RecordedFlags[];
}

/** The version that was good last, and the release that it is known from. */
export interface KnownGood extends Artifact {
  at: string;
  deploymentId: string;
}

/** Where an alias can go back to: a version that served, and what it consisted of. */
export interface RollbackPoint extends Artifact {
  at: string;
  /** The release that replaced it. */
  deploymentId: string;
}

/** What AppConfig had deployed of a flag profile when a release that names its flags had ended well. */
export interface RecordedFlags extends FlagHashes {
  /** Names or ids, as the policy has them. */
  applicationId: string;
  environmentId: string;
  profileId: string;
  /** Hosted version of the profile. */
  version: number;
  /** The flag deployment that brought it. */
  deploymentNumber: number;
  at: string;
  /** The release. */
  deploymentId: string;
}

/** A rollback of an alias that has ended. */
export interface RollbackEntry {
  id: string;
  at: string;
  automatic: boolean;
  actor: string;
  /** The version that got all traffic. */
  to: string;
  left: string[];
  deploymentId: string | undefined;
}

export const artifactKey = (codeSha256: string, configurationHash: string) => `${codeSha256}/${configurationHash}`;
