import type {
  AlarmConfiguration,
  AutoRollbackConfiguration,
  AutoRollbackEvent,
  ComputePlatform,
  CreateDeploymentGroupCommandInput,
  DeploymentConfigInfo,
  DeploymentCreator,
  DeploymentStatus,
  ErrorCode,
  LifecycleEvent,
  RevisionLocation,
  RollbackInfo,
  Tag,
  TargetStatus,
} from "@aws-sdk/client-codedeploy";
import type { AppSpecResult } from "./appspec.ts";

/** What people may turn on the local CodeDeploy. Times in virtual milliseconds. */
export interface CodeDeployOptions {
  /** From StopDeployment until the deployment is Stopped and its rollback begins. Default 10,000. [inferred] */
  stopLagMs?: number;
  /**
   * Whether hook functions run in rollback deployments. Default false: in a recorded rollback (2026-08-08) the events
   * read Succeeded while no hook was invoked.
   */
  hooksOnRollbackDeployments?: boolean;
  /**
   * Time between two looks at the alarms. Default 10,000: recorded stops (2026-08-16 and 2026-08-22) came 11 and 12 s
   * after the alarm. [inferred]
   */
  alarmPollMs?: number;
  /**
   * What a rollback does when the group has no successful deployment yet: `restore` puts the alias back to the AppSpec's
   * CurrentVersion by a rollback deployment (recorded 2026-08-13 on the first deployment of a group), `none` only says
   * that there is nothing to roll back to and leaves the weights.
   */
  firstRollback?: "restore" | "none";
  /** From creation to the first event, and again at the end of a rollback. Default 1,000 (a recorded rollback took 2 s). */
  latencyMs?: number;
  /** Attempts of one call that CodeDeploy makes with the service role before the deployment fails. Default 8. [inferred] */
  maxAttempts?: number;
}

export const DEFAULT_OPTIONS: Required<CodeDeployOptions> = {
  stopLagMs: 10_000,
  hooksOnRollbackDeployments: false,
  alarmPollMs: 10_000,
  firstRollback: "restore",
  latencyMs: 1_000,
  maxAttempts: 8,
};

/** A hook that does not answer fails its event after one hour (CodeDeploy user guide, AppSpec hooks, 2023). */
export const HOOK_TIMEOUT_MS = 3_600_000;

export const HOOK_EVENTS = ["BeforeAllowTraffic", "AfterAllowTraffic"] as const;
export type HookEvent = (typeof HOOK_EVENTS)[number];

/**
 * The events that `lambdaTarget.lifecycleEvents` lists, in order. Start and End exist in the guide's table but are not
 * in the list (recorded 2026-08-08).
 */
export const TARGET_EVENTS = ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"] as const;
export type TargetEvent = (typeof TARGET_EVENTS)[number];

export interface ApplicationRecord {
  id: string;
  name: string;
  computePlatform: ComputePlatform;
  createTime: Date;
  groups: Map<string, GroupRecord>;
  /** By SHA-256 of the AppSpec content. */
  revisions: Map<string, RevisionRecord>;
}

export interface RevisionRecord {
  content: string;
  sha256: string;
  description: string | undefined;
  registerTime: Date;
  firstUsedTime: Date | undefined;
  lastUsedTime: Date | undefined;
  groups: Set<string>;
}

export interface GroupRecord {
  id: string;
  application: ApplicationRecord;
  name: string;
  settings: Omit<CreateDeploymentGroupCommandInput, "applicationName" | "deploymentGroupName" | "tags"> & {
    deploymentConfigName: string;
    serviceRoleArn: string;
  };
  /** The revision of the last successful deployment. */
  targetRevision: RevisionLocation | undefined;
  lastSuccessful: DeploymentRecord | undefined;
  lastAttempted: DeploymentRecord | undefined;
}

export interface ConfigurationRecord extends DeploymentConfigInfo {
  deploymentConfigName: string;
  computePlatform: ComputePlatform;
  predefined: boolean;
}

/** A hook run that waits for PutLifecycleEventHookExecutionStatus. */
export interface HookExecution {
  id: string;
  event: HookEvent;
  answer: (status: "Succeeded" | "Failed") => void;
  /** Set by the first answer; a second one is refused. */
  answered: boolean;
}

export interface DeploymentRecord {
  id: string;
  group: GroupRecord;
  applicationName: string;
  groupName: string;
  configuration: ConfigurationRecord;
  /** As it came in, with content. */
  revision: RevisionLocation;
  content: string;
  previousRevision: RevisionLocation | undefined;
  appSpec: AppSpecResult;
  description: string | undefined;
  creator: DeploymentCreator;
  externalId: string | undefined;
  status: DeploymentStatus;
  createTime: Date;
  startTime: Date | undefined;
  completeTime: Date | undefined;
  error: { code: ErrorCode; message: string } | undefined;
  autoRollbackConfiguration: AutoRollbackConfiguration | undefined;
  overrideAlarmConfiguration: AlarmConfiguration | undefined;
  rollbackInfo: RollbackInfo | undefined;
  /** The version that a rollback deployment restores; undefined for every other deployment. */
  restoreVersion: string | undefined;
  /** Set while a stop is under way. */
  stopping: boolean;
  targetStatus: TargetStatus;
  /** Share of traffic on the target version, 0 to 1 (recorded: 1.0 after the last shift). */
  targetWeight: number;
  events: Map<TargetEvent, LifecycleEvent>;
  lastUpdatedAt: Date;
  hooks: HookExecution[];
  controller: AbortController;
}

export const isTerminal = (deployment: DeploymentRecord): boolean =>
  deployment.status === "Succeeded" || deployment.status === "Failed" || deployment.status === "Stopped";

/** Ends a deployment: thrown by a step of a run, turned into the deployment's status and error. */
export class DeploymentFailure extends Error {
  readonly status: "Failed" | "Stopped";
  readonly code: ErrorCode;
  /** The auto-rollback event that this counts as; undefined when there is nothing to undo. */
  readonly event: AutoRollbackEvent | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { status?: "Failed" | "Stopped"; event?: AutoRollbackEvent } = {},
  ) {
    super(message);
    this.name = "DeploymentFailure";
    this.code = code;
    this.status = options.status ?? "Failed";
    this.event = options.event;
  }
}

export interface CodeDeployState {
  applications: Map<string, ApplicationRecord>;
  configurations: Map<string, ConfigurationRecord>;
  /** In order of creation. */
  deployments: Map<string, DeploymentRecord>;
  /** By ARN. */
  tags: Map<string, Tag[]>;
}
