import type { CreateDeploymentCommandInput, DeploymentCreator } from "@aws-sdk/client-codedeploy";
import type { LocalService, World } from "../../kernel/service.ts";
import { applicationOperations } from "./applications.ts";
import { configurationOperations } from "./deployment-configs.ts";
import { createDeployment, deploymentOperations } from "./deployments.ts";
import { groupOperations } from "./groups.ts";
import { type CodeDeployOptions, DEFAULT_OPTIONS } from "./model.ts";
import { revisionOperations } from "./revisions.ts";
import { type DeploymentOutcome, DeploymentRunner } from "./runner.ts";
import { CodeDeployStore } from "./store.ts";
import { targetOperations } from "./targets.ts";

export type { CodeDeployOptions } from "./model.ts";
export type { DeploymentOutcome } from "./runner.ts";

export interface CodeDeployService extends LocalService {
  /** What CloudFormation does when an alias with an UpdatePolicy changes; throws the errors of CreateDeployment. */
  createDeploymentAs(request: {
    input: CreateDeploymentCommandInput;
    creator: DeploymentCreator;
    externalId?: string;
  }): Promise<string>;
  /** Resolves when the deployment, and its rollback deployment where there is one, has ended. */
  waitForDeployment(deploymentId: string): Promise<DeploymentOutcome>;
}

/** CodeDeploy for the compute platform Lambda. What it does and how sure that is: docs/fidelity/codedeploy.md. */
export function createCodeDeploy(world: World, options: CodeDeployOptions = {}): CodeDeployService {
  const store = new CodeDeployStore(world);
  const runner = new DeploymentRunner(world, store, { ...DEFAULT_OPTIONS, ...options });
  return {
    name: "codedeploy",
    operations: {
      ...applicationOperations(world, store),
      ...groupOperations(world, store),
      ...configurationOperations(world, store),
      ...revisionOperations(world, store),
      ...deploymentOperations(world, store, runner),
      ...targetOperations(world, store),
    },
    async createDeploymentAs({ input, creator, externalId }) {
      return createDeployment(world, store, runner, input, { creator, ...(externalId ? { externalId } : {}) }).id;
    },
    async waitForDeployment(deploymentId) {
      return runner.waitFor(store.deployment(deploymentId));
    },
    reset() {
      runner.abandon();
      store.clear();
    },
  };
}
