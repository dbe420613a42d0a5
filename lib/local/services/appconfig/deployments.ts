import type {
  Deployment,
  DeploymentSummary,
  Deployments,
  GetDeploymentCommandInput,
  ListDeploymentsCommandInput,
  StartDeploymentCommandInput,
  StopDeploymentCommandInput,
} from "@aws-sdk/client-appconfig";
import { notImplemented } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import type { DeploymentRun } from "./deployment-run.ts";
import { badRequest, conflict, requireMembers } from "./errors.ts";
import { type DeploymentRecord, type EnvironmentRecord, isActive } from "./model.ts";
import { type AppConfigStore, pageOf } from "./store.ts";
import { validateConfiguration } from "./validators.ts";

/** A complete deployment can be reverted for 72 hours (API reference, StopDeployment, 2025). */
const REVERT_MS = 72 * 3_600_000;

export function deploymentOperations(
  world: World,
  store: AppConfigStore,
  run: DeploymentRun,
): Record<string, OperationHandler> {
  return {
    async StartDeployment(input: StartDeploymentCommandInput): Promise<Deployment> {
      requireMembers(input, [
        "ApplicationId",
        "EnvironmentId",
        "DeploymentStrategyId",
        "ConfigurationProfileId",
        "ConfigurationVersion",
      ]);
      if (Object.keys(input.DynamicExtensionParameters ?? {}).length > 0) {
        throw notImplemented("appconfig", "StartDeployment", "DynamicExtensionParameters");
      }
      const environment = store.environment(input.ApplicationId, input.EnvironmentId);
      const profile = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      const strategy = store.strategy(input.DeploymentStrategyId);
      const version = store.hostedVersion(profile, input.ConfigurationVersion);
      const number = (environment.deployments.at(-1)?.number ?? 0) + 1;
      checkFree(environment, number, input.LatestDeploymentNumber);
      environment.starting = true;
      try {
        await validateConfiguration(world, profile, version);
      } finally {
        environment.starting = false;
      }
      const deployment: DeploymentRecord = {
        applicationId: environment.applicationId,
        environment,
        profile,
        number,
        strategy: { ...strategy },
        configurationName: profile.name,
        configurationVersion: String(version.number),
        versionLabel: version.label,
        description: input.Description,
        content: version.content,
        contentType: version.contentType,
        state: "VALIDATING",
        percentage: 0,
        startedAt: store.now(),
        completedAt: undefined,
        events: [],
        timers: [],
      };
      environment.deployments.push(deployment);
      store.setTags(
        `application/${environment.applicationId}/environment/${environment.id}/deployment/${number}`,
        input.Tags,
      );
      run.begin(deployment);
      return view(deployment);
    },
    GetDeployment(input: GetDeploymentCommandInput): Deployment {
      const environment = store.environment(input.ApplicationId, input.EnvironmentId);
      return view(store.deployment(environment, input.DeploymentNumber));
    },
    /** Newest first, without event logs. [unverified] */
    ListDeployments(input: ListDeploymentsCommandInput): Deployments {
      const environment = store.environment(input.ApplicationId, input.EnvironmentId);
      const { items, nextToken } = pageOf([...environment.deployments].reverse(), input);
      return { Items: items.map(summaryOf), NextToken: nextToken };
    },
    /**
     * "Works only on deployments that have a status of DEPLOYING, unless an AllowRevert parameter is supplied" (API
     * reference, 2026): a baking one needs AllowRevert too.
     */
    StopDeployment(input: StopDeploymentCommandInput): Deployment {
      const environment = store.environment(input.ApplicationId, input.EnvironmentId);
      const deployment = store.deployment(environment, input.DeploymentNumber);
      const { state, number } = deployment;
      if (state === "DEPLOYING" || state === "VALIDATING" || (state === "BAKING" && input.AllowRevert)) {
        run.rollBack(deployment, "USER", `Rollback initiated by the account ${world.accountId}`);
      } else if (state === "COMPLETE" && input.AllowRevert) {
        checkRevert(store, environment, deployment);
        run.revert(deployment);
      } else {
        throw badRequest(`Deployment ${number} cannot be stopped, it has a status of ${state}`);
      }
      return view(deployment);
    },
  };
}

/** One deployment at a time in an environment, whatever its profile (user guide, deploying, 2023). */
function checkFree(environment: EnvironmentRecord, number: number, expectedLatest: number | undefined): void {
  // [recorded] hashicorp/terraform-provider-aws#36975: what racing starts get
  if (environment.starting) throw conflict(`Deployment number ${number} already exists`);
  if (environment.deployments.some(isActive)) {
    throw conflict("A deployment is already in progress for this environment");
  }
  if (expectedLatest !== undefined && expectedLatest !== number - 1) {
    throw conflict(`The latest deployment number is ${number - 1}, not ${expectedLatest}`);
  }
}

function checkRevert(store: AppConfigStore, environment: EnvironmentRecord, deployment: DeploymentRecord): void {
  const sameProfile = environment.deployments.filter((other) => other.profile === deployment.profile);
  if (sameProfile.at(-1) !== deployment) {
    throw badRequest("Only the latest deployment of a configuration profile can be reverted");
  }
  const age = store.now().getTime() - (deployment.completedAt?.getTime() ?? 0);
  if (age > REVERT_MS) throw badRequest("Completed deployments can only be reverted within 72 hours");
}

function summaryOf(deployment: DeploymentRecord): DeploymentSummary {
  const { strategy } = deployment;
  return {
    DeploymentNumber: deployment.number,
    ConfigurationProfileId: deployment.profile.id,
    ConfigurationName: deployment.configurationName,
    ConfigurationVersion: deployment.configurationVersion,
    DeploymentDurationInMinutes: strategy.durationMinutes,
    GrowthType: strategy.growthType,
    GrowthFactor: strategy.growthFactor,
    FinalBakeTimeInMinutes: strategy.bakeMinutes,
    State: deployment.state,
    PercentageComplete: deployment.percentage,
    StartedAt: deployment.startedAt,
    ...(deployment.completedAt ? { CompletedAt: deployment.completedAt } : {}),
    ...(deployment.versionLabel === undefined ? {} : { VersionLabel: deployment.versionLabel }),
  };
}

function view(deployment: DeploymentRecord): Deployment {
  return {
    ...summaryOf(deployment),
    ApplicationId: deployment.applicationId,
    EnvironmentId: deployment.environment.id,
    DeploymentStrategyId: deployment.strategy.id,
    ConfigurationLocationUri: deployment.profile.locationUri,
    ...(deployment.description === undefined ? {} : { Description: deployment.description }),
    EventLog: deployment.events.map((event) => ({ ...event })),
  };
}
