import { Annotations, RemovalPolicy } from "aws-cdk-lib";
import type { Metric, MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import { CfnDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct, type IConstruct } from "constructs";
import { DEFAULT_ALIAS, deploymentGroupName, RELEASE_VARIABLE, releaseContextKey, TAGS } from "../contract/names.ts";
import type { Policy } from "../contract/policy.ts";
import { aliasMetric } from "./alias-metrics.ts";
import { stackArn } from "./arns.ts";
import { deploymentRole } from "./deployment-role.ts";
import { type AlarmLimits, aliasAlarms, canaryAlarms, resolveLimits } from "./guard-alarms.ts";
import { checkAlias, checkFunctionName, literalFunctionName, templateProblems } from "./guarded-function-checks.ts";
import { logInJson } from "./json-logging.ts";
import { type OwnFunctionProps, ownFunction } from "./own-function.ts";
import { buildPolicy, type PolicySettings, policyParameter } from "./policy-parameter.ts";
import type { IReleaseGuard } from "./release-guard-ref.ts";
import { dependOnGuard } from "./release-guard-ref.ts";
import { ReleaseStrategy } from "./release-strategy.ts";
import { type ReplayProps, replayPolicy, replayResources } from "./replay.ts";
import { rollAfter } from "./rolling-group.ts";
import { watchStackSize } from "./stack-size.ts";
import { stepRights } from "./step-rights.ts";
import { type ExpectedTraffic, warnOfThinTraffic } from "./thin-traffic.ts";
import { versionNumber } from "./version-number.ts";

export interface GuardedFunctionProps {
  /** The environment's guard. It must be deployed first; only its names are used. */
  readonly guard: IReleaseGuard;
  /**
   * The function to guard, of any runtime, zip or image, with a literal `functionName`; or the props for one, which then
   * gets a role and a log group of its own.
   */
  readonly function: lambda.Function | OwnFunctionProps;
  /** Default `live`. */
  readonly aliasName?: string;
  /** Default: canary, 10 % for 5 minutes. */
  readonly strategy?: ReleaseStrategy;
  /** Default `<function>-deployment-group`. */
  readonly deploymentGroupName?: string;
  /** Checks, smoke tests, flags and blockers of this function's releases. Default: the policy's own defaults. */
  readonly policy?: PolicySettings;
  /**
   * Events that were there before, which the hook asks of the new version and of the one that serves before any traffic.
   * **Both run them for real**, with all that they do; they are told by `custom.goaround` of the client context, which is
   * `replay`. Default: none.
   */
  readonly replay?: ReplayProps;
  /**
   * The function of the same release group that goes before this one: a rolling group, one function after the other. The
   * alias moves only after the release of that one has succeeded, its bake included; also across stacks. Default: with
   * the others of its group.
   */
  readonly releaseAfter?: GuardedFunction;
  /**
   * Has a function that does not say how it logs log in JSON, as releases are judged by its log. False leaves it as it is:
   * text tells less of failures. Default true, where `policy.signals.source` is `logs`.
   */
  readonly jsonLogging?: boolean;
  /**
   * The traffic that releases meet. The synthesis warns when it is too thin for the strategy to find a canary at the
   * policy's error limit. Default: not known, no warning.
   */
  readonly expectedTraffic?: ExpectedTraffic;
  /** Limits of the alarms. Default: those of the policy's checks. */
  readonly alarmLimits?: AlarmLimits;
  /**
   * Also puts the absolute alarms into the deployment group, as AWS's own examples do. An outage that hits both versions
   * then rolls back a healthy canary, and a red alarm blocks its own fix. Default false.
   */
  readonly absoluteAlarmsStopDeployments?: boolean;
  /** Names of further metric alarms that stop a deployment of this function. Default: none. */
  readonly deploymentAlarmNames?: readonly string[];
  /**
   * Topic to which the absolute alarms publish themselves. Default: none; EventBridge hands them to the responder, which
   * sends one notification with the figures.
   */
  readonly alarmTopic?: ITopic;
}

export interface GuardedFunctionAttributes {
  readonly guard: IReleaseGuard;
  readonly functionName: string;
  /** Default `live`. */
  readonly aliasName?: string;
  /** Default `<function>-deployment-group`. */
  readonly deploymentGroupName?: string;
}

export interface IGuardedFunction extends IConstruct {
  readonly functionName: string;
  readonly aliasName: string;
  /** ARN of the alias, made of literal names. Invoke this, not the function. */
  readonly aliasArn: string;
  readonly deploymentGroupName: string;
  /** Lets a principal invoke the alias. */
  grantInvoke(grantee: iam.IGrantable): iam.Grant;
  /** A metric of the whole alias. Default: sum over one minute. */
  metric(metricName: string, options?: MetricOptions): Metric;
  metricInvocations(options?: MetricOptions): Metric;
  metricErrors(options?: MetricOptions): Metric;
  metricThrottles(options?: MetricOptions): Metric;
  /** Default: average over one minute, milliseconds. */
  metricDuration(options?: MetricOptions): Metric;
}

abstract class GuardedFunctionBase extends Construct implements IGuardedFunction {
  abstract readonly functionName: string;
  abstract readonly aliasName: string;
  abstract readonly deploymentGroupName: string;

  get aliasArn(): string {
    return stackArn(this, "lambda", `function:${this.functionName}:${this.aliasName}`);
  }

  grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return iam.Grant.addToPrincipal({ grantee, actions: ["lambda:InvokeFunction"], resourceArns: [this.aliasArn] });
  }

  metric(metricName: string, options?: MetricOptions): Metric {
    return aliasMetric(this, metricName, "Sum", options);
  }

  metricInvocations(options?: MetricOptions): Metric {
    return this.metric("Invocations", options);
  }

  metricErrors(options?: MetricOptions): Metric {
    return this.metric("Errors", options);
  }

  metricThrottles(options?: MetricOptions): Metric {
    return this.metric("Throttles", options);
  }

  metricDuration(options?: MetricOptions): Metric {
    return aliasMetric(this, "Duration", "Average", options);
  }
}

