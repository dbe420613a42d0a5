import { READER_POLL_SECONDS } from "../../lib/core/release/flag-kill.ts";
import type { LocalAws } from "../../lib/local/index.ts";

export interface FlagHome {
  applicationId: string;
  environmentId: string;
  profileId: string;
}

interface Item {
  Id: string;
  Name: string;
  Type?: string;
}

/** The app's feature flags as its people and its functions see them. */
export class Flags {
  private readonly aws: LocalAws;
  private home: FlagHome | undefined;
  private readonly cached = new Map<string, { atMs: number; values: Record<string, boolean> }>();

  constructor(aws: LocalAws) {
    this.aws = aws;
  }

  /** Finds the first feature-flag profile of the account; undefined when the app has none. */
  async find(): Promise<FlagHome | undefined> {
    for (const application of await this.items("ListApplications", {})) {
      const ApplicationId = application.Id;
      const [environment] = await this.items("ListEnvironments", { ApplicationId });
      const profile = (await this.items("ListConfigurationProfiles", { ApplicationId })).find(
        (candidate) => candidate.Type === "AWS.AppConfig.FeatureFlags",
      );
      if (environment && profile) {
        this.home = { applicationId: ApplicationId, environmentId: environment.Id, profileId: profile.Id };
        return this.home;
      }
    }
    return undefined;
  }

  /** Flag → enabled, as deployed to everyone, or as one reader gets it. */
  deployed(reader?: string): Record<string, boolean> {
    if (!this.home) return {};
    const { applicationId, environmentId, profileId } = this.home;
    const flags = this.aws.services.appconfig.deployedFlags(applicationId, environmentId, profileId, reader) ?? {};
    return Object.fromEntries(Object.entries(flags).map(([flag, value]) => [flag, value.enabled === true]));
  }

  /** As an execution environment sees a flag: it polls, so a change takes its time to show. */
  seenBy(reader: string, flag: string): boolean {
    const now = this.aws.clock.now();
    let seen = this.cached.get(reader);
    if (seen === undefined || now - seen.atMs >= READER_POLL_SECONDS * 1000) {
      seen = { atMs: now, values: this.deployed(reader) };
      this.cached.set(reader, seen);
    }
    return seen.values[flag] === true;
  }

  /** Switches flags as an operator would by hand; `strategy` is a name or an id. */
  async set(flags: Record<string, boolean>, strategy: string): Promise<void> {
    const home = this.home;
    if (!home) throw new Error("the app has no feature-flag profile");
    const target = { ApplicationId: home.applicationId, ConfigurationProfileId: home.profileId };
    const versions = await this.items<{ VersionNumber: number }>("ListHostedConfigurationVersions", target);
    const VersionNumber = Math.max(...versions.map((version) => version.VersionNumber));
    const stored = await this.call<{ Content: Uint8Array }>("GetHostedConfigurationVersion", {
      ...target,
      VersionNumber,
    });
    const document = JSON.parse(new TextDecoder().decode(stored.Content)) as {
      values: Record<string, { enabled: boolean }>;
    };
    for (const [flag, enabled] of Object.entries(flags)) {
      document.values[flag] = { ...document.values[flag], enabled };
    }
    const created = await this.call<{ VersionNumber: number }>("CreateHostedConfigurationVersion", {
      ...target,
      ContentType: "application/json",
      Content: new TextEncoder().encode(JSON.stringify(document)),
    });
    await this.call("StartDeployment", {
      ...target,
      EnvironmentId: home.environmentId,
      ConfigurationVersion: String(created.VersionNumber),
      DeploymentStrategyId: await this.strategyId(strategy),
      Description: "goaround: rehearsal",
    });
  }

  /** Has AppConfig watch an alarm while flags of the environment are deployed. */
  async monitor(alarmArn: string): Promise<void> {
    const home = this.home;
    if (!home) throw new Error("the app has no feature-flag profile");
    await this.call("UpdateEnvironment", {
      ApplicationId: home.applicationId,
      EnvironmentId: home.environmentId,
      Monitors: [{ AlarmArn: alarmArn, AlarmRoleArn: await this.monitorRole(alarmArn) }],
    });
  }

  /** A role in which AppConfig may read the alarm, as FlagProfile makes one for its monitors. */
  private async monitorRole(alarmArn: string): Promise<string> {
    const document = (statement: object) =>
      JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });
    const { world } = this.aws;
    const operator = world.credentials.principalFor(undefined);
    const RoleName = "rehearsal-flag-monitor";
    const trust = document({ Principal: { Service: "appconfig.amazonaws.com" }, Action: "sts:AssumeRole" });
    const { Role } = await world.call<{ Role: { Arn: string } }>(
      "iam",
      "CreateRole",
      { RoleName, AssumeRolePolicyDocument: trust },
      operator,
    );
    const PolicyDocument = document({ Action: "cloudwatch:DescribeAlarms", Resource: alarmArn });
    await world.call("iam", "PutRolePolicy", { RoleName, PolicyName: "read", PolicyDocument }, operator);
    return Role.Arn;
  }

  private async strategyId(nameOrId: string): Promise<string> {
    if (nameOrId.startsWith("AppConfig.")) return nameOrId;
    const found = (await this.items("ListDeploymentStrategies", {})).find((item) => item.Name === nameOrId);
    return found?.Id ?? nameOrId;
  }

  private async items<T = Item>(operation: string, input: Record<string, unknown>): Promise<T[]> {
    return (await this.call<{ Items?: T[] }>(operation, input)).Items ?? [];
  }

  private call<T>(operation: string, input: Record<string, unknown>): Promise<T> {
    return this.aws.world.call<T>("appconfig", operation, input, this.aws.world.credentials.principalFor(undefined));
  }
}
