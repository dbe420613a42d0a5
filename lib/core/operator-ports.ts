/** What an operator's commands need from the outside beyond `Ports`. No Lambda of the guard has any of it. */
import type { AlarmState, FlagContent, FlagTarget } from "./ports.ts";

/** Who is asking, and what else is there. */
export interface DiscoveryPort {
  /** Undefined when the function does not exist. */
  describeFunction(functionName: string): Promise<FunctionDescription | undefined>;
  /** Names of all functions of the account and region. */
  functionNames(): Promise<string[]>;
  /** CodeDeploy applications that have a deployment group of this name. */
  applicationsWithGroup(group: string): Promise<string[]>;
  /** Every deployment of the account and region that has not ended, of whichever application; newest first. */
  openDeployments(): Promise<string[]>;
  /** States of metric and composite alarms whose name starts so. */
  alarmsByPrefix(prefix: string): Promise<Record<string, AlarmState>>;
  identity(): Promise<Identity>;
  /** Function and alias of every policy of an environment. */
  guardedAliases(environment: string): Promise<{ functionName: string; alias: string }[]>;
  /** Whether the alias has provisioned concurrency of its own, in whatever state. */
  hasProvisionedConcurrency(functionName: string, alias: string): Promise<boolean>;
  /** Confirmed subscriptions of a topic of this account and region. */
  subscribers(topic: string): Promise<number>;
  /** Whether there is such a secret, by name or ARN, that is not about to be deleted. Its content is not read. */
  secretExists(id: string): Promise<boolean>;
}

export interface FunctionDescription {
  functionName: string;
  /** The CloudFormation stack that owns it (tag `aws:cloudformation:stack-name`). */
  stackName: string | undefined;
  aliases: string[];
  tags: Readonly<Record<string, string>>;
}

export interface Identity {
  accountId: string;
  arn: string;
  region: string;
}

/** Stacks that own an alias. */
export interface StacksPort {
  /** Undefined when the stack does not own the alias. */
  alias(stackName: string, aliasArn: string): Promise<StackAlias | undefined>;
  /** The template as it was given. */
  template(stackName: string): Promise<string>;
  /**
   * Makes a change set of the template with the stack's own parameters. Undefined when CloudFormation refuses it or it
   * has no changes. `compare`: with what the stack records, or with what is live (drift-aware).
   */
  propose(request: {
    stackName: string;
    template: string;
    compare: "recorded" | "live";
    description: string;
  }): Promise<{ changeSet: string; changes: StackChange[] } | undefined>;
  discard(changeSet: string): Promise<void>;
  execute(changeSet: string): Promise<void>;
  status(stackName: string): Promise<{ status: string; reason: string | undefined }>;
}

/** What a CloudFormation stack holds of an alias. */
export interface StackAlias {
  stackName: string;
  /** `UPDATE_COMPLETE`, `UPDATE_ROLLBACK_FAILED` … */
  status: string;
  logicalId: string;
  /** The version of its template; undefined when the template says it in a way that cannot be followed. */
  recordedVersion: string | undefined;
  /** Why not. */
  problem: string | undefined;
}

/** One line of a change set. */
export interface StackChange {
  logicalId: string;
  /** `Add`, `Modify`, `Remove`, `SyncWithActual` … */
  action: string;
  replaces: boolean;
  /** Changed properties and attributes (`FunctionVersion`, `UpdatePolicy` …). */
  names: string[];
}

/** Aliases that serve nobody, made and taken away by a command. */
export interface MarkerAliasPort {
  /** An alias of this name is moved to the version. */
  put(functionName: string, alias: string, version: string): Promise<void>;
  remove(functionName: string, alias: string): Promise<void>;
}

/** A flag deployment of one profile that has completed and counts. */
export interface CompletedFlagDeployment {
  number: number;
  version: number;
  completedAt: Date | undefined;
}

/** What rolling a configuration back needs beyond `FlagsPort`. */
export interface FlagHistoryPort {
  /** Newest first; deployments that were rolled back or reverted are left out. */
  completed(target: FlagTarget): Promise<CompletedFlagDeployment[]>;
  /** Throws GoaroundError `flags-missing` where there is no such version. */
  content(target: FlagTarget, version: number): Promise<FlagContent>;
  /** Takes the newest deployment of the profile back (AllowRevert). */
  revert(target: FlagTarget, number: number): Promise<void>;
}

/** One version of a policy's parameter. */
export interface PolicyVersion {
  version: number;
  /** The text as it was written. */
  document: string;
  at: Date | undefined;
  /** ARN of who wrote it. */
  by: string | undefined;
  description: string | undefined;
  tier: string | undefined;
}

/** What Parameter Store keeps of a policy, and the one way to write it beside the stack. */
export interface PolicyHistoryPort {
  /** Newest first, at most 100 (Systems Manager user guide, 2025); none when there is no parameter. */
  versions(environment: string, functionName: string, alias: string): Promise<PolicyVersion[]>;
  /**
   * Writes a new version after `over`; answers its number. Parameter Store has no condition for it: a number that does not
   * follow tells that somebody else has written meanwhile. Nothing is created where there is no parameter any more.
   */
  write(change: {
    environment: string;
    functionName: string;
    alias: string;
    document: string;
    description: string;
    over: PolicyVersion;
  }): Promise<number>;
}

/** A log group, as it stands before a release. */
export interface LogGroupState {
  /** STANDARD, INFREQUENT_ACCESS or DELIVERY. */
  logGroupClass: string;
  createdAt: Date;
  /** Names of its subscription filters, whoever's they are. */
  filters: string[];
  /** Known an hour late, or so; undefined where it holds nothing. */
  newestEventAt: Date | undefined;
  /** Whether the resource policy of the subscriber lets CloudWatch Logs hand the log to it. */
  isDeliverable: boolean;
}

export interface LogGroupsPort {
  /** Undefined where there is no such group. `subscriber`: the name of a Lambda. */
  look(logGroup: string, subscriber: string): Promise<LogGroupState | undefined>;
}
