import type { DeploymentEventType, Monitor, TriggeredBy } from "@aws-sdk/client-appconfig";
import type { DescribeAlarmsCommandOutput } from "@aws-sdk/client-cloudwatch";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import type { AppConfigOptions, DeploymentRecord } from "./model.ts";
import { growthSteps } from "./strategies.ts";

const MINUTE_MS = 60_000;

/** Takes deployments through DEPLOYING, BAKING and COMPLETE, or back. */
export class DeploymentRun {
  private readonly world: World;
  private readonly options: Required<AppConfigOptions>;

  constructor(world: World, options: Required<AppConfigOptions>) {
    this.world = world;
    this.options = options;
  }

  /**
   * Begins to deploy. Without duration, bake and monitors a deployment is complete at once; with monitors they are looked
   * at before the first reader gets anything [unverified].
   */
  begin(deployment: DeploymentRecord): void {
    deployment.state = "DEPLOYING";
    this.log(deployment, "DEPLOYMENT_STARTED", "USER", "Deployment started");
    const { durationMinutes, bakeMinutes } = deployment.strategy;
    if (durationMinutes === 0 && bakeMinutes === 0 && deployment.environment.monitors.length === 0) {
      deployment.percentage = 100;
      this.complete(deployment);
      return;
    }
    this.announce(deployment);
    this.later(deployment, 0, async () => {
      if (await this.watchMonitors(deployment)) return;
      this.grow(deployment);
    });
  }

  /** Goes back to what was deployed before. */
  rollBack(deployment: DeploymentRecord, triggeredBy: TriggeredBy, reason: string): void {
    this.cancel(deployment);
    deployment.state = "ROLLING_BACK";
    this.log(deployment, "ROLLBACK_STARTED", triggeredBy, reason);
    this.announce(deployment);
    this.later(deployment, this.options.rollbackMs, () => {
      deployment.state = "ROLLED_BACK";
      deployment.completedAt = this.now();
      this.log(deployment, "ROLLBACK_COMPLETED", triggeredBy, "Rollback completed");
      this.announce(deployment);
    });
  }

  /** Takes back a deployment that was complete. Monitors are not asked (user guide, reverting, 2025). */
  revert(deployment: DeploymentRecord): void {
    deployment.state = "REVERTED";
    this.log(deployment, "REVERT_COMPLETED", "USER", "Deployment reverted");
    this.announce(deployment);
  }

  cancel(deployment: DeploymentRecord): void {
    for (const timer of deployment.timers.splice(0)) timer.cancel();
  }

  private grow(deployment: DeploymentRecord): void {
    const steps = growthSteps(deployment.strategy);
    if (steps.length === 0) {
      this.setPercentage(deployment, 100);
      this.bake(deployment);
      return;
    }
    const startedAtMs = deployment.startedAt.getTime();
    for (const [i, step] of steps.entries()) {
      this.later(deployment, startedAtMs + step.atMs - this.world.clock.now(), () => {
        this.setPercentage(deployment, step.percent);
        if (i === steps.length - 1) this.bake(deployment);
      });
    }
  }

  private bake(deployment: DeploymentRecord): void {
    deployment.state = "BAKING";
    this.log(deployment, "BAKE_TIME_STARTED", "APPCONFIG", "Deployment bake time started");
    if (deployment.strategy.bakeMinutes === 0) {
      this.complete(deployment);
      return;
    }
    this.announce(deployment);
    this.later(deployment, deployment.strategy.bakeMinutes * MINUTE_MS, () => this.complete(deployment));
  }

  private complete(deployment: DeploymentRecord): void {
    this.cancel(deployment);
    deployment.state = "COMPLETE";
    deployment.completedAt = this.now();
    this.log(deployment, "DEPLOYMENT_COMPLETED", "APPCONFIG", "Deployment completed");
    this.announce(deployment);
  }

  private setPercentage(deployment: DeploymentRecord, percentage: number): void {
    deployment.percentage = percentage;
    this.log(
      deployment,
      "PERCENTAGE_UPDATED",
      "APPCONFIG",
      `Configuration available to ${percentage.toFixed(2)}% of clients`,
    );
    this.announce(deployment);
  }

  /** Looks at the environment's monitors now and until the deployment ends. Returns whether it has ended. */
  private async watchMonitors(deployment: DeploymentRecord): Promise<boolean> {
    const red = await this.redMonitor(deployment);
    if (deployment.state !== "DEPLOYING" && deployment.state !== "BAKING") return true;
    if (red) {
      // The ARN of the alarm is in the description (API reference, DeploymentEvent, 2025).
      this.rollBack(deployment, "CLOUDWATCH_ALARM", `Rollback initiated by the CloudWatch alarm ${red.AlarmArn}`);
      return true;
    }
    if (deployment.environment.monitors.length > 0) {
      this.later(deployment, this.options.monitorPollMs, async () => {
        await this.watchMonitors(deployment);
      });
    }
    return false;
  }

  private async redMonitor(deployment: DeploymentRecord): Promise<Monitor | undefined> {
    for (const monitor of deployment.environment.monitors) if (await this.isRed(monitor, deployment)) return monitor;
    return undefined;
  }

  /**
   * ALARM and INSUFFICIENT_DATA both count, unless the alarm's actions are disabled (user guide, monitoring deployments,
   * 2025). An alarm that is missing or cannot be read does not count. [inferred]
   */
  private async isRed(monitor: Monitor, deployment: DeploymentRecord): Promise<boolean> {
    const name = (monitor.AlarmArn ?? "").split(":alarm:").at(-1) ?? "";
    const { applicationId, environment } = deployment;
    const { partition, region, accountId } = this.world;
    const sourceArn = `arn:${partition}:appconfig:${region}:${accountId}:application/${applicationId}/environment/${environment.id}`;
    const principal = monitor.AlarmRoleArn
      ? this.world.rolePrincipal(monitor.AlarmRoleArn, "AppConfig", { service: "appconfig.amazonaws.com", sourceArn })
      : this.world.servicePrincipal("appconfig.amazonaws.com", sourceArn);
    try {
      const output = await this.world.call<DescribeAlarmsCommandOutput>(
        "cloudwatch",
        "DescribeAlarms",
        { AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] },
        principal,
      );
      const alarm = [...(output.MetricAlarms ?? []), ...(output.CompositeAlarms ?? [])][0];
      const red = alarm?.StateValue === "ALARM" || alarm?.StateValue === "INSUFFICIENT_DATA";
      return red && alarm.ActionsEnabled !== false;
    } catch (error) {
      if (error instanceof AwsError) return false;
      throw error;
    }
  }

  private later(deployment: DeploymentRecord, ms: number, work: () => void | Promise<void>): void {
    deployment.timers.push(this.world.clock.at(this.world.clock.now() + ms, work));
  }

  private log(
    deployment: DeploymentRecord,
    EventType: DeploymentEventType,
    TriggeredBy: TriggeredBy,
    Description: string,
  ): void {
    deployment.events.unshift({ EventType, TriggeredBy, Description, OccurredAt: this.now() });
  }

  private announce(deployment: DeploymentRecord): void {
    const { environment, profile } = deployment;
    this.world.announce("flag-deployment", {
      applicationId: deployment.applicationId,
      environmentId: environment.id,
      profileId: profile.id,
      deploymentNumber: deployment.number,
      configurationVersion: deployment.configurationVersion,
      state: deployment.state,
      percentage: deployment.percentage,
      description: deployment.description,
      triggeredBy: deployment.events[0]?.TriggeredBy,
    });
  }

  private now(): Date {
    return new Date(this.world.clock.now());
  }
}
