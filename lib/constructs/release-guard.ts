import { Annotations, type CfnResource, Duration, Stack } from "aws-cdk-lib";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import { CfnApplication } from "aws-cdk-lib/aws-codedeploy";
import type * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type * as sns from "aws-cdk-lib/aws-sns";
import * as subscriptions from "aws-cdk-lib/aws-sns-subscriptions";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import {
  applicationName,
  ENV,
  GUARD_HANDLERS,
  type GuardHandler,
  guardFunctionName,
  ledgerTableName,
  METRICS,
  preTrafficRoleName,
  respondRoleName,
  sweepRuleName,
  watchMachineName,
} from "../contract/names.ts";
import { stackArn } from "./arns.ts";
import { bundleHandlers, handlerEntry } from "./bundling/bundle.ts";
import { guardEvents } from "./guard-events.ts";
import { guardFunctionArn, guardPermissions } from "./guard-permissions.ts";
import { guardSelfAlarms } from "./guard-self-alarms.ts";
import { guardSignals } from "./guard-signals.ts";
import { deadLetterQueue, ledgerTable, notificationTopic } from "./guard-stores.ts";
import { guardWatch } from "./guard-watch.ts";
import type { Permission } from "./least-privilege-role.ts";
import { type MetricSources, metricSourcePermissions } from "./metric-sources.ts";
import { ownFunction } from "./own-function.ts";
import type { IReleaseGuard } from "./release-guard-ref.ts";

export interface ReleaseGuardProps {
  /** `dev`, `prod` …: part of every name. Lower-case letters and digits, at most 16. */
  readonly environmentName: string;
  /** The guard may act on functions whose names begin so, and on no others. */
  readonly functionNamePrefixes: readonly string[];
  /** Who gets notifications by e-mail. Default: nobody; subscribe to `topic` instead. */
  readonly notificationEmails?: readonly string[];
  /**
   * Releases that may be open at the same moment: executions are set aside for so many, 6.4 for each, so that a function
   * that runs wild cannot starve its own rescue. More of them take turns. 0 sets none aside: an account must keep 100
   * unreserved, so a new one with a small limit has none to give. Default 25.
   */
  readonly releasesAtOnce?: number;
  /** Default 30 days. */
  readonly logRetention?: RetentionDays;
  /** Keeps the ledger when the stack goes, and refuses to delete it. Default true. */
  readonly protectLedger?: boolean;
  /** Where policies' metrics live, if not in CloudWatch. Default: the guard reads CloudWatch alone. */
  readonly metricSources?: MetricSources;
  /** Files that export `handler`, in place of the package's own. */
  readonly entries?: Partial<Record<GuardHandler, string>>;
}

/** Room to report: a hook that is nearly out of time reports Failed instead of falling silent. Milliseconds. */
const REPORT_RESERVE_MS = 15_000;

/**
 * Timeouts. A hook must have reported within its timeout + 70 s. The responder waits for a stopped deployment and its
 * rollback to end; what reports a dead hook's failure makes a few calls.
 */
const TIMEOUT: Record<GuardHandler, Duration> = {
  "pre-traffic": Duration.minutes(5),
  "post-traffic": Duration.minutes(5),
  // A turn is at most five minutes.
  watch: Duration.seconds(330),
  // A few calls, tried again where Lambda throttles.
  shift: Duration.seconds(30),
  respond: Duration.minutes(10),
  "report-failure": Duration.minutes(1),
  signals: Duration.minutes(1),
};

/** Lambda gives CPU by memory; at 512 MB a cold start with the SDK stays below a second. */
const MEMORY_MB = 512;
const DEFAULT_RELEASES_AT_ONCE = 25;

/**
 * Executions for each release. The watch stays with it, and hooks and what counts its log come for all at once; of the
 * responder one may wait for minutes (a cooldown, a trial) while another has to act. The rest makes a few calls.
 */
const EXECUTIONS: Record<GuardHandler, number> = {
  "pre-traffic": 1,
  "post-traffic": 1,
  watch: 1,
  signals: 1,
  respond: 2,
  shift: 0.2,
  "report-failure": 0.2,
};

abstract class ReleaseGuardBase extends Construct implements IReleaseGuard {
  abstract readonly environmentName: string;
  abstract readonly functionNamePrefixes: readonly string[] | undefined;
  abstract readonly resources: readonly CfnResource[];

  get applicationName(): string {
    return applicationName(this.environmentName);
  }

  get ledgerTableName(): string {
    return ledgerTableName(this.environmentName);
  }

  get respondRoleName(): string {
    return respondRoleName(this.environmentName, Stack.of(this).region);
  }

  get preTrafficRoleName(): string {
    return preTrafficRoleName(this.environmentName, Stack.of(this).region);
  }

  /** ARN of the state machine that watches releases, by its literal name: a reference would close a cycle. */
  protected get watchArn(): string {
    return stackArn(this, "states", `stateMachine:${watchMachineName(this.environmentName)}`);
  }

  handlerName(handler: GuardHandler): string {
    return guardFunctionName(this.environmentName, handler);
  }

