import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { type SampleFunction, sampleFunctionName, sampleFunctionPrefix } from "../../contract/names.ts";
import type { FlagReference } from "../../contract/policy.ts";
import type { IFlagProfile } from "../flag-profile.ts";
import { GuardedFunction } from "../guarded-function.ts";
import { ownFunction } from "../own-function.ts";
import type { IReleaseGuard } from "../release-guard-ref.ts";
import type { Configuration } from "./configuration.ts";
import { SAMPLE } from "./functions.ts";

export interface FunctionStackProps extends StackProps {
  readonly name: SampleFunction;
  readonly guard: IReleaseGuard;
  readonly flags: IFlagProfile;
  readonly configuration: Configuration;
  /** Folder with the bundled code. */
  readonly code: string;
  /** The function before it in its rolling group. */
  readonly releaseAfter?: GuardedFunction | undefined;
}

/** Red while InfluxDB cannot be reached; releases of the functions that need it wait. */
const influxAlarmName = (environmentName: string) =>
  `${sampleFunctionPrefix(environmentName)}influxdb-connection-errors`;

/** Connection errors in five minutes above which the database counts as down. */
const MAX_CONNECTION_ERRORS = 5;

/** One function of the platform, in a stack of its own: one bad canary does not roll the others back. */
export class FunctionStack extends Stack {
  readonly guarded: GuardedFunction;

  constructor(scope: Construct, id: string, props: FunctionStackProps) {
    super(scope, id, props);
    const { name, configuration, guard } = props;
    const { environment } = configuration;
    const definition = SAMPLE[name];
    const settings = configuration.functions[name];
    const fn = ownFunction(this, "Function", {
      functionName: sampleFunctionName(environment, name),
      description: definition.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: "index.handler",
      code: lambda.Code.fromAsset(props.code),
      memorySize: definition.memoryMb,
      timeout: Duration.seconds(definition.timeoutSeconds),
      logRetention: configuration.logRetentionDays as RetentionDays,
      environment: this.variables(props),
    });
    props.flags.grantRead(fn);
    for (const target of Object.values(definition.invokes ?? {})) {
      GuardedFunction.fromGuardedFunctionAttributes(this, `Target-${target}`, {
        guard,
        functionName: sampleFunctionName(environment, target),
      }).grantInvoke(fn);
    }
    const { expectedRequestsPerSecond: requestsPerSecond } = settings;
    this.guarded = new GuardedFunction(this, "Guarded", {
      guard,
      function: fn,
      strategy: settings.strategy,
      ...(props.releaseAfter && { releaseAfter: props.releaseAfter }),
      ...(requestsPerSecond === undefined ? {} : { expectedTraffic: { requestsPerSecond } }),
      alarmLimits: { p99DurationMs: settings.p99ThresholdMs },
      policy: {
        smokeTests: definition.smokeTests,
        flags: [flagsOf(props, definition.flags)],
        blockers: [...(definition.needsInfluxDb ? [influxAlarmName(environment)] : []), ...settings.blockers],
        checks: {
          maxErrorRatePercent: settings.errorThresholdPercent,
          maxAverageDurationMs: settings.durationThresholdMs,
          ...settings.checks,
        },
        clearWeightsAfterSeconds: settings.clearWeightsAfterSeconds,
        rollbackStepSeconds: settings.rollbackStepSeconds,
        guardTrial: settings.guardTrial,
        ...(settings.signalSource && { signals: { source: settings.signalSource } }),
        releaseGroup: settings.releaseGroup,
        metrics: settings.metrics,
        triggers: settings.triggers,
        minimumReadiness: settings.minimumReadiness,
        compatibility: settings.compatibility,
        guardMinutes: configuration.guardMinutes,
        automaticRollback: configuration.automaticRollback,
      },
    });
    if (name === "influxdb_loader") this.influxAlarm(environment);
  }

  private variables({ name, configuration }: FunctionStackProps): Record<string, string> {
    const { environment, influxdbUrl, functions } = configuration;
    const { release } = functions[name];
    const targets = Object.entries(SAMPLE[name].invokes ?? {}).map(([variable, target]) => [
      variable,
      `${sampleFunctionName(environment, target)}:live`,
    ]);
    return {
      PLATFORM_ENVIRONMENT: environment,
      ...(release === undefined ? {} : { RELEASE: release }),
      ...(influxdbUrl === undefined || name !== "influxdb_loader" ? {} : { INFLUXDB_URL: influxdbUrl }),
      ...Object.fromEntries(targets),
    };
  }

  private influxAlarm(environment: string): void {
    new CfnAlarm(this, "InfluxAlarm", {
      alarmName: influxAlarmName(environment),
      alarmDescription: "InfluxDB cannot be reached; releases of the functions that need it wait",
      namespace: "Platform",
      metricName: "InfluxConnectionErrors",
      dimensions: [{ name: "Environment", value: environment }],
      statistic: "Sum",
      period: 300,
      evaluationPeriods: 1,
      threshold: MAX_CONNECTION_ERRORS,
      comparisonOperator: "GreaterThanThreshold",
      treatMissingData: "notBreaching",
    });
  }
}

function flagsOf({ flags, configuration }: FunctionStackProps, names: readonly string[]): FlagReference {
  const later = names.filter((flag) => configuration.flagsAfterRelease.includes(flag));
  return { ...flags.reference(...names), ...(later.length > 0 ? { enableAfterRelease: later } : {}) };
}
