import type { World } from "../../kernel/service.ts";
import { predefinedConfigurations } from "./configurations.ts";
import {
  checkApplicationName,
  checkDeploymentId,
  checkGroupName,
  noApplication,
  noDeployment,
  noGroup,
} from "./errors.ts";
import type { ApplicationRecord, CodeDeployState, DeploymentRecord, GroupRecord } from "./model.ts";

/** What CodeDeploy remembers, with the look-ups that every operation makes first. */
export class CodeDeployStore implements CodeDeployState {
  readonly applications: CodeDeployState["applications"] = new Map();
  readonly configurations: CodeDeployState["configurations"] = new Map();
  readonly deployments: CodeDeployState["deployments"] = new Map();
  readonly tags: CodeDeployState["tags"] = new Map();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
    this.clear();
  }

  clear(): void {
    this.applications.clear();
    this.configurations.clear();
    this.deployments.clear();
    this.tags.clear();
    for (const record of predefinedConfigurations(this.now())) {
      this.configurations.set(record.deploymentConfigName, record);
    }
  }

  now(): Date {
    return new Date(this.world.clock.now());
  }

  application(name: string | undefined): ApplicationRecord {
    const checked = checkApplicationName(name);
    const record = this.applications.get(checked);
    if (!record) throw noApplication(checked);
    return record;
  }

  group(applicationName: string | undefined, groupName: string | undefined): GroupRecord {
    const application = this.application(applicationName);
    const checked = checkGroupName(groupName);
    const record = application.groups.get(checked);
    if (!record) throw noGroup(checked);
    return record;
  }

  deployment(id: string | undefined): DeploymentRecord {
    const checked = checkDeploymentId(id);
    const record = this.deployments.get(checked);
    if (!record) throw noDeployment(checked);
    return record;
  }

  arn(resource: string): string {
    return `arn:${this.world.partition}:codedeploy:${this.world.region}:${this.world.accountId}:${resource}`;
  }

  applicationArn(name: string): string {
    return this.arn(`application:${name}`);
  }

  groupArn(applicationName: string, groupName: string): string {
    return this.arn(`deploymentgroup:${applicationName}/${groupName}`);
  }
}
