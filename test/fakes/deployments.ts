import { GoaroundError } from "../../lib/core/errors.ts";
import type {
  Clock,
  DeploymentInfo,
  DeploymentStatus,
  DeploymentsPort,
  DeploymentTarget,
  TrafficRouting,
} from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";
import type { FakeFunctions } from "./functions.ts";

const ENDED: DeploymentStatus[] = ["Succeeded", "Failed", "Stopped"];

export interface Release {
  deploymentId: string;
  functionName: string;
  alias: string;
  from: string;
  to: string;
}

/**
 * CodeDeploy as the decisions see it. Behaviour: a second report of a hook is "already-completed"; the first hook's
 * success begins the shift (in the target only: the alias is the test's to move); a stop ends the
 * deployment at once, and `rollbackLagMs` later a rollback deployment (creator `codeDeployRollback`) puts the alias
 * back (or puts it on `lastSuccessful`), unless `rollsBack` is false (a group without an earlier success), which leaves the alias as it is.
 */
export class FakeDeployments implements DeploymentsPort {
  readonly calls = new Calls();
  readonly deployments = new Map<string, DeploymentInfo>();
  readonly targets = new Map<string, DeploymentTarget>();
  readonly reports = new Map<string, "Succeeded" | "Failed">();
  readonly configurations = new Map<string, TrafficRouting>([
    ["CodeDeployDefault.LambdaCanary10Percent5Minutes", { kind: "canary", percentage: 10, intervalMinutes: 5 }],
    ["CodeDeployDefault.LambdaAllAtOnce", { kind: "all-at-once", percentage: 100, intervalMinutes: 0 }],
  ]);
  readonly groups = new Map<string, { configuration: string; alarms: string[]; serviceRoleArn: string }>();
  rollsBack = true;
  /** Where a rollback goes; default: the version that the deployment replaced. */
  lastSuccessful: string | undefined;
  rollbackLagMs = 10_000;
  private readonly clock: Clock;
  private readonly functions: FakeFunctions;
  private created = 0;

  constructor(clock: Clock, functions: FakeFunctions) {
    this.clock = clock;
    this.functions = functions;
  }

  /** A deployment of the group that has not begun to shift. */
  given(release: Release, changes: Partial<DeploymentInfo> = {}): DeploymentInfo {
    const info: DeploymentInfo = {
      deploymentId: release.deploymentId,
      application: "goaround-dev",
      group: `${release.functionName}-deployment-group`,
      configuration: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
      status: "InProgress",
      creator: "CloudFormation",
      appSpec: appSpec(release),
      description: undefined,
      createdAt: this.clock.now(),
      completedAt: undefined,
      error: undefined,
      rollbackDeploymentId: undefined,
      rollbackTriggeringDeploymentId: undefined,
      externalId: undefined,
      ...changes,
    };
    this.deployments.set(info.deploymentId, info);
    this.targets.set(info.deploymentId, {
      targetId: `${release.functionName}:${release.alias}`,
      functionName: release.functionName,
      alias: release.alias,
      currentVersion: release.from,
      targetVersion: release.to,
      targetVersionWeightPercent: 0,
      lifecycleEvents: [
        { name: "BeforeAllowTraffic", status: "InProgress", startedAt: this.clock.now(), endedAt: undefined },
      ],
    });
    return info;
  }

  /** The shift began then, and ended then. */
  shifted(deploymentId: string, startedAt: Date, endedAt?: Date): void {
    const target = this.targets.get(deploymentId)!;
    target.targetVersionWeightPercent = endedAt ? 100 : 10;
    target.lifecycleEvents = [
      { name: "BeforeAllowTraffic", status: "Succeeded", startedAt, endedAt: startedAt },
      { name: "AllowTraffic", status: endedAt ? "Succeeded" : "InProgress", startedAt, endedAt },
    ];
    if (endedAt) {
      target.lifecycleEvents.push({
        name: "AfterAllowTraffic",
        status: "InProgress",
        startedAt: endedAt,
        endedAt: undefined,
      });
    }
  }

  /** Ends a deployment as CodeDeploy does, with its rollback. */
  end(
    deploymentId: string,
    status: "Succeeded" | "Failed" | "Stopped",
    error?: { code: string; message: string },
  ): void {
    const info = this.deployments.get(deploymentId)!;
    Object.assign(info, { status, error, completedAt: this.clock.now() });
    if (status !== "Succeeded" && this.rollsBack) void this.rollBack(info);
  }

  async get(deploymentId: string): Promise<DeploymentInfo> {
    await this.calls.enter("get", deploymentId);
    return { ...this.required(deploymentId) };
  }

