import type {
  CreateDeploymentConfigCommandInput,
  CreateDeploymentConfigOutput,
  DeleteDeploymentConfigCommandInput,
  GetDeploymentConfigCommandInput,
  GetDeploymentConfigOutput,
  ListDeploymentConfigsCommandInput,
  ListDeploymentConfigsOutput,
  TrafficRoutingConfig,
} from "@aws-sdk/client-codedeploy";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { MAX_FIRST_STEP_PERCENT, MAX_SHIFT_MINUTES, trafficSteps } from "./configurations.ts";
import { checkConfigurationName, invalid, noConfiguration, page } from "./errors.ts";
import { isTerminal } from "./model.ts";
import type { CodeDeployStore } from "./store.ts";

/** Custom configurations in one account (CodeDeploy user guide, limits, 2023). */
const MAX_CUSTOM = 200;

export function configurationOperations(world: World, store: CodeDeployStore): Record<string, OperationHandler> {
  const random = world.random.fork("codedeploy/configurations");
  return {
    CreateDeploymentConfig(input: CreateDeploymentConfigCommandInput): CreateDeploymentConfigOutput {
      const name = checkConfigurationName(input.deploymentConfigName);
      if (name.startsWith("CodeDeployDefault.")) {
        throw invalid("InvalidDeploymentConfigNameException", "The prefix CodeDeployDefault. is reserved");
      }
      if (store.configurations.has(name)) {
        throw invalid(
          "DeploymentConfigAlreadyExistsException",
          `Deployment configuration already exists, with specified name: ${name}`,
        );
      }
      if ([...store.configurations.values()].filter((record) => !record.predefined).length >= MAX_CUSTOM) {
        throw invalid("DeploymentConfigLimitExceededException", "The deployment configurations limit was exceeded.");
      }
      const computePlatform = input.computePlatform ?? "Server";
      if (computePlatform === "Lambda") checkRouting(input);
      const deploymentConfigId = random.uuid();
      store.configurations.set(name, {
        deploymentConfigId,
        deploymentConfigName: name,
        computePlatform,
        createTime: store.now(),
        ...(input.minimumHealthyHosts ? { minimumHealthyHosts: input.minimumHealthyHosts } : {}),
        ...(input.trafficRoutingConfig ? { trafficRoutingConfig: input.trafficRoutingConfig } : {}),
        predefined: false,
      });
      return { deploymentConfigId };
    },
    GetDeploymentConfig(input: GetDeploymentConfigCommandInput): GetDeploymentConfigOutput {
      const name = checkConfigurationName(input.deploymentConfigName);
      const record = store.configurations.get(name);
      if (!record) throw noConfiguration(name);
      const { predefined: _, ...deploymentConfigInfo } = record;
      return { deploymentConfigInfo };
    },
    ListDeploymentConfigs(input: ListDeploymentConfigsCommandInput): ListDeploymentConfigsOutput {
      const { items, nextToken } = page([...store.configurations.keys()], input.nextToken);
      return { deploymentConfigsList: items, nextToken };
    },
    /** Deleting a configuration that does not exist is no error in the service model. */
    DeleteDeploymentConfig(input: DeleteDeploymentConfigCommandInput): Record<string, never> {
      const name = checkConfigurationName(input.deploymentConfigName);
      if (store.configurations.get(name)?.predefined) {
        throw invalid("InvalidOperationException", `The predefined deployment configuration ${name} cannot be deleted`);
      }
      const groups = [...store.applications.values()].flatMap((application) => [...application.groups.values()]);
      const used =
        groups.some((group) => group.settings.deploymentConfigName === name) ||
        [...store.deployments.values()].some(
          (deployment) => deployment.configuration.deploymentConfigName === name && !isTerminal(deployment),
        );
      if (used) throw invalid("DeploymentConfigInUseException", "The deployment configuration is still in use.");
      store.configurations.delete(name);
      return {};
    },
  };
}

function checkRouting(input: CreateDeploymentConfigCommandInput): void {
  if (input.minimumHealthyHosts) {
    throw invalid("InvalidMinimumHealthyHostValueException", "minimumHealthyHosts is for the Server platform only");
  }
  const problem = routingProblem(input.trafficRoutingConfig);
  if (problem) throw invalid("InvalidTrafficRoutingConfigurationException", problem);
}

function routingProblem(routing: TrafficRoutingConfig | undefined): string | undefined {
  if (!routing?.type) return "A traffic routing configuration with a type is required";
  if (routing.type === "AllAtOnce") return undefined;
  const [percentage, interval] =
    routing.type === "TimeBasedCanary"
      ? [routing.timeBasedCanary?.canaryPercentage, routing.timeBasedCanary?.canaryInterval]
      : routing.type === "TimeBasedLinear"
        ? [routing.timeBasedLinear?.linearPercentage, routing.timeBasedLinear?.linearInterval]
        : [];
  const isCount = (value: number | undefined): value is number => Number.isInteger(value) && Number(value) >= 1;
  if (!isCount(percentage) || percentage > MAX_FIRST_STEP_PERCENT) {
    return `The percentage of each step must be an integer from 1 to ${MAX_FIRST_STEP_PERCENT}`;
  }
  if (!isCount(interval)) return "The interval must be an integer of at least one minute";
  const totalMinutes = (trafficSteps(routing).at(-1)?.atMs ?? 0) / 60_000;
  if (totalMinutes > MAX_SHIFT_MINUTES) {
    return `The shift would take ${totalMinutes} minutes; at most ${MAX_SHIFT_MINUTES} are allowed`;
  }
  return undefined;
}
