/**
 * Every name that synth time and run time must agree on. Names are literal (no cross-stack exports), so that IAM and
 * EventBridge can match them by prefix and a stack can be replaced without untangling references.
 */

export const DEFAULT_ALIAS = "live";

/** The CodeDeploy application that holds all deployment groups of an environment. */
export const applicationName = (environment: string) => `goaround-${environment}`;

/** CodeDeploy's own configuration that moves all traffic in one step; the last step of stages too. */
export const ALL_AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce";

/** Default deployment group of a function. */
export const deploymentGroupName = (functionName: string) => `${functionName}-deployment-group`;

/** SSM parameter that holds a function's policy as one JSON document. */
export const policyParameterName = (environment: string, functionName: string, alias: string) =>
  `/goaround/${environment}/${functionName}/${alias}`;

/** SSM parameter of an event that releases of a function are tried with. */
export const recordedEventName = (environment: string, functionName: string, alias: string, event: string) =>
  `${policyParameterName(environment, functionName, alias)}/events/${event}`;

export const ledgerTableName = (environment: string) => `goaround-${environment}-ledger`;
export const notificationTopicName = (environment: string) => `goaround-${environment}-notifications`;

/** The lifecycle events whose hooks are the guard's, in their order (CodeDeploy user guide, AppSpec hooks, 2023). */
export const HOOK_NAMES = ["BeforeAllowTraffic", "AfterAllowTraffic"] as const;
export type HookName = (typeof HOOK_NAMES)[number];

export const GUARD_HANDLERS = [
  "pre-traffic",
  "post-traffic",
  "watch",
  "shift",
  "respond",
  "report-failure",
  "signals",
] as const;
export type GuardHandler = (typeof GUARD_HANDLERS)[number];
export const guardFunctionName = (environment: string, handler: GuardHandler) => `goaround-${environment}-${handler}`;

/** The state machine that watches releases: one execution each, named by the deployment id. */
export const watchMachineName = (environment: string) => `goaround-${environment}-watch`;
/** The schedule that looks for releases nobody watches; enabled while one is open. */
export const sweepRuleName = (environment: string) => `goaround-${environment}-sweep`;

/**
 * Subscription filters that send a guarded function's log to the signals Lambda: one for each open release, or one that
 * stays. No environment's name has a dash, so the prefix is this environment's alone.
 */
export const signalFilterPrefix = (environment: string) => `goaround-${environment}-`;
export const signalFilterName = (environment: string, deploymentId: string | "always") =>
  `${signalFilterPrefix(environment)}${deploymentId}`;

/** Where Lambda logs, unless the function's configuration says otherwise. */
export const defaultLogGroup = (functionName: string) => `/aws/lambda/${functionName}`;

/** Prefix of every alarm of an environment; EventBridge rules match it. */
export const alarmNamePrefix = (environment: string) => `goaround-${environment}-`;

export interface GuardedAlarm {
  environment: string;
  functionName: string;
  alias: string;
  /** What it watches: `error-rate`, `duration`, `p99`, `throttles` … */
  check: string;
  /** Present on alarms that watch one version only (an alarm keeps its state when its definition changes). */
  version?: string | undefined;
}

/** `goaround-<env>-<function>.<alias>.<check>[.v<version>]`; dots cannot occur in function or alias names. */
export const alarmName = (alarm: GuardedAlarm) =>
  `${alarmNamePrefix(alarm.environment)}${[alarm.functionName, alarm.alias, alarm.check].join(".")}${
    alarm.version === undefined ? "" : `.v${alarm.version}`
  }`;

/** The inverse of `alarmName`; undefined for an alarm that is not one of ours. */
export function parseAlarmName(environment: string, name: string): GuardedAlarm | undefined {
  const prefix = alarmNamePrefix(environment);
  if (!name.startsWith(prefix)) return undefined;
  const match = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([a-z0-9-]+)(?:\.v(\d+))?$/.exec(name.slice(prefix.length));
  if (!match) return undefined;
  const [, functionName, alias, check, version] = match;
  return { environment, functionName: functionName!, alias: alias!, check: check!, version };
}

/** What the alias-scoped alarms of a guarded function watch. */
export const ALIAS_CHECKS = ["error-rate", "duration", "p99", "throttles"] as const;

/** Environment variables of the guard's Lambdas. */
export const ENV = {
  environment: "GOAROUND_ENVIRONMENT",
  ledgerTable: "GOAROUND_LEDGER_TABLE",
  topicArn: "GOAROUND_TOPIC_ARN",
  /** ARN of the state machine that watches releases. */
  watchArn: "GOAROUND_WATCH_ARN",
  /** Keep this many milliseconds of a hook's run to report. */
  reportReserveMs: "GOAROUND_REPORT_RESERVE_MS",
} as const;

/** Namespace and names of the metrics that the guard emits. */
export const METRICS = {
  namespace: "Goaround",
  unguardedDeployments: "UnguardedDeployments",
  rollbacks: "Rollbacks",
  rollbackFailures: "RollbackFailures",
  rollbackDurationSeconds: "RollbackDurationSeconds",
  hookFailures: "HookFailures",
  unvalidatedFlags: "UnvalidatedFlags",
} as const;