/** CodeDeploy: at most 10 alarms in a group (API reference, AlarmConfiguration). */
const MAX_GROUP_ALARMS = 10;

/**
 * A Lambda function whose alias only moves through a guarded CodeDeploy deployment: hooks before and after the shift,
 * alarms that compare the canary with the baseline, rollback on failure, alarm and stop. Adds 12 resources: version,
 * alias, group, its role, the policy's parameter and seven alarms.
 *
 * With `-c release:<function name>=TEXT` the function gets the environment variable RELEASE with that text, and so a new
 * version without new code: rehearsals release by it.
 *
 * The first creation of the stack sets the alias without a deployment; CodeDeploy takes over with the first update.
 */
export class GuardedFunction extends GuardedFunctionBase {
  /** A guarded function of another stack, by its literal names. */
  static fromGuardedFunctionAttributes(
    scope: Construct,
    id: string,
    attributes: GuardedFunctionAttributes,
  ): IGuardedFunction {
    const { functionName, aliasName = DEFAULT_ALIAS } = attributes;
    class Imported extends GuardedFunctionBase {
      readonly functionName = functionName;
      readonly aliasName = aliasName;
      readonly deploymentGroupName = attributes.deploymentGroupName ?? deploymentGroupName(functionName);
    }
    return new Imported(scope, id);
  }

  readonly functionName: string;
  readonly aliasName: string;
  readonly deploymentGroupName: string;
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;
  /** The policy as it stands in its parameter, defaults included. */
  readonly policy: Policy;
  /** Names of the absolute alarms of the alias. */
  readonly alarmNames: readonly string[];

  constructor(scope: Construct, id: string, props: GuardedFunctionProps) {
    super(scope, id);
    const { guard, strategy = ReleaseStrategy.canary() } = props;
    this.function = isFunction(props.function) ? props.function : ownFunction(this, "Function", props.function);
    this.functionName = literalFunctionName(this.function);
    this.aliasName = props.aliasName ?? DEFAULT_ALIAS;
    this.deploymentGroupName = props.deploymentGroupName ?? deploymentGroupName(this.functionName);
    checkFunctionName(this.functionName, guard.functionNamePrefixes);
    checkAlias(this.aliasName);
    this.policy = buildPolicy(
      { functionName: this.functionName, alias: this.aliasName, deploymentGroup: this.deploymentGroupName },
      props.policy ?? {},
      {
        staged: strategy.staged,
        releaseAfter: props.releaseAfter?.functionName,
        replay: props.replay && replayPolicy(props.replay),
      },
    );
    this.tagFunction(guard);
    if (this.policy.signals.source === "logs" && props.jsonLogging !== false) logInJson(this, this.function);
    const release = this.node.tryGetContext(releaseContextKey(this.functionName));
    if (release !== undefined) this.function.addEnvironment(RELEASE_VARIABLE, String(release));

    const version = this.function.currentVersion;
    // A version that a failed update created must go with it, or the same artifact fails the next time; one that has
    // served must stay, or there is nothing to go back to.
    version.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    this.alias = new lambda.Alias(this, "Alias", { aliasName: this.aliasName, version });

    const number = versionNumber(this, version);
    this.cfnAlias.functionVersion = number;
    const group = this.deploymentGroup(props, strategy, number);
    this.alarmNames = group.absoluteAlarms;
    this.handOver(guard, group.resource);
    this.cfnAlias.node.addDependency(...stepRights(this, guard, this.policy));
    if (props.replay) this.cfnAlias.node.addDependency(...replayResources(this, guard, this.policy, props.replay));
    if (props.releaseAfter) rollAfter(this, props.releaseAfter);
    this.annotate(strategy);
    if (props.expectedTraffic) {
      warnOfThinTraffic(this, props.expectedTraffic, strategy.steps ?? [], this.policy.checks);
    }
    watchStackSize(this);
  }