  /** A metric that the guard emits. Default: sum over five minutes. */
  metric(metricName: string, options?: MetricOptions): Metric {
    return new Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { Environment: this.environmentName },
      statistic: "Sum",
      period: Duration.minutes(5),
      ...options,
    });
  }

  metricRollbacks(options?: MetricOptions): Metric {
    return this.metric(METRICS.rollbacks, options);
  }

  metricUnguardedDeployments(options?: MetricOptions): Metric {
    return this.metric(METRICS.unguardedDeployments, options);
  }
}

/**
 * What all guarded functions of an environment share: hooks, responder, ledger, notifications and the CodeDeploy
 * application. Its size does not grow with the number of functions. Deploy it before the functions it guards.
 */
export class ReleaseGuard extends ReleaseGuardBase {
  /** The guard of an environment that another app or stack deploys, by its literal names. */
  static fromEnvironmentName(scope: Construct, id: string, environmentName: string): IReleaseGuard {
    checkEnvironmentName(environmentName);
    class Imported extends ReleaseGuardBase {
      readonly environmentName = environmentName;
      readonly functionNamePrefixes = undefined;
      readonly resources = [];
    }
    return new Imported(scope, id);
  }

  readonly environmentName: string;
  readonly functionNamePrefixes: readonly string[];
  readonly resources: readonly CfnResource[];
  /** Release and alias records. */
  readonly ledger: dynamodb.ITable;
  /** Subscribe to it for notifications. */
  readonly topic: sns.ITopic;
  /** Events and failures that nobody could handle. */
  readonly deadLetters: sqs.IQueue;
  readonly handlers: Readonly<Record<GuardHandler, lambda.Function>>;

  constructor(scope: Construct, id: string, props: ReleaseGuardProps) {
    super(scope, id);
    checkProps(props);
    this.environmentName = props.environmentName;
    this.functionNamePrefixes = props.functionNamePrefixes;

    const application = new CfnApplication(this, "Application", {
      applicationName: this.applicationName,
      computePlatform: "Lambda",
    });
    const topic = notificationTopic(this, props.environmentName);
    const table = ledgerTable(this, props.environmentName, props.protectLedger ?? true);
    const queue = deadLetterQueue(this, props.environmentName);
    this.topic = topic.topic;
    this.ledger = table;
    this.deadLetters = queue;
    for (const address of props.notificationEmails ?? []) {
      this.topic.addSubscription(new subscriptions.EmailSubscription(address));
    }

    const permissions = guardPermissions(this, {
      environmentName: props.environmentName,
      applicationName: this.applicationName,
      functionNamePrefixes: props.functionNamePrefixes,
      tableArn: table.tableArn,
      topicArn: topic.topic.topicArn,
      keyArn: topic.key.keyArn,
      queueArn: queue.queueArn,
      watchArn: this.watchArn,
      sweepRuleArn: stackArn(this, "events", `rule/${sweepRuleName(props.environmentName)}`),
    });
    const reportFailure = guardFunctionArn(this, props.environmentName, "report-failure");
    for (const hook of ["pre-traffic", "post-traffic"] as const) {
      permissions[hook].push({ actions: ["lambda:InvokeFunction"], resources: [reportFailure] });
    }
    for (const reader of ["post-traffic", "watch", "respond"] as const) {
      permissions[reader].push(...metricSourcePermissions(this, props.metricSources ?? {}));
    }
    this.handlers = this.createHandlers(props, permissions);
    this.configureFailures();
    guardWatch(this, {
      environmentName: props.environmentName,
      watchArn: this.watchArn,
      watch: this.handlers.watch,
      reportFailure: this.handlers["report-failure"],
      deadLetters: queue,
      logRetention: props.logRetention,
    });
    guardSignals(this, { signals: this.handlers.signals, functionNamePrefixes: props.functionNamePrefixes });
    const rules = guardEvents(this, {
      environmentName: props.environmentName,
      applicationName: this.applicationName,
      respond: this.handlers.respond,
      deadLetters: queue,
    });
    guardSelfAlarms(this, {
      environmentName: props.environmentName,
      topicArn: topic.topic.topicArn,
      queueName: queue.queueName,
      rules: [rules.alarms, rules.deployments],
    });
    this.resources = [
      application,
      ...GUARD_HANDLERS.map((handler) => this.handlers[handler].node.defaultChild as lambda.CfnFunction),
    ];
    if ((props.notificationEmails ?? []).length === 0) {
      Annotations.of(this).addInfoV2(
        "goaround:nobodyNotified",
        `Nobody is subscribed to notifications of ${props.environmentName} by e-mail: set \`notificationEmails\`, or ` +
          "subscribe to the topic.",
      );
    }
  }

  /** Lets a principal read release and alias records. */
  grantReadLedger(grantee: iam.IGrantable): iam.Grant {
    return iam.Grant.addToPrincipal({
      grantee,
      actions: ["dynamodb:GetItem", "dynamodb:Query"],
      resourceArns: [this.ledger.tableArn],
    });
  }

