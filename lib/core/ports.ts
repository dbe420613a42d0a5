/**
 * What the decisions need from the outside, as narrow as they need it. `adapters/` implements each over the AWS SDK;
 * the tests' fakes pass the same contract suite.
 */
import type { DeclaredMetric } from "../contract/declared-metrics.ts";
import type { InvocationMark } from "../contract/names.ts";
import type { SideCounts } from "./judge/types.ts";
import type { EnvironmentRecord } from "./release/environment-record.ts";
import type { RollbackRecord } from "./release/journal.ts";
import type { AliasRecord, ReleaseRecord } from "./release/records.ts";

export interface Clock {
  now(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface AliasState {
  functionName: string;
  alias: string;
  /** The version that gets what the weights leave. */
  functionVersion: string;
  /** Additional version → share, 0 to 1; empty when the alias is whole. */
  weights: Record<string, number>;
  revisionId: string;
  arn: string;
}

export interface VersionInfo {
  version: string;
  codeSha256: string;
  /** Hash over the configuration that a version freezes (environment, memory, layers …). */
  configurationHash: string;
  lastModified: string;
  state: "Pending" | "Active" | "Inactive" | "Failed" | "Unknown";
  /** Where it logs, when that is not Lambda's own choice. */
  logGroup?: string | undefined;
  /** `Text` or `JSON`; absent where Lambda does not say, which is text. */
  logFormat?: string | undefined;
  /** Which of Lambda's own records it logs: DEBUG, INFO or WARN; absent where it logs in text. */
  systemLogLevel?: string | undefined;
  /** `nodejs22.x`; absent of a container image. */
  runtime?: string | undefined;
}

export interface InvocationResult {
  statusCode: number;
  /** `Handled` or `Unhandled` when the function failed. */
  functionError: string | undefined;
  payload: unknown;
  durationMs: number;
  executedVersion: string | undefined;
  /** Lambda's id of the invocation, which its log names too. */
  requestId?: string | undefined;
}

export interface FunctionsPort {
  /** Throws GoaroundError `alias-missing` or `function-missing`. */
  getAlias(functionName: string, alias: string): Promise<AliasState>;
  listVersions(functionName: string): Promise<VersionInfo[]>;
  /** Undefined when the version does not exist. */
  getVersion(functionName: string, version: string): Promise<VersionInfo | undefined>;
  /** One write: version set, weights cleared, only when `revisionId` still holds; else GoaroundError `conflict`. */
  moveAlias(move: { functionName: string; alias: string; version: string; revisionId: string }): Promise<AliasState>;
  /** One write: `share` (0 to 1, both excluded) of the traffic to `to`, the rest to `version`. Conflicts as `moveAlias`. */
  splitAlias(split: {
    functionName: string;
    alias: string;
    version: string;
    to: string;
    share: number;
    revisionId: string;
  }): Promise<AliasState>;
  /** Asks again where Lambda throttles it; `durationMs` is of the attempt that was answered. */
  invoke(request: InvocationRequest): Promise<InvocationResult>;
}

export interface InvocationRequest {
  functionName: string;
  qualifier: string;
  payload: unknown;
  /** Put into the client context (`custom.goaround`). */
  mark?: InvocationMark;
  signal?: AbortSignal;
  /** Told before each attempt, and when it has an answer or is refused: waiting to ask again is not the function's time. */
  attempts?: { began(): void; ended(): void };
}

export type DeploymentStatus =
  | "Created"
  | "Queued"
  | "InProgress"
  | "Baking"
  | "Succeeded"
  | "Failed"
  | "Stopped"
  | "Ready";

export interface DeploymentInfo {
  deploymentId: string;
  application: string;
  group: string;
  configuration: string | undefined;
  status: DeploymentStatus;
  /** `user`, `CloudFormation`, `codeDeployRollback`, `CloudFormationRollback` … */
  creator: string;
  /**
   * Raw AppSpec content (YAML or JSON). GetDeployment leaves the content out (API reference, note on GetDeployment,
   * 2026): read it with GetApplicationRevision and the revision's sha256; the reply has it in `string.content`.
   */
  appSpec: string;
  description: string | undefined;
  createdAt: Date | undefined;
  completedAt: Date | undefined;
  error: { code: string; message: string } | undefined;
  rollbackDeploymentId: string | undefined;
  rollbackTriggeringDeploymentId: string | undefined;
  /** The CloudFormation stack, when it created the deployment. */
  externalId: string | undefined;
}

export interface LifecycleEvent {
  name: string;
  status: string;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
}

export interface DeploymentTarget {
  targetId: string;
  functionName: string;
  alias: string;
  currentVersion: string;
  targetVersion: string;
  /** Share of traffic on the target version, 0 to 100. */
  targetVersionWeightPercent: number | undefined;
  lifecycleEvents: LifecycleEvent[];
}

export interface TrafficRouting {
  kind: "canary" | "linear" | "all-at-once";
  percentage: number;
  intervalMinutes: number;
}

export interface DeploymentsPort {
  /** Throws GoaroundError `deployment-missing`. */
  get(deploymentId: string): Promise<DeploymentInfo>;
  /** Undefined while CodeDeploy has not made the target yet. */
  target(deploymentId: string): Promise<DeploymentTarget | undefined>;
  /** Newest first. */
  list(filter: { application: string; group: string; statuses?: DeploymentStatus[] }): Promise<string[]>;
  /** An answer that CodeDeploy already has (`LifecycleEventAlreadyCompletedException`) counts as done. */
  reportHook(report: {
    deploymentId: string;
    executionId: string;
    status: "Succeeded" | "Failed";
  }): Promise<"reported" | "already-completed">;
  /** Stops with rollback. A deployment that has ended already is not an error. */
  stopWithRollback(deploymentId: string): Promise<"stopping" | "already-completed">;
  /** Alarm names of the group, and the routing of its configuration. */
  group(
    application: string,
    group: string,
  ): Promise<{ configuration: string; alarms: string[]; serviceRoleArn: string } | undefined>;
  routing(configuration: string): Promise<TrafficRouting | undefined>;
  createConfiguration(name: string, routing: TrafficRouting): Promise<"created" | "exists">;
  create(request: {
    application: string;
    group: string;
    configuration: string;
    appSpec: string;
    description: string;
    /** Replaces the group's alarms for this deployment. */
    alarms?: string[];
    /** False: a failure is not rolled back, whatever the group says. */
    autoRollback?: false;
  }): Promise<string>;
}

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

export interface MetricAlarmDefinition {
  name: string;
  description: string;
  /** Percent; breaches when 100 × errors ÷ invocations of the version is greater. */
  errorRatePercent: number;
  functionName: string;
  alias: string;
  version: string;
  minSamples: number;
}

/** An alias, over [from, to). */
export interface AliasQuery {
  functionName: string;
  alias: string;
  from: Date;
  to: Date;
}

/** One version behind an alias. */
export interface VersionQuery extends AliasQuery {
  version: string;
}

/** For metrics that look back over a window of their own. */
export interface DeclaredQuery extends VersionQuery {
  /** Nothing before it is read, however long a metric's window is. */
  since: Date;
}

/** What one version did in one minute. */
export interface MinuteCounts {
  at: Date;
  invocations: number;
  errors: number;
  /** For each threshold, between how many and how many requests were slower; undefined where that is not known. */
  slow: SlowCount[] | undefined;
}

/** Equal where requests were counted; apart where only percentiles are known. */
export interface SlowCount {
  least: number;
  most: number;
}

/** What the metrics of a policy say of one version, by their names; one that published nothing is in neither. */
export interface DeclaredValues {
  values: Record<string, number>;
  /** Why each of the others could not be read. */
  unreadable: Record<string, string>;
}

export interface MonitoringPort {
  /** Metric and composite alarms; names that do not exist are absent. */
  alarmStates(names: readonly string[]): Promise<Record<string, AlarmState>>;
  putVersionErrorAlarm(alarm: MetricAlarmDefinition): Promise<void>;
  deleteAlarms(names: readonly string[]): Promise<void>;
  /** Whether the actions of each alarm are enabled; names that do not exist are absent. */
  alarmActions(names: readonly string[]): Promise<Record<string, boolean>>;
  /** Enables or disables the actions of alarms. AppConfig ignores a monitor whose actions are disabled. */
  setAlarmActions(names: readonly string[], enabled: boolean): Promise<void>;
  /** Counts of one version behind an alias, over whole minutes [from, to). */
  versionCounts(query: VersionQuery): Promise<SideCounts>;
  /** The same minute by minute, with what a comparison of durations needs; minutes in which nothing ran are absent. */
  minuteCounts(
    query: VersionQuery & {
      /** Milliseconds, lowest first; none: no requests are counted by duration. */
      slowThresholdsMs: readonly number[];
    },
  ): Promise<MinuteCounts[]>;
  /** Percentiles of an alias' durations over whole minutes [from, to), milliseconds; undefined where nothing ran. */
  durationPercentiles(
    query: AliasQuery & { percentiles: readonly number[] },
  ): Promise<{ requests: number; valuesMs: number[] } | undefined>;
  /** What the policy's own metrics say of one version. Throws when CloudWatch cannot be read. */
  declaredMetrics(query: DeclaredQuery & { metrics: readonly DeclaredMetric[] }): Promise<DeclaredValues>;
  /** Most requests at once through an alias, over whole minutes [from, to); undefined where nothing is published. */
  peakConcurrency(query: AliasQuery): Promise<number | undefined>;
  /** Counts of a whole alias, over whole minutes [from, to). */
  aliasCounts(query: AliasQuery): Promise<SideCounts>;
}

interface CohortCounts {
  requests: number;
  errors: number;
}

/** Requests of one version that read a flag, by what they saw. */
export interface FlagCohorts {
  version: string;
  on: CohortCounts;
  off: CohortCounts;
}

export interface FlagEvidencePort {
  /** What functions told (`FLAG_METRICS`) over whole minutes [from, to); zeros where nothing was told. */
  flagCohorts(query: {
    functionName: string;
    versions: readonly string[];
    flag: string;
    from: Date;
    to: Date;
  }): Promise<FlagCohorts[]>;
}

/** SHA-256 of a flag document, hex, of its canonical form: the same for contents that say the same. */
export interface FlagHashes {
  /** Of all but `values`: what code owns. */
  definitionsSha256: string;
  /** Of `values`: what run time owns. */
  valuesSha256: string;
}

/** What one hosted version of a flag profile holds. */
export interface FlagContent {
  contentType: string;
  /** The stored AWS.AppConfig.FeatureFlags document. */
  document: Record<string, unknown>;
  hashes: FlagHashes;
}

export interface FlagDocument extends FlagContent {
  /** Hosted version number of the configuration profile. */
  version: number;
  /** The deployment that brought it; numbers rise with time. */
  deploymentNumber: number;
  /** When this version's deployment started; lets the responder see that a flag changed after the code did. */
  deployedAt?: Date | undefined;
}

export interface FlagDeployment {
  number: number;
  state: string;
  description: string;
  profileId: string;
  configurationVersion: string;
  startedAt: Date | undefined;
}

export interface FlagsPort {
  /** Names or ids in, ids out. Throws GoaroundError `flags-missing` naming what does not exist. */
  resolve(target: { application: string; environment: string; profile: string }): Promise<FlagTarget>;
  /** What is deployed now (not the newest hosted version); undefined before the first deployment. */
  deployed(target: FlagTarget): Promise<FlagDocument | undefined>;
  /** A deployment that is not finished on the environment, or undefined. */
  activeDeployment(target: FlagTarget): Promise<FlagDeployment | undefined>;
  getDeployment(target: FlagTarget, number: number): Promise<FlagDeployment>;
  stopDeployment(target: FlagTarget, number: number): Promise<void>;
  /** Creates a hosted version; returns its number. */
  createVersion(target: FlagTarget, document: Record<string, unknown>, description: string): Promise<number>;
  /** Starts a deployment by strategy name or id; GoaroundError `conflict` when another one is running. */
  deploy(target: FlagTarget, version: number, strategy: string, description: string): Promise<number>;
  /** Names of alarms that the environment monitors. */
  monitors(target: FlagTarget): Promise<string[]>;
}

export interface FlagTarget {
  applicationId: string;
  environmentId: string;
  profileId: string;
}

export interface PolicyPort {
  /** The raw document; undefined when there is no parameter. */
  read(environment: string, functionName: string, alias: string): Promise<string | undefined>;
  /** A recorded event as it was deployed beside the policy; undefined when there is no parameter. */
  recordedEvent(environment: string, functionName: string, alias: string, event: string): Promise<string | undefined>;
}

/** A message of a queue, as SQS hands it out. */
export interface DeadLetter {
  messageId: string;
  body: string;
  md5OfBody: string;
  /** SQS's own, by name. */
  attributes: Record<string, string>;
  messageAttributes: Record<string, { dataType: string; stringValue?: string; binaryValue?: Uint8Array }>;
}

export interface DeadLettersPort {
  /** Some of a queue's messages, at most `most` (1 to 10), which stay in it and are visible again at once. */
  peek(queue: string, most: number, signal?: AbortSignal): Promise<DeadLetter[]>;
}

export interface LedgerPort {
  getRelease(deploymentId: string): Promise<ReleaseRecord | undefined>;
  /**
   * Writes the first record of a release; false when it was opened already (duplicate event). Fields that
   * `updateRelease` set before (`deploy` may know the threshold before the hook runs) are kept where `record` has none.
   */
  openRelease(record: ReleaseRecord): Promise<boolean>;
  /** Sets fields of a record; a missing record is created. */
  updateRelease(deploymentId: string, changes: Partial<ReleaseRecord>): Promise<void>;
  /**
   * Sets `claim` on the release unless another owner has; false when taken. Makes an action happen once. The owner
   * gets its own claim again, so that a retry of the same invocation goes on where it was cut off. An owner that has
   * neither completed its claim nor asked for it again for `CLAIM_LEASE_MS` is gone: the next one gets it. A claim needs
   * no release record and makes none.
   */
  claim(deploymentId: string, claim: string, owner: string): Promise<boolean>;
  /** What the claim was for has happened: nobody gets it any more, its owner neither. */
  complete(deploymentId: string, claim: string): Promise<void>;
  /** Whether anybody has ever had it. */
  wasClaimed(deploymentId: string, claim: string): Promise<boolean>;
  getAlias(functionName: string, alias: string): Promise<AliasRecord | undefined>;
  /**
   * Reads the record, sets what `change` makes of it, and starts over when anybody has written meanwhile, so that no
   * change is lost. `change` may run more than once and must give the same again when its effect is there already;
   * undefined leaves the record as it is. Throws GoaroundError `conflict` when others never stop writing.
   */
  changeAlias(
    functionName: string,
    alias: string,
    change: (record: AliasRecord | undefined) => Partial<AliasRecord> | undefined,
  ): Promise<void>;
  /** Empty before the first change. */
  getEnvironment(): Promise<EnvironmentRecord>;
  /** As `changeAlias`. Answers the record as it is then. */
  changeEnvironment(
    change: (record: EnvironmentRecord) => Partial<EnvironmentRecord> | undefined,
  ): Promise<EnvironmentRecord>;
  /** Lease and journal of the alias's newest rollback. */
  getRollback(functionName: string, alias: string): Promise<RollbackRecord | undefined>;
  /** Writes it in place of the one with revision `expected` (0: there is none); false when another one is there. */
  putRollback(record: RollbackRecord, expected: number): Promise<boolean>;
  /** Keeps a rollback that has ended under its own id, for those who ask later. */
  archiveRollback(record: RollbackRecord): Promise<void>;
}

export interface Notification {
  severity: "info" | "warning" | "critical";
  subject: string;
  /** What happened, in whole sentences; with figures, limits, duration and the next command. */
  lines: string[];
  data: Record<string, unknown>;
}

export interface NotifierPort {
  notify(notification: Notification): Promise<void>;
}

/** What a lever needs: to decide, to act, to remember and to tell. */
export interface Ports {
  clock: Clock;
  functions: FunctionsPort;
  deployments: DeploymentsPort;
  monitoring: MonitoringPort;
  flags: FlagsPort;
  policies: PolicyPort;
  ledger: LedgerPort;
  notifier: NotifierPort;
}
