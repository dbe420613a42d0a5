import type {
  AccountSettings,
  DeploymentEvent,
  DeploymentState,
  GrowthType,
  Monitor,
  ReplicateTo,
  Validator,
} from "@aws-sdk/client-appconfig";
import type { Timer } from "../../kernel/clock.ts";

/** What people may turn on the local AppConfig. Times in virtual milliseconds. */
export interface AppConfigOptions {
  /** Time between two looks at the monitors of a running deployment. Default 10,000. [inferred] */
  monitorPollMs?: number;
  /** From ROLLING_BACK to ROLLED_BACK. Default 1,000. [inferred] */
  rollbackMs?: number;
}

export const DEFAULT_OPTIONS: Required<AppConfigOptions> = { monitorPollMs: 10_000, rollbackMs: 1_000 };

export const FEATURE_FLAGS = "AWS.AppConfig.FeatureFlags";
export const FREEFORM = "AWS.Freeform";

export interface ApplicationRecord {
  id: string;
  name: string;
  description: string | undefined;
  environments: Map<string, EnvironmentRecord>;
  profiles: Map<string, ProfileRecord>;
}

export interface EnvironmentRecord {
  id: string;
  applicationId: string;
  name: string;
  description: string | undefined;
  monitors: Monitor[];
  createdAtMs: number;
  lastPolledAtMs: number | undefined;
  /** By number, oldest first. */
  deployments: DeploymentRecord[];
  /** A StartDeployment that is still validating. */
  starting: boolean;
}

export interface ProfileRecord {
  id: string;
  applicationId: string;
  name: string;
  description: string | undefined;
  locationUri: string;
  retrievalRoleArn: string | undefined;
  type: string;
  validators: Validator[];
  kmsKeyIdentifier: string | undefined;
  createdAtMs: number;
  lastPolledAtMs: number | undefined;
  versions: Map<number, HostedVersionRecord>;
  lastVersion: number;
}

export interface HostedVersionRecord {
  number: number;
  content: Uint8Array;
  contentType: string;
  description: string | undefined;
  label: string | undefined;
}

export interface StrategyRecord {
  id: string;
  name: string;
  description: string | undefined;
  durationMinutes: number;
  bakeMinutes: number;
  growthFactor: number;
  growthType: GrowthType;
  replicateTo: ReplicateTo;
  predefined: boolean;
}

export interface DeploymentRecord {
  applicationId: string;
  environment: EnvironmentRecord;
  profile: ProfileRecord;
  number: number;
  /** As it was at the start: later edits of the strategy do not touch a running deployment. */
  strategy: StrategyRecord;
  configurationName: string;
  configurationVersion: string;
  versionLabel: string | undefined;
  description: string | undefined;
  content: Uint8Array;
  contentType: string;
  state: DeploymentState;
  percentage: number;
  startedAt: Date;
  completedAt: Date | undefined;
  /** Newest first. */
  events: DeploymentEvent[];
  timers: Timer[];
}

/** States in which a deployment keeps its environment from taking another one. */
const ACTIVE: readonly DeploymentState[] = ["VALIDATING", "DEPLOYING", "BAKING", "ROLLING_BACK"];
export const isActive = (deployment: DeploymentRecord): boolean => ACTIVE.includes(deployment.state);

export type Settings = Required<Pick<AccountSettings, "DeletionProtection">>;