  private createHandlers(props: ReleaseGuardProps, permissions: Record<GuardHandler, Permission[]>) {
    const entries = GUARD_HANDLERS.map((handler) => props.entries?.[handler] ?? handlerEntry(handler));
    const folders = bundleHandlers(entries);
    const releases = props.releasesAtOnce ?? DEFAULT_RELEASES_AT_ONCE;
    const roleNames: Partial<Record<GuardHandler, string>> = {
      respond: this.respondRoleName,
      "pre-traffic": this.preTrafficRoleName,
    };
    const create = (handler: GuardHandler, folder: string) =>
      ownFunction(this, pascalCase(handler), {
        functionName: this.handlerName(handler),
        description: DESCRIPTION[handler],
        runtime: lambda.Runtime.NODEJS_24_X,
        handler: "index.handler",
        code: lambda.Code.fromAsset(folder),
        timeout: TIMEOUT[handler],
        memorySize: MEMORY_MB,
        reservedConcurrentExecutions: releases > 0 ? Math.ceil(releases * EXECUTIONS[handler]) : undefined,
        loggingFormat: lambda.LoggingFormat.JSON,
        logRetention: props.logRetention,
        permissions: permissions[handler],
        roleName: roleNames[handler],
        environment: {
          [ENV.environment]: props.environmentName,
          [ENV.ledgerTable]: this.ledgerTableName,
          [ENV.topicArn]: this.topic.topicArn,
          [ENV.watchArn]: this.watchArn,
          [ENV.reportReserveMs]: String(REPORT_RESERVE_MS),
        },
      });
    return Object.fromEntries(
      GUARD_HANDLERS.map((handler, i) => [handler, create(handler, folders[i] as string)]),
    ) as Record<GuardHandler, lambda.Function>;
  }

  /**
   * A hook that crashes or hangs must not leave CodeDeploy waiting for its hour: no retries, no waiting in Lambda's own
   * queue, and the failure goes to the Lambda that reports it. What even that cannot handle ends in the queue.
   */
  private configureFailures(): void {
    const reportFailure = this.handlers["report-failure"].functionArn;
    for (const hook of ["pre-traffic", "post-traffic"] as const) {
      new lambda.CfnEventInvokeConfig(this, `${pascalCase(hook)}Async`, {
        functionName: this.handlers[hook].functionName,
        qualifier: "$LATEST",
        maximumRetryAttempts: 0,
        maximumEventAgeInSeconds: 60,
        destinationConfig: { onFailure: { destination: reportFailure } },
      });
    }
    for (const handler of ["respond", "report-failure"] as const) {
      new lambda.CfnEventInvokeConfig(this, `${pascalCase(handler)}Async`, {
        functionName: this.handlers[handler].functionName,
        qualifier: "$LATEST",
        maximumRetryAttempts: 2,
        destinationConfig: { onFailure: { destination: this.deadLetters.queueArn } },
      });
    }
  }
}

const DESCRIPTION: Record<GuardHandler, string> = {
  "pre-traffic": "Admits a release and smoke-tests its version before it gets traffic",
  "post-traffic": "Checks the alias after the shift and hands the release to the watch, or judges it itself",
  watch: "Compares both versions while traffic is split, bakes, and answers CodeDeploy",
  shift: "Gives the new version of a staged release its share of the traffic, stage by stage",
  respond: "Answers alarms and deployment states: stops, undoes, notifies",
  "report-failure": "Reports Failed to CodeDeploy for a hook that could not",
  signals: "Counts what guarded functions log, by version, while a release is open",
};

const pascalCase = (name: string) => name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** No dash: `dev-` would otherwise be a prefix of the names of an environment `dev-eu`. */
function checkEnvironmentName(name: string): void {
  if (!/^[a-z][a-z0-9]{0,15}$/.test(name)) {
    throw new Error(`environment name "${name}" is not 1 to 16 lower-case letters and digits, beginning with a letter`);
  }
}

function checkProps(props: ReleaseGuardProps): void {
  checkEnvironmentName(props.environmentName);
  const problems: string[] = [];
  const { functionNamePrefixes: prefixes, releasesAtOnce: releases = 0 } = props;
  if (prefixes.length === 0)
    problems.push("`functionNamePrefixes` is empty; name the prefix of the functions to guard");
  for (const prefix of prefixes) {
    if (!/^[A-Za-z0-9_-]{3,48}$/.test(prefix)) {
      problems.push(`function name prefix "${prefix}" is not 3 to 48 of A-Z a-z 0-9 _ -`);
    } else if (guardFunctionName(props.environmentName, "respond").startsWith(prefix)) {
      problems.push(
        `function name prefix "${prefix}" covers the guard's own Lambdas; the guard must not act on itself`,
      );
    }
  }
  if (!Number.isInteger(releases) || releases < 0) {
    problems.push(`releasesAtOnce is ${releases}; give a whole number, 0 for none`);
  }
  for (const address of props.notificationEmails ?? []) {
    if (!/^[^@\s]+@[^@\s]+$/.test(address)) problems.push(`"${address}" is no e-mail address`);
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
