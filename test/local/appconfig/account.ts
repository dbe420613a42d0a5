import type { Deployment } from "@aws-sdk/client-appconfig";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { type AppConfigOptions, createAppConfig } from "../../../lib/local/services/appconfig/index.ts";
import { FakeCloudWatch, FakeLambda } from "../support/fake-services.ts";

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const OPERATOR = { arn: "arn:aws:iam::111122223333:user/operator", accountId: "111122223333", kind: "user" as const };

export const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
export const text = (content: Uint8Array | undefined) => new TextDecoder().decode(content);

export const flags = (values: Record<string, object>, definitions: Record<string, object> = {}) => ({
  version: "1",
  flags: { ...Object.fromEntries(Object.keys(values).map((key) => [key, { name: key }])), ...definitions },
  values,
});

/** An account with one application, one environment, one feature-flag profile and a strategy without waits. */
export async function anAccount(options: AppConfigOptions & { monitors?: object[]; profile?: object } = {}) {
  const { monitors, profile, ...appConfigOptions } = options;
  const clock = new VirtualClock(Date.UTC(2026, 0, 5, 12));
  const world = new LocalWorld({ clock, seed: 11 });
  const lambda = new FakeLambda(world);
  const cloudwatch = new FakeCloudWatch();
  const { appconfig, appconfigdata } = createAppConfig(world, appConfigOptions);
  for (const service of [lambda, cloudwatch, appconfig, appconfigdata]) world.register(service);
  const call = <Output = Record<string, unknown>>(operation: string, input: object = {}) =>
    world.call<Output>("appconfig", operation, input as Record<string, unknown>, OPERATOR);
  const data = <Output = Record<string, unknown>>(operation: string, input: object = {}) =>
    world.call<Output>("appconfigdata", operation, input as Record<string, unknown>, OPERATOR);

  const { Id: ApplicationId } = await call<{ Id: string }>("CreateApplication", { Name: "shop" });
  const { Id: EnvironmentId } = await call<{ Id: string }>("CreateEnvironment", {
    ApplicationId,
    Name: "prod",
    Monitors: monitors,
  });
  const { Id: ConfigurationProfileId } = await call<{ Id: string }>("CreateConfigurationProfile", {
    ApplicationId,
    Name: "flags",
    LocationUri: "hosted",
    Type: "AWS.AppConfig.FeatureFlags",
    ...profile,
  });
  const strategy = async (duration: number, bake: number, growth: number, GrowthType = "LINEAR") => {
    const { Id } = await call<{ Id: string }>("CreateDeploymentStrategy", {
      Name: `${duration}-${bake}-${growth}`,
      DeploymentDurationInMinutes: duration,
      FinalBakeTimeInMinutes: bake,
      GrowthFactor: growth,
      GrowthType,
    });
    return Id;
  };
  const atOnce = await strategy(0, 0, 100);
  const ids = { ApplicationId, EnvironmentId, ConfigurationProfileId };

  const createVersion = async (content: unknown, input: object = {}) => {
    const { VersionNumber } = await call<{ VersionNumber: number }>("CreateHostedConfigurationVersion", {
      ApplicationId,
      ConfigurationProfileId,
      Content: bytes(content),
      ContentType: "application/json",
      ...input,
    });
    return VersionNumber;
  };
  const start = (version: number | string, DeploymentStrategyId = atOnce, input: object = {}) =>
    call<Deployment>("StartDeployment", {
      ...ids,
      DeploymentStrategyId,
      ConfigurationVersion: String(version),
      ...input,
    });
  return {
    clock,
    world,
    lambda,
    cloudwatch,
    appconfig,
    call,
    data,
    ids,
    strategy,
    atOnce,
    createVersion,
    start,
    async deploy(content: unknown, strategyId = atOnce) {
      return start(await createVersion(content), strategyId);
    },
    get: (DeploymentNumber: number | undefined) =>
      call<Deployment>("GetDeployment", { ApplicationId, EnvironmentId, DeploymentNumber }),
    stop: (DeploymentNumber: number | undefined, AllowRevert?: boolean) =>
      call<Deployment>("StopDeployment", { ApplicationId, EnvironmentId, DeploymentNumber, AllowRevert }),
    deployed: () => appconfig.deployedFlags(ApplicationId, EnvironmentId, ConfigurationProfileId),
    async session(input: object = {}) {
      const { InitialConfigurationToken } = await data<{ InitialConfigurationToken: string }>(
        "StartConfigurationSession",
        {
          ApplicationIdentifier: "shop",
          EnvironmentIdentifier: "prod",
          ConfigurationProfileIdentifier: "flags",
          RequiredMinimumPollIntervalInSeconds: 15,
          ...input,
        },
      );
      return InitialConfigurationToken;
    },
    poll: (ConfigurationToken: string) =>
      data<{ NextPollConfigurationToken: string; Configuration: Uint8Array }>("GetLatestConfiguration", {
        ConfigurationToken,
      }),
  };
}
