import { createHash } from "node:crypto";
import type { AutoRollbackEvent, RevisionLocation } from "@aws-sdk/client-codedeploy";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { parseAppSpec } from "./appspec.ts";
import { ALL_AT_ONCE } from "./configurations.ts";
import { Lifecycle } from "./lifecycle.ts";
import {
  type CodeDeployOptions,
  DeploymentFailure,
  type DeploymentRecord,
  isTerminal,
  TARGET_EVENTS,
} from "./model.ts";
import { announceStatus } from "./notifications.ts";
import { registerRevision } from "./revisions.ts";
import type { CodeDeployStore } from "./store.ts";

export interface DeploymentOutcome {
  status: "Succeeded" | "Failed" | "Stopped";
  rollbackDeploymentId?: string;
  message?: string;
  errorCode?: string;
}

export type NewDeployment = Pick<DeploymentRecord, "group" | "configuration" | "revision" | "content" | "creator"> &
  Partial<
    Pick<
      DeploymentRecord,
      | "id"
      | "description"
      | "externalId"
      | "autoRollbackConfiguration"
      | "overrideAlarmConfiguration"
      | "rollbackInfo"
      | "restoreVersion"
    >
  >;

/** Starts, ends, stops and rolls back deployments. */
export class DeploymentRunner {
  private readonly world: World;
  private readonly store: CodeDeployStore;
  private readonly options: Required<CodeDeployOptions>;
  private readonly lifecycle: Lifecycle;
  private readonly random: SeededRandom;
  private waiters: { deployment: DeploymentRecord; resolve: (outcome: DeploymentOutcome) => void }[] = [];

  constructor(world: World, store: CodeDeployStore, options: Required<CodeDeployOptions>) {
    this.world = world;
    this.store = store;
    this.options = options;
    this.lifecycle = new Lifecycle(world, options);
    this.random = world.random.fork("codedeploy/deployments");
  }

  start(request: NewDeployment): DeploymentRecord {
    const { group } = request;
    const now = this.store.now();
    const deployment: DeploymentRecord = {
      id: this.newId(),
      applicationName: group.application.name,
      groupName: group.name,
      previousRevision: group.targetRevision,
      appSpec: parseAppSpec(request.content),
      description: undefined,
      externalId: undefined,
      autoRollbackConfiguration: undefined,
      overrideAlarmConfiguration: undefined,
      rollbackInfo: undefined,
      restoreVersion: undefined,
      ...request,
      status: "Created",
      createTime: now,
      startTime: undefined,
      completeTime: undefined,
      error: undefined,
      stopping: false,
      targetStatus: "Pending",
      targetWeight: 0,
      events: new Map(TARGET_EVENTS.map((name) => [name, { lifecycleEventName: name, status: "Pending" }])),
      lastUpdatedAt: now,
      hooks: [],
      controller: new AbortController(),
    };
    this.store.deployments.set(deployment.id, deployment);
    group.lastAttempted = deployment;
    announceStatus(this.world, this.store, deployment);
    this.world.clock.at(now.getTime() + this.options.latencyMs, () => this.run(deployment));
    return deployment;
  }

  /**
   * Stops a deployment. Its run ends at once; the deployment becomes Stopped, and its rollback begins, after the stop
   * lag. Returns whether everything has come to rest already.
   */
  stop(deployment: DeploymentRecord, rollBack: boolean): "Pending" | "Succeeded" {
    if (deployment.stopping) return "Pending";
    deployment.stopping = true;
    this.world.announce("deployment-stopping", { deploymentId: deployment.id });
    const begun = deployment.status !== "Created";
    deployment.controller.abort(new Error(`deployment ${deployment.id} was stopped`));
    this.closeEvents(deployment);
    const event = rollBack ? "DEPLOYMENT_STOP_ON_REQUEST" : undefined;
    const failure = new DeploymentFailure("MANUAL_STOP", "The deployment was stopped by a user request.", {
      status: "Stopped",
    });
    const end = () => this.end(deployment, failure, rollBack ? event : undefined, true);
    if (!begun || this.options.stopLagMs === 0) {
      end();
      return "Succeeded";
    }
    this.world.clock.at(this.world.clock.now() + this.options.stopLagMs, end);
    return "Pending";
  }

  /** Resolves when the deployment, and its rollback deployment if there is one, has ended. */
  waitFor(deployment: DeploymentRecord): Promise<DeploymentOutcome> {
    return new Promise((resolve) => {
      this.waiters.push({ deployment, resolve });
      this.wakeWaiters();
    });
  }

  /** Ends all runs without a trace, for a reset of the world. */
  abandon(): void {
    for (const deployment of this.store.deployments.values()) {
      deployment.controller.abort(new Error("the local CodeDeploy was reset"));
    }
    this.waiters = [];
  }

  private async run(deployment: DeploymentRecord): Promise<void> {
    const { signal } = deployment.controller;
    if (signal.aborted) return;
    deployment.status = "InProgress";
    deployment.targetStatus = "InProgress";
    deployment.startTime = this.store.now();
    announceStatus(this.world, this.store, deployment);
    try {
      if (deployment.restoreVersion === undefined) await this.lifecycle.release(deployment);
      else await this.lifecycle.rollback(deployment, deployment.restoreVersion);
    } catch (error) {
      if (deployment.stopping || (signal.aborted && !(error instanceof DeploymentFailure))) return;
      if (!(error instanceof DeploymentFailure)) throw error;
      this.end(deployment, error, error.event);
      return;
    }
    if (deployment.stopping) return;
    deployment.status = "Succeeded";
    deployment.targetStatus = "Succeeded";
    deployment.completeTime = this.store.now();
    deployment.group.targetRevision = deployment.revision;
    deployment.group.lastSuccessful = deployment;
    deployment.controller.abort(new Error(`deployment ${deployment.id} has ended`));
    announceStatus(this.world, this.store, deployment);
    this.wakeWaiters();
  }

