import type { TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";
import type { TrafficRouting } from "../core/ports.ts";

/** Undefined for what CodeDeploy may add one day. */
export function toRouting(config: TrafficRoutingConfig | undefined): TrafficRouting | undefined {
  const canary = config?.timeBasedCanary;
  const linear = config?.timeBasedLinear;
  if (config?.type === "TimeBasedCanary") {
    return {
      kind: "canary",
      percentage: canary?.canaryPercentage ?? 0,
      intervalMinutes: canary?.canaryInterval ?? 0,
    };
  }
  if (config?.type === "TimeBasedLinear") {
    return {
      kind: "linear",
      percentage: linear?.linearPercentage ?? 0,
      intervalMinutes: linear?.linearInterval ?? 0,
    };
  }
  return config?.type === "AllAtOnce" ? { kind: "all-at-once", percentage: 100, intervalMinutes: 0 } : undefined;
}

export function fromRouting({ kind, percentage, intervalMinutes }: TrafficRouting): TrafficRoutingConfig {
  if (kind === "canary") {
    return {
      type: "TimeBasedCanary",
      timeBasedCanary: { canaryPercentage: percentage, canaryInterval: intervalMinutes },
    };
  }
  if (kind === "linear") {
    return {
      type: "TimeBasedLinear",
      timeBasedLinear: { linearPercentage: percentage, linearInterval: intervalMinutes },
    };
  }
  return { type: "AllAtOnce" };
}
