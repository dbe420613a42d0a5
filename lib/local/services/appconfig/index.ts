import type { LocalService, World } from "../../kernel/service.ts";
import { accountOperations } from "./account-settings.ts";
import { applicationOperations } from "./applications.ts";
import { createDataPlane, servedTo } from "./data-plane.ts";
import { DeploymentRun } from "./deployment-run.ts";
import { deploymentOperations } from "./deployments.ts";
import { type FlatFlags, flatForm } from "./feature-flags.ts";
import { hostedVersionOperations } from "./hosted-versions.ts";
import { type AppConfigOptions, DEFAULT_OPTIONS } from "./model.ts";
import { profileOperations } from "./profiles.ts";
import { AppConfigStore } from "./store.ts";
import { strategyOperations } from "./strategies.ts";

export type { FlatFlags } from "./feature-flags.ts";
export type { AppConfigOptions } from "./model.ts";

export interface AppConfigService extends LocalService {
  /**
   * The flags that a reader (any text) gets by now, in the flat form, for displays and models inside the process;
   * undefined before the first deployment has reached it. Without a reader, a growing deployment counts once it is at
   * 100 %.
   */
  deployedFlags(
    applicationId: string,
    environmentId: string,
    profileId: string,
    reader?: string,
  ): FlatFlags | undefined;
}

/** AppConfig and its data API, over the same deployments. Extensions answer 501. See docs/fidelity/appconfig.md. */
export function createAppConfig(
  world: World,
  options: AppConfigOptions = {},
): { appconfig: AppConfigService; appconfigdata: LocalService } {
  const store = new AppConfigStore(world);
  const run = new DeploymentRun(world, { ...DEFAULT_OPTIONS, ...options });
  return {
    appconfig: {
      name: "appconfig",
      operations: {
        ...applicationOperations(store),
        ...profileOperations(world, store),
        ...hostedVersionOperations(world, store),
        ...strategyOperations(store),
        ...deploymentOperations(world, store, run),
        ...accountOperations(store),
      },
      deployedFlags(applicationId, environmentId, profileId, reader) {
        const application = store.applications.get(applicationId);
        const environment = application?.environments.get(environmentId);
        const profile = application?.profiles.get(profileId);
        const deployment = environment && profile && servedTo(environment, profile, reader);
        return deployment && flatForm(deployment.content);
      },
      reset() {
        store.clear();
      },
    },
    appconfigdata: createDataPlane(world, store),
  };
}
