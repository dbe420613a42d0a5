/** What people import from `goaround/constructs`. */

export type { FlagAttribute, FlagDefinition, FlagDefinitions } from "./flag-document.ts";
export { FlagProfile, type FlagProfileProps, type GradualRollout, type IFlagProfile } from "./flag-profile.ts";
export type { AlarmLimits } from "./guard-alarms.ts";
export {
  GuardedFunction,
  type GuardedFunctionAttributes,
  type GuardedFunctionProps,
  type IGuardedFunction,
} from "./guarded-function.ts";
export type { Permission } from "./least-privilege-role.ts";
export type { MetricSources } from "./metric-sources.ts";
export type { OwnFunctionProps } from "./own-function.ts";
export type { PolicySettings } from "./policy-parameter.ts";
export { ReleaseGuard, type ReleaseGuardProps } from "./release-guard.ts";
export type { IReleaseGuard } from "./release-guard-ref.ts";
export { ReleaseStrategy, type StagedOptions, type StrategyKind } from "./release-strategy.ts";
export type { DeadLettersProps, ReplayProps } from "./replay.ts";
export type { ExpectedTraffic } from "./thin-traffic.ts";
