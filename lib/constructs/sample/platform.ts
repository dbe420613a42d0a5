import { type App, type Environment as CdkEnvironment, CfnOutput, Stack, Tags, Validations } from "aws-cdk-lib";
import { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { AwsSolutionsChecks } from "cdk-nag";
import {
  FLAG_HANDLERS,
  GUARD_HANDLERS,
  SAMPLE_FUNCTIONS,
  type SampleFunction,
  sampleFunctionPrefix,
  TAGS,
} from "../../contract/names.ts";
import { stackArn } from "../arns.ts";
import { bundleHandlers, handlerEntry } from "../bundling/bundle.ts";
import { FlagProfile } from "../flag-profile.ts";
import { metricSourcesOf } from "../metric-sources.ts";
import { ReleaseGuard, type ReleaseGuardProps } from "../release-guard.ts";
import { ApiStack } from "./api-stack.ts";
import type { Configuration } from "./configuration.ts";
import { SAMPLE_FLAGS } from "./flags.ts";
import { FunctionStack } from "./function-stack.ts";

export interface PlatformProps {
  readonly configuration: Configuration;
  /** Account and region. Default: those of the CLI's credentials, or none. */
  readonly env?: CdkEnvironment;
  /** Handlers of the guard in place of the package's own. */
  readonly guardEntries?: ReleaseGuardProps["entries"];
}

/** Stack names: `goaround-dev-guard`, `goaround-dev-lambda-router` … */
const stackName = (environment: string, part: string) => `goaround-${environment}-${part.replaceAll("_", "-")}`;

/** The sample platform: guard, flags, five guarded functions and an HTTP API, each in a stack of its own. */
export function platform(app: App, { configuration, env, guardEntries }: PlatformProps): void {
  const { environment } = configuration;
  const named = (part: string) => stackName(environment, part);
  const common = { env, terminationProtection: environment === "prod" };

  const sampleEntries = SAMPLE_FUNCTIONS.map((name) => handlerEntry(`sample/${name}`));
  // Ahead of the guard, which would bundle its own: handlers that are bundled together share most of the work.
  const guardHandlers = GUARD_HANDLERS.map((name) => guardEntries?.[name] ?? handlerEntry(name));
  bundleHandlers([...guardHandlers, ...FLAG_HANDLERS.map(handlerEntry), ...sampleEntries]);
  const folders = bundleHandlers(sampleEntries);

  const guardStack = new Stack(app, named("guard"), {
    ...common,
    description: "Release guard shared by all functions",
  });
  const guard = new ReleaseGuard(guardStack, "Guard", {
    environmentName: environment,
    functionNamePrefixes: [sampleFunctionPrefix(environment)],
    notificationEmails: configuration.notificationEmail === undefined ? [] : [configuration.notificationEmail],
    releasesAtOnce: configuration.releasesAtOnce,
    logRetention: configuration.logRetentionDays as RetentionDays,
    protectLedger: configuration.protectLedger,
    metricSources: metricSourcesOf(
      guardStack,
      Object.values(configuration.functions).flatMap(({ metrics = [] }) => metrics),
    ),
    entries: guardEntries,
  });
  new CfnOutput(guardStack, "NotificationTopic", {
    value: guard.topic.topicArn,
    description: "Subscribe to it for notifications",
  });

  const flagStack = new Stack(app, named("flags"), { ...common, description: "Feature flags" });
  const flags = new FlagProfile(flagStack, "Flags", {
    guard,
    flags: SAMPLE_FLAGS,
    monitors: configuration.flagMonitors.map((name, i) =>
      Alarm.fromAlarmArn(flagStack, `Monitor${i}`, stackArn(flagStack, "cloudwatch", `alarm:${name}`)),
    ),
  });

  const stacks = new Map<SampleFunction, FunctionStack>();
  const functionStack = (name: SampleFunction): FunctionStack => {
    const known = stacks.get(name);
    if (known) return known;
    const { releaseAfter } = configuration.functions[name];
    const made = new FunctionStack(app, named(name), {
      ...common,
      description: `Function ${name}`,
      name,
      guard,
      flags,
      configuration,
      code: folders[SAMPLE_FUNCTIONS.indexOf(name)] as string,
      // Made first, if need be.
      releaseAfter: releaseAfter && functionStack(releaseAfter).guarded,
    });
    stacks.set(name, made);
    return made;
  };
  for (const name of SAMPLE_FUNCTIONS) functionStack(name);
  const router = functionStack("lambda_router");
  const api = new ApiStack(app, named("api"), {
    ...common,
    description: "HTTP API",
    environmentName: environment,
    router: router.guarded,
    logRetention: configuration.logRetentionDays as RetentionDays,
  });
  api.addStackDependency(router);

  Tags.of(app).add(TAGS.application, guard.applicationName);
  Tags.of(app).add(TAGS.environment, environment);
  for (const [key, value] of Object.entries(configuration.tags)) Tags.of(app).add(key, value);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}