  async target(deploymentId: string): Promise<DeploymentTarget | undefined> {
    await this.calls.enter("target", deploymentId);
    this.required(deploymentId);
    return structuredClone(this.targets.get(deploymentId));
  }

  async list(filter: { application: string; group: string; statuses?: DeploymentStatus[] }): Promise<string[]> {
    await this.calls.enter("list", filter);
    return [...this.deployments.values()]
      .filter((info) => info.application === filter.application && info.group === filter.group)
      .filter((info) => !filter.statuses || filter.statuses.includes(info.status))
      .map((info) => info.deploymentId)
      .reverse();
  }

  async reportHook(report: { deploymentId: string; executionId: string; status: "Succeeded" | "Failed" }) {
    await this.calls.enter("reportHook", report);
    this.required(report.deploymentId);
    const key = `${report.deploymentId}/${report.executionId}`;
    if (this.reports.has(key)) return "already-completed" as const;
    this.reports.set(key, report.status);
    const target = this.targets.get(report.deploymentId);
    // A passed check before traffic lets the first share through.
    if (target?.targetVersionWeightPercent === 0 && report.status === "Succeeded")
      target.targetVersionWeightPercent = 10;
    return "reported" as const;
  }

  async stopWithRollback(deploymentId: string) {
    await this.calls.enter("stopWithRollback", deploymentId);
    const info = this.required(deploymentId);
    if (ENDED.includes(info.status)) return "already-completed" as const;
    this.end(deploymentId, "Stopped", { code: "MANUAL_STOP", message: "The deployment was stopped by a person." });
    return "stopping" as const;
  }

  async group(application: string, group: string) {
    await this.calls.enter("group", { application, group });
    return this.groups.get(`${application}/${group}`);
  }

  async routing(configuration: string) {
    await this.calls.enter("routing", configuration);
    return this.configurations.get(configuration);
  }

  async createConfiguration(name: string, routing: TrafficRouting) {
    await this.calls.enter("createConfiguration", { name, routing });
    if (this.configurations.has(name)) return "exists" as const;
    this.configurations.set(name, routing);
    return "created" as const;
  }

  async create(request: Parameters<DeploymentsPort["create"]>[0]): Promise<string> {
    await this.calls.enter("create", request);
    const open = await this.list({ ...request, statuses: ["Created", "Queued", "InProgress", "Baking", "Ready"] });
    if (open.length > 0) throw new GoaroundError("conflict", "operator", `deployment ${open[0]} is still running`);
    this.created += 1;
    const deploymentId = `d-CREATED${String(this.created).padStart(2, "0")}`;
    const properties = Object.values(JSON.parse(request.appSpec).Resources[0] as object)[0].Properties;
    const { Name, Alias, CurrentVersion, TargetVersion } = properties;
    this.given(
      { deploymentId, functionName: Name, alias: Alias, from: CurrentVersion, to: TargetVersion },
      { ...request, creator: "user" },
    );
    return deploymentId;
  }

  private required(deploymentId: string): DeploymentInfo {
    const info = this.deployments.get(deploymentId);
    if (!info) throw new GoaroundError("deployment-missing", "operator", `there is no deployment ${deploymentId}`);
    return info;
  }

  private async rollBack(info: DeploymentInfo): Promise<void> {
    const target = this.targets.get(info.deploymentId)!;
    await this.clock.sleep(this.rollbackLagMs / 2);
    const id = `${info.deploymentId}-R`;
    const to = this.lastSuccessful ?? target.currentVersion;
    info.rollbackDeploymentId = id;
    const rollback = this.given(
      {
        deploymentId: id,
        functionName: target.functionName,
        alias: target.alias,
        from: target.targetVersion,
        to,
      },
      { creator: "codeDeployRollback", rollbackTriggeringDeploymentId: info.deploymentId, group: info.group },
    );
    await this.clock.sleep(this.rollbackLagMs / 2);
    this.functions.setAlias(target.functionName, target.alias, to, {});
    Object.assign(rollback, { status: "Succeeded", completedAt: this.clock.now() });
  }
}

export const appSpec = (release: Omit<Release, "deploymentId">): string =>
  JSON.stringify({
    version: 0.0,
    Resources: [
      {
        target: {
          Type: "AWS::Lambda::Function",
          Properties: {
            Name: release.functionName,
            Alias: release.alias,
            CurrentVersion: release.from,
            TargetVersion: release.to,
          },
        },
      },
    ],
    Hooks: [{ BeforeAllowTraffic: "goaround-dev-pre-traffic" }, { AfterAllowTraffic: "goaround-dev-post-traffic" }],
  });
