import type {
  CreateDeploymentStrategyCommandInput,
  DeleteDeploymentStrategyCommandInput,
  DeploymentStrategies,
  DeploymentStrategy,
  GetDeploymentStrategyCommandInput,
  ListDeploymentStrategiesCommandInput,
  UpdateDeploymentStrategyCommandInput,
} from "@aws-sdk/client-appconfig";
import type { OperationHandler } from "../../kernel/service.ts";
import { badRequest, checkLength, checkRange, quotaExceeded, requireMembers } from "./errors.ts";
import type { StrategyRecord } from "./model.ts";
import { type AppConfigStore, pageOf } from "./store.ts";

/** Custom strategies in one account (service model, ServiceQuotaExceededException, 2026). */
const MAX_STRATEGIES = 20;
const MAX_MINUTES = 1_440;

export interface GrowthStep {
  /** Milliseconds after the start of the deployment. */
  atMs: number;
  percent: number;
}

/**
 * When which share of the readers gets the new configuration. LINEAR adds the factor after each of equal intervals, the
 * first after one interval (user guide, creating a deployment strategy, 2025); EXPONENTIAL is G × 2^N over intervals of
 * equal length [inferred]. No steps for a duration of zero.
 */
export function growthSteps(
  strategy: Pick<StrategyRecord, "durationMinutes" | "growthFactor" | "growthType">,
): GrowthStep[] {
  const { durationMinutes, growthFactor, growthType } = strategy;
  if (durationMinutes === 0) return [];
  const percents: number[] = [];
  for (let n = 1; (percents.at(-1) ?? 0) < 100; n++) {
    const percent = growthType === "EXPONENTIAL" ? growthFactor * 2 ** (n - 1) : growthFactor * n;
    percents.push(Math.min(100, percent));
  }
  const intervalMs = (durationMinutes * 60_000) / percents.length;
  return percents.map((percent, i) => ({ atMs: Math.round((i + 1) * intervalMs), percent }));
}

/** The four strategies that every account has (user guide, predefined strategies, 2025). */
export function predefinedStrategies(): StrategyRecord[] {
  const strategy = (
    name: string,
    growthType: "LINEAR" | "EXPONENTIAL",
    growthFactor: number,
    durationMinutes: number,
    bakeMinutes: number,
    description: string,
  ): StrategyRecord => ({
    id: `AppConfig.${name}`,
    name: `AppConfig.${name}`,
    description,
    growthType,
    growthFactor,
    durationMinutes,
    bakeMinutes,
    replicateTo: "NONE",
    predefined: true,
  });
  return [
    strategy("AllAtOnce", "LINEAR", 100, 0, 10, "Quick"),
    strategy("Linear50PercentEvery30Seconds", "LINEAR", 50, 1, 1, "Test/Demo"),
    strategy("Canary10Percent20Minutes", "EXPONENTIAL", 10, 20, 10, "AWS Recommended"),
    strategy("Linear20PercentEvery6Minutes", "LINEAR", 20, 30, 30, "AWS Recommended"),
  ];
}

const view = (record: StrategyRecord): DeploymentStrategy => ({
  Id: record.id,
  Name: record.name,
  ...(record.description === undefined ? {} : { Description: record.description }),
  DeploymentDurationInMinutes: record.durationMinutes,
  GrowthType: record.growthType,
  GrowthFactor: record.growthFactor,
  FinalBakeTimeInMinutes: record.bakeMinutes,
  ReplicateTo: record.replicateTo,
});

function checkNumbers(input: {
  DeploymentDurationInMinutes?: number | undefined;
  FinalBakeTimeInMinutes?: number | undefined;
  GrowthFactor?: number | undefined;
}): void {
  checkRange("deploymentDurationInMinutes", input.DeploymentDurationInMinutes, 0, MAX_MINUTES);
  checkRange("finalBakeTimeInMinutes", input.FinalBakeTimeInMinutes, 0, MAX_MINUTES);
  checkRange("growthFactor", input.GrowthFactor, 1, 100, false);
}

export function strategyOperations(store: AppConfigStore): Record<string, OperationHandler> {
  return {
    CreateDeploymentStrategy(input: CreateDeploymentStrategyCommandInput): DeploymentStrategy {
      requireMembers(input, ["Name", "DeploymentDurationInMinutes", "GrowthFactor"]);
      checkLength("name", input.Name, 1, 64);
      checkNumbers(input);
      if ([...store.strategies.values()].filter((strategy) => !strategy.predefined).length >= MAX_STRATEGIES) {
        throw quotaExceeded(`The account already has ${MAX_STRATEGIES} deployment strategies`);
      }
      const record: StrategyRecord = {
        id: store.newId(),
        name: input.Name ?? "",
        description: input.Description,
        durationMinutes: input.DeploymentDurationInMinutes ?? 0,
        bakeMinutes: input.FinalBakeTimeInMinutes ?? 0,
        growthFactor: input.GrowthFactor ?? 100,
        growthType: input.GrowthType ?? "LINEAR",
        replicateTo: input.ReplicateTo ?? "NONE",
        predefined: false,
      };
      store.strategies.set(record.id, record);
      store.setTags(`deploymentstrategy/${record.id}`, input.Tags);
      return view(record);
    },
    GetDeploymentStrategy: (input: GetDeploymentStrategyCommandInput) =>
      view(store.strategy(input.DeploymentStrategyId)),
    ListDeploymentStrategies(input: ListDeploymentStrategiesCommandInput): DeploymentStrategies {
      const { items, nextToken } = pageOf([...store.strategies.values()], input);
      return { Items: items.map(view), NextToken: nextToken };
    },
    UpdateDeploymentStrategy(input: UpdateDeploymentStrategyCommandInput): DeploymentStrategy {
      const record = store.strategy(input.DeploymentStrategyId);
      if (record.predefined) throw badRequest(`Cannot update predefined Deployment Strategy ${record.id}.`);
      checkNumbers(input);
      record.description = input.Description ?? record.description;
      record.durationMinutes = input.DeploymentDurationInMinutes ?? record.durationMinutes;
      record.bakeMinutes = input.FinalBakeTimeInMinutes ?? record.bakeMinutes;
      record.growthFactor = input.GrowthFactor ?? record.growthFactor;
      record.growthType = input.GrowthType ?? record.growthType;
      return view(record);
    },
    DeleteDeploymentStrategy(input: DeleteDeploymentStrategyCommandInput): Record<string, never> {
      const record = store.strategy(input.DeploymentStrategyId);
      // [recorded] rebuy-de/aws-nuke#1081
      if (record.predefined) throw badRequest(`Cannot delete predefined Deployment Strategy ${record.id}.`);
      store.strategies.delete(record.id);
      store.tags.delete(store.arn(`deploymentstrategy/${record.id}`));
      return {};
    },
  };
}