  private get cfnAlias(): lambda.CfnAlias {
    return this.alias.node.defaultChild as lambda.CfnAlias;
  }

  /** The guard finds the functions it may act on by name; the tags tell people, and policies that go by tags. */
  private tagFunction(guard: IReleaseGuard): void {
    const tags = (this.function.node.defaultChild as lambda.CfnFunction).tags;
    tags.setTag(TAGS.application, guard.applicationName);
    tags.setTag(TAGS.environment, guard.environmentName);
    tags.setTag(TAGS.guarded, "true");
  }

  private deploymentGroup(props: GuardedFunctionProps, strategy: ReleaseStrategy, version: string) {
    const { guard, deploymentAlarmNames: otherAlarms = [] } = props;
    const alarmProps = {
      environmentName: guard.environmentName,
      functionName: this.functionName,
      aliasName: this.aliasName,
      version,
      limits: resolveLimits(props.alarmLimits ?? {}, this.policy.checks),
      alarmActions: props.alarmTopic ? [props.alarmTopic.topicArn] : [],
    };
    const canary = canaryAlarms(this, alarmProps).map((alarm) => alarm.ref);
    const absolute = aliasAlarms(this, alarmProps).map((alarm) => alarm.ref);
    const alarms = [...canary, ...(props.absoluteAlarmsStopDeployments ? absolute : []), ...otherAlarms];
    if (alarms.length > MAX_GROUP_ALARMS) {
      throw new Error(
        `the deployment group would have ${alarms.length} alarms; CodeDeploy allows ${MAX_GROUP_ALARMS}: name at most ` +
          `${MAX_GROUP_ALARMS - alarms.length + otherAlarms.length} in \`deploymentAlarmNames\``,
      );
    }
    const role = deploymentRole(this, "DeploymentRole", {
      guard,
      functionName: this.functionName,
      aliasName: this.aliasName,
      deploymentGroupName: this.deploymentGroupName,
      otherAlarms,
    });
    const resource = new CfnDeploymentGroup(this, "DeploymentGroup", {
      applicationName: guard.applicationName,
      deploymentGroupName: this.deploymentGroupName,
      deploymentConfigName: strategy.configuration(this),
      serviceRoleArn: role.attrArn,
      deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
      // Stop on request too: StopDeployment without rollback leaves the alias split between two versions.
      autoRollbackConfiguration: {
        enabled: true,
        events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
      },
      alarmConfiguration: { enabled: true, ignorePollAlarmFailure: false, alarms: alarms.map((name) => ({ name })) },
    });
    return { resource, absoluteAlarms: absolute };
  }

  /** Gives the alias' updates to CodeDeploy. Whatever a release needs must be there before the alias moves. */
  private handOver(guard: IReleaseGuard, group: CfnDeploymentGroup): void {
    const alias = this.cfnAlias;
    alias.cfnOptions.updatePolicy = {
      codeDeployLambdaAliasUpdate: {
        applicationName: guard.applicationName,
        deploymentGroupName: this.deploymentGroupName,
        beforeAllowTrafficHook: guard.handlerName("pre-traffic"),
        afterAllowTrafficHook: guard.handlerName("post-traffic"),
      },
    };
    alias.addResourceDependency(group);
    alias.addResourceDependency(policyParameter(this, "Policy", guard.environmentName, this.policy));
    dependOnGuard(this, guard, [alias, group]);
    this.node.addValidation({ validate: () => templateProblems(alias, group, this.deploymentGroupName) });
  }

  private annotate(strategy: ReleaseStrategy): void {
    const annotations = Annotations.of(this);
    if (strategy.kind === "all-at-once") {
      annotations.addWarningV2(
        "goaround:noBaseline",
        "All-at-once leaves no baseline to compare with: only smoke tests, the check after the shift and the absolute " +
          "alarms stand between a bad version and all traffic. Use it for emergencies.",
      );
    }
    if (this.policy.smokeTests.length === 0) {
      annotations.addWarningV2(
        "goaround:noSmokeTest",
        `${this.functionName} has no smoke test: a new version gets traffic without having been invoked once. Add one ` +
          "to `policy.smokeTests`.",
      );
    }
    if (!this.policy.automaticRollback) {
      annotations.addWarningV2(
        "goaround:automaticRollbackOff",
        `Nothing rolls ${this.functionName} back by itself: \`policy.automaticRollback\` is false. Verdicts are ` +
          "recorded and notified only; the alarms of the deployment group still stop a deployment.",
      );
    }
  }
}

const isFunction = (value: lambda.Function | OwnFunctionProps): value is lambda.Function =>
  Construct.isConstruct(value);