/**
 * What a function tells of the flags it reads, in CloudWatch's embedded metric format: requests and errors by version and
 * by the flag's state. Dimensions, in this order: `FunctionName, ExecutedVersion, Flag, State`.
 */
export const FLAG_METRICS = {
  namespace: "Goaround/Flags",
  dimensions: ["FunctionName", "ExecutedVersion", "Flag", "State"],
  requests: "Requests",
  errors: "Errors",
} as const;
export type FlagState = "on" | "off";

/** Tags: every resource of an environment, and the functions that the guard may act on. */
export const TAGS = {
  application: "goaround:application",
  environment: "goaround:environment",
  guarded: "goaround:guarded",
  /** Of a function, by whoever owns it: where its runbook is, and whose it is. */
  runbook: "goaround:runbook",
  owner: "goaround:owner",
} as const;

/** AppConfig deployments whose description starts so are ours and may be stopped by a kill. */
export const OWN_FLAG_DEPLOYMENT_PREFIX = "goaround:";

/**
 * An alias that serves nobody: `doctor --repair` makes it for the seconds in which a deployment of it tells CodeDeploy which
 * version is in service.
 */
export const MARKER_ALIAS = "goaround-marker";

/** The flag deployment strategy for kills: 0 minutes, 0 bake. */
export const killStrategyName = (environment: string) => `goaround-${environment}-kill`;

/** The flag deployment strategy for deliberate changes: in steps, with a bake. */
export const gradualStrategyName = (environment: string) => `goaround-${environment}-gradual`;

/**
 * AppConfig application, environment and profile of an environment's flags. Functions and policies name them literally:
 * a reference would tie the function's stack to the flags' stack and close a cycle through the monitors.
 */
export const flagApplicationName = (environment: string) => `goaround-${environment}`;
export const flagEnvironmentName = (environment: string) => environment;
export const FLAG_PROFILE_NAME = "flags";

/** Lambdas of a flag profile: custom resource and validator. */
export const FLAG_HANDLERS = ["merge-flags", "validate-flags"] as const;
export type FlagHandler = (typeof FLAG_HANDLERS)[number];
export const flagFunctionName = (environment: string, handler: FlagHandler) => `goaround-${environment}-${handler}`;

/** The custom resource that merges the flags on deploy; its property has the document that the code defines, as JSON. */
export const FLAGS_RESOURCE = { type: "Custom::GoaroundFlags", definitions: "Definitions" } as const;

/** Environment variables that tell a function which flags to read. */
export const FLAG_ENV = {
  application: "GOAROUND_FLAG_APPLICATION",
  environment: "GOAROUND_FLAG_ENVIRONMENT",
  profile: "GOAROUND_FLAG_PROFILE",
} as const;

/** Keys of the ledger table. */
export const LEDGER_KEYS = { partition: "pk", sort: "sk", expiry: "expiresAt" } as const;

/** What partition keys of the ledger table are, or begin with where they end in `#`: who may touch what is told apart by them. */
export const LEDGER_PARTITIONS = {
  release: "release#",
  alias: "alias#",
  rollback: "rollback#",
  signals: "signals#",
  environment: "environment",
  openReleases: "open-releases",
} as const;

/**
 * Alarms of the guard itself. Outside `alarmNamePrefix`, so that the guard is not asked to react to its own troubles;
 * they go straight to the notification topic.
 */
export const guardAlarmName = (environment: string, check: string) => `goaround-guard-${environment}-${check}`;

/** Role of the responder. The flags' stack attaches the right to kill to it by name; IAM is global, hence the region. */
export const respondRoleName = (environment: string, region: string) => `goaround-${environment}-respond-${region}`;

/** Role of the hook before the traffic. A function's stack attaches to it what its releases need, by name. */
export const preTrafficRoleName = (environment: string, region: string) =>
  `goaround-${environment}-pre-traffic-${region}`;

/**
 * What a function finds in its client context (`custom.goaround`) when it is not its users who ask, so that it can leave out
 * what must not happen twice.
 */
export type InvocationMark = "replay";

/** Physical names of the sample platform's functions: `platform-dev-lambda_router`. */
export const sampleFunctionPrefix = (environment: string) => `platform-${environment}-`;
export const SAMPLE_FUNCTIONS = [
  "lambda_router",
  "structured_data_processor",
  "rag_query_processor",
  "influxdb_loader",
  "timeseries_query_processor",
] as const;
export type SampleFunction = (typeof SAMPLE_FUNCTIONS)[number];
export const sampleFunctionName = (environment: string, name: SampleFunction) =>
  `${sampleFunctionPrefix(environment)}${name}`;

/**
 * CDK context that makes a new version of a guarded function: any text, which becomes its environment variable RELEASE.
 * Rehearsals release by it.
 */
export const releaseContextKey = (functionName: string) => `release:${functionName}`;
export const RELEASE_VARIABLE = "RELEASE";
