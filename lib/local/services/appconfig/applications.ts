import type {
  Application,
  Applications,
  CreateApplicationCommandInput,
  CreateEnvironmentCommandInput,
  DeleteApplicationCommandInput,
  DeleteEnvironmentCommandInput,
  Environment,
  Environments,
  GetApplicationCommandInput,
  GetEnvironmentCommandInput,
  ListApplicationsCommandInput,
  ListEnvironmentsCommandInput,
  Monitor,
  UpdateApplicationCommandInput,
  UpdateEnvironmentCommandInput,
} from "@aws-sdk/client-appconfig";
import type { OperationHandler } from "../../kernel/service.ts";
import { checkDeletionProtection } from "./account-settings.ts";
import { badRequest, checkLength, conflict, quotaExceeded, requireMembers } from "./errors.ts";
import { type ApplicationRecord, type EnvironmentRecord, isActive } from "./model.ts";
import { type AppConfigStore, pageOf } from "./store.ts";

const MAX_APPLICATIONS = 100;
const MAX_ENVIRONMENTS = 20;
const MAX_MONITORS = 5;

const view = (record: ApplicationRecord): Application => ({
  Id: record.id,
  Name: record.name,
  ...(record.description === undefined ? {} : { Description: record.description }),
});

/**
 * What the service sends as an environment's state: `ReadyForDeployment` and the like (the SDK's own waiter compares
 * with that, 2026), although the enumeration of the service model spells READY_FOR_DEPLOYMENT.
 */
function stateOf(environment: EnvironmentRecord): string {
  switch (environment.deployments.at(-1)?.state) {
    case "VALIDATING":
    case "DEPLOYING":
    case "BAKING":
      return "Deploying";
    case "ROLLING_BACK":
      return "RollingBack";
    case "ROLLED_BACK":
      return "RolledBack";
    case "REVERTED":
      return "Reverted";
    default:
      return "ReadyForDeployment";
  }
}

const environmentView = (record: EnvironmentRecord): Environment => ({
  ApplicationId: record.applicationId,
  Id: record.id,
  Name: record.name,
  ...(record.description === undefined ? {} : { Description: record.description }),
  State: stateOf(record) as Environment["State"],
  ...(record.monitors.length ? { Monitors: record.monitors } : {}),
});

function checkMonitors(monitors: Monitor[] | undefined): void {
  if (monitors && monitors.length > MAX_MONITORS) {
    throw badRequest(`An environment can have at most ${MAX_MONITORS} monitors`);
  }
  for (const monitor of monitors ?? []) {
    if (!/^arn:[^:]+:cloudwatch:[^:]*:[^:]*:alarm:.+/.test(monitor.AlarmArn ?? "")) {
      throw badRequest(`The monitor ${monitor.AlarmArn} is not the ARN of a CloudWatch alarm`);
    }
  }
}

export function applicationOperations(store: AppConfigStore): Record<string, OperationHandler> {
  return {
    CreateApplication(input: CreateApplicationCommandInput): Application {
      requireMembers(input, ["Name"]);
      checkLength("name", input.Name, 1, 64);
      if (store.applications.size >= MAX_APPLICATIONS) {
        throw quotaExceeded(`The account already has ${MAX_APPLICATIONS} applications`);
      }
      const record: ApplicationRecord = {
        id: store.newId(),
        name: input.Name ?? "",
        description: input.Description,
        environments: new Map(),
        profiles: new Map(),
      };
      store.applications.set(record.id, record);
      store.setTags(`application/${record.id}`, input.Tags);
      return view(record);
    },
    GetApplication: (input: GetApplicationCommandInput) => view(store.application(input.ApplicationId)),
    ListApplications(input: ListApplicationsCommandInput): Applications {
      const { items, nextToken } = pageOf([...store.applications.values()], input);
      return { Items: items.map(view), NextToken: nextToken };
    },
    UpdateApplication(input: UpdateApplicationCommandInput): Application {
      const record = store.application(input.ApplicationId);
      checkLength("name", input.Name, 1, 64);
      record.name = input.Name ?? record.name;
      record.description = input.Description ?? record.description;
      return view(record);
    },
    DeleteApplication(input: DeleteApplicationCommandInput): Record<string, never> {
      const record = store.application(input.ApplicationId);
      for (const [kind, children] of [
        ["environments", record.environments],
        ["configuration profiles", record.profiles],
      ] as const) {
        if (children.size > 0) {
          throw badRequest(`Cannot delete application ${record.id} because there are still ${kind} existing under it.`);
        }
      }
      store.applications.delete(record.id);
      store.tags.delete(store.arn(`application/${record.id}`));
      return {};
    },
    CreateEnvironment(input: CreateEnvironmentCommandInput): Environment {
      requireMembers(input, ["ApplicationId", "Name"]);
      const application = store.application(input.ApplicationId);
      checkLength("name", input.Name, 1, 64);
      checkMonitors(input.Monitors);
      if (application.environments.size >= MAX_ENVIRONMENTS) {
        throw quotaExceeded(`The application already has ${MAX_ENVIRONMENTS} environments`);
      }
      const record: EnvironmentRecord = {
        id: store.newId(),
        applicationId: application.id,
        name: input.Name ?? "",
        description: input.Description,
        monitors: input.Monitors ?? [],
        createdAtMs: store.now().getTime(),
        lastPolledAtMs: undefined,
        deployments: [],
        starting: false,
      };
      application.environments.set(record.id, record);
      store.setTags(`application/${application.id}/environment/${record.id}`, input.Tags);
      return environmentView(record);
    },
    GetEnvironment: (input: GetEnvironmentCommandInput) =>
      environmentView(store.environment(input.ApplicationId, input.EnvironmentId)),
    ListEnvironments(input: ListEnvironmentsCommandInput): Environments {
      const { items, nextToken } = pageOf([...store.application(input.ApplicationId).environments.values()], input);
      return { Items: items.map(environmentView), NextToken: nextToken };
    },
    UpdateEnvironment(input: UpdateEnvironmentCommandInput): Environment {
      const record = store.environment(input.ApplicationId, input.EnvironmentId);
      checkLength("name", input.Name, 1, 64);
      checkMonitors(input.Monitors);
      record.name = input.Name ?? record.name;
      record.description = input.Description ?? record.description;
      record.monitors = input.Monitors ?? record.monitors;
      return environmentView(record);
    },
    DeleteEnvironment(input: DeleteEnvironmentCommandInput): Record<string, never> {
      const record = store.environment(input.ApplicationId, input.EnvironmentId);
      if (record.deployments.some(isActive)) {
        throw conflict(`Cannot delete environment ${record.id} because a deployment is in progress.`);
      }
      checkDeletionProtection(store, record, input.DeletionProtectionCheck);
      store.application(record.applicationId).environments.delete(record.id);
      store.tags.delete(store.arn(`application/${record.applicationId}/environment/${record.id}`));
      return {};
    },
  };
}
