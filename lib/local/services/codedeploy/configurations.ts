import type { ComputePlatform, TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";
import type { ConfigurationRecord } from "./model.ts";

const MINUTE_MS = 60_000;

/** The first-to-last shift of a Lambda deployment may take at most 2,880 minutes (CodeDeploy user guide, limits, 2023). */
export const MAX_SHIFT_MINUTES = 2_880;
export const MAX_FIRST_STEP_PERCENT = 99;

export interface TrafficStep {
  /** Milliseconds after the begin of AllowTraffic. */
  atMs: number;
  /** Share of traffic on the target version from then on, percent. */
  percent: number;
}

/**
 * When which share goes to the target version. The percentage of a linear configuration is added at the begin of each
 * interval (CodeDeploy user guide, 2023), so 10 % every minute is at 100 % after nine minutes. [inferred]
 */
export function trafficSteps(routing: TrafficRoutingConfig | undefined): TrafficStep[] {
  if (routing?.type === "TimeBasedCanary") {
    const { canaryPercentage = 0, canaryInterval = 0 } = routing.timeBasedCanary ?? {};
    return [
      { atMs: 0, percent: canaryPercentage },
      { atMs: canaryInterval * MINUTE_MS, percent: 100 },
    ];
  }
  if (routing?.type === "TimeBasedLinear") {
    const { linearPercentage = 100, linearInterval = 0 } = routing.timeBasedLinear ?? {};
    const count = Math.ceil(100 / linearPercentage);
    return Array.from({ length: count }, (_, i) => ({
      atMs: i * linearInterval * MINUTE_MS,
      percent: Math.min(100, (i + 1) * linearPercentage),
    }));
  }
  return [{ atMs: 0, percent: 100 }];
}

const canary = (canaryPercentage: number, canaryInterval: number): TrafficRoutingConfig => ({
  type: "TimeBasedCanary",
  timeBasedCanary: { canaryPercentage, canaryInterval },
});
const linear = (linearPercentage: number, linearInterval: number): TrafficRoutingConfig => ({
  type: "TimeBasedLinear",
  timeBasedLinear: { linearPercentage, linearInterval },
});

const PREDEFINED: [string, ComputePlatform, TrafficRoutingConfig | undefined][] = [
  ["OneAtATime", "Server", undefined],
  ["HalfAtATime", "Server", undefined],
  ["AllAtOnce", "Server", undefined],
  ["LambdaAllAtOnce", "Lambda", { type: "AllAtOnce" }],
  ["LambdaCanary10Percent5Minutes", "Lambda", canary(10, 5)],
  ["LambdaCanary10Percent10Minutes", "Lambda", canary(10, 10)],
  ["LambdaCanary10Percent15Minutes", "Lambda", canary(10, 15)],
  ["LambdaCanary10Percent30Minutes", "Lambda", canary(10, 30)],
  ["LambdaLinear10PercentEvery1Minute", "Lambda", linear(10, 1)],
  ["LambdaLinear10PercentEvery2Minutes", "Lambda", linear(10, 2)],
  ["LambdaLinear10PercentEvery3Minutes", "Lambda", linear(10, 3)],
  ["LambdaLinear10PercentEvery10Minutes", "Lambda", linear(10, 10)],
  ["ECSAllAtOnce", "ECS", { type: "AllAtOnce" }],
  ["ECSCanary10Percent5Minutes", "ECS", canary(10, 5)],
  ["ECSCanary10Percent15Minutes", "ECS", canary(10, 15)],
  ["ECSLinear10PercentEvery1Minutes", "ECS", linear(10, 1)],
  ["ECSLinear10PercentEvery3Minutes", "ECS", linear(10, 3)],
];

export const ALL_AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce";

export function predefinedConfigurations(createTime: Date): ConfigurationRecord[] {
  return PREDEFINED.map(([suffix, computePlatform, trafficRoutingConfig], i) => ({
    deploymentConfigId: `00000000-0000-0000-0000-${String(i + 1).padStart(12, "0")}`,
    deploymentConfigName: `CodeDeployDefault.${suffix}`,
    computePlatform,
    createTime,
    ...(trafficRoutingConfig ? { trafficRoutingConfig } : {}),
    predefined: true,
  }));
}