  /** Ends a deployment that did not succeed, and starts its rollback where one is due. */
  private end(
    deployment: DeploymentRecord,
    failure: DeploymentFailure,
    event: AutoRollbackEvent | undefined,
    requested = false,
  ): void {
    if (isTerminal(deployment) || this.store.deployments.get(deployment.id) !== deployment) return;
    deployment.controller.abort(failure);
    this.closeEvents(deployment);
    deployment.status = failure.status;
    deployment.targetStatus = "Failed";
    deployment.completeTime = this.store.now();
    deployment.error = { code: failure.code, message: failure.message };
    announceStatus(this.world, this.store, deployment);
    const isUndo = deployment.restoreVersion !== undefined;
    if (event && !isUndo && (requested || rollsBackOn(deployment, event))) this.rollBack(deployment);
    this.wakeWaiters();
  }

  /** A rollback is a second deployment; both know each other. Messages recorded 2026-08-08 and 2026-08-22. */
  private rollBack(failed: DeploymentRecord): void {
    const target = this.rollbackTarget(failed);
    if (!target) {
      failed.rollbackInfo = {
        rollbackMessage: `Deployment ${failed.id} cannot be rolled back: the deployment group has no successful deployment.`,
      };
      return;
    }
    const id = this.newId();
    failed.rollbackInfo = {
      rollbackDeploymentId: id,
      rollbackMessage: `Deployment ${failed.id} terminated. Automatic rollback is triggered with a DeploymentId ${id}.`,
    };
    this.start({
      id,
      group: failed.group,
      configuration: this.store.configurations.get(ALL_AT_ONCE) ?? failed.configuration,
      revision: target.revision,
      content: target.content,
      restoreVersion: target.version,
      creator: "codeDeployRollback",
      externalId: failed.externalId,
      rollbackInfo: {
        rollbackTriggeringDeploymentId: failed.id,
        rollbackMessage: `Deployment ${id} is triggered to roll back deployment ${failed.id}.`,
      },
    });
  }

  /**
   * The group's last successful revision; on a first deployment, by option, the version that the alias came from. A
   * last revision of another function or alias cannot undo this one and is passed over. [inferred]
   */
  private rollbackTarget(
    failed: DeploymentRecord,
  ): { revision: RevisionLocation; content: string; version: string } | undefined {
    if (!failed.appSpec.ok) return undefined;
    const { spec } = failed.appSpec;
    const last = failed.group.lastSuccessful;
    if (
      last?.appSpec.ok &&
      last.appSpec.spec.functionName === spec.functionName &&
      last.appSpec.spec.alias === spec.alias
    ) {
      const version = last.restoreVersion ?? last.appSpec.spec.targetVersion;
      return { revision: last.revision, content: last.content, version };
    }
    if (this.options.firstRollback === "none") return undefined;
    const content = JSON.stringify({
      version: 0.0,
      Resources: [
        {
          [spec.functionName.split(":").at(-1) ?? "function"]: {
            Type: "AWS::Lambda::Function",
            Properties: {
              Name: spec.functionName,
              Alias: spec.alias,
              CurrentVersion: spec.targetVersion,
              TargetVersion: spec.currentVersion,
            },
          },
        },
      ],
      Hooks: Object.entries(spec.hooks).map(([event, target]) => ({ [event]: target })),
    });
    const sha256 = createHash("sha256").update(content).digest("hex");
    registerRevision(failed.group.application, { content, sha256, now: this.store.now(), group: failed.group.name });
    return {
      revision: { revisionType: "AppSpecContent", appSpecContent: { content, sha256 } },
      content,
      version: spec.currentVersion,
    };
  }

  /** What was running has failed, what had not begun is skipped (recorded 2026-08-08). Hooks can no longer answer. */
  private closeEvents(deployment: DeploymentRecord): void {
    const now = this.store.now();
    for (const event of deployment.events.values()) {
      if (event.status === "InProgress") {
        event.status = "Failed";
        event.endTime = now;
        event.diagnostics = { errorCode: "UnknownError", scriptName: "", message: "", logTail: "" };
      } else if (event.status === "Pending") event.status = "Skipped";
      else continue;
      this.world.announce("lifecycle-event", {
        deploymentId: deployment.id,
        event: event.lifecycleEventName,
        status: event.status,
      });
    }
    deployment.lastUpdatedAt = now;
  }

  private wakeWaiters(): void {
    this.waiters = this.waiters.filter(({ deployment, resolve }) => {
      const rollbackDeploymentId = deployment.rollbackInfo?.rollbackDeploymentId;
      const rollback =
        rollbackDeploymentId === undefined ? undefined : this.store.deployments.get(rollbackDeploymentId);
      if (!isTerminal(deployment) || (rollback && !isTerminal(rollback))) return true;
      resolve({
        status: deployment.status as DeploymentOutcome["status"],
        ...(rollbackDeploymentId ? { rollbackDeploymentId } : {}),
        ...(deployment.error ? { message: deployment.error.message, errorCode: deployment.error.code } : {}),
      });
      return false;
    });
  }

  private newId(): string {
    return `d-${this.random.text(9, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")}`;
  }
}

/** A per-deployment configuration replaces the group's. */
export function rollsBackOn(deployment: DeploymentRecord, event: AutoRollbackEvent): boolean {
  const configuration = deployment.autoRollbackConfiguration ?? deployment.group.settings.autoRollbackConfiguration;
  return configuration?.enabled === true && (configuration.events ?? []).includes(event);
}
