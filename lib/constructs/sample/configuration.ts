import { existsSync, readFileSync } from "node:fs";
import * as z from "zod";
import { declaredMetric } from "../../contract/declared-metrics.ts";
import { parseExpression } from "../../contract/expression.ts";
import { SAMPLE_FUNCTIONS, type SampleFunction, sampleFunctionPrefix } from "../../contract/names.ts";
import { compatibility } from "../../contract/policy.ts";
import { trigger, triggerMetrics } from "../../contract/triggers.ts";
import { ReleaseStrategy, type StagedOptions } from "../release-strategy.ts";
import { SAMPLE_FLAGS } from "./flags.ts";

export const ENVIRONMENTS = ["dev", "staging", "prod"] as const;
type Environment = (typeof ENVIRONMENTS)[number];

/** CloudWatch Logs: the retentions it takes (API reference, PutRetentionPolicy). Days. */
const RETENTIONS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653];

const strategySchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("canary"), percentage: z.number(), minutes: z.number() }),
    z.strictObject({ kind: z.literal("linear"), percentage: z.number(), everyMinutes: z.number() }),
    z.strictObject({
      kind: z.literal("staged"),
      stages: z.string(),
      minSamples: z.number().int().min(1).max(1_000_000).optional(),
      goOn: z.enum(["not-worse", "promote"]).optional(),
    }),
    z.strictObject({ kind: z.literal("all-at-once") }),
  ])
  .superRefine((value, context) => {
    try {
      toStrategy(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  });

type StrategySettings = { kind: "all-at-once" } | CanarySettings | LinearSettings | StagedSettings;
type CanarySettings = { kind: "canary"; percentage: number; minutes: number };
type StagedSettings = { kind: "staged"; stages: string } & StagedOptions;
type LinearSettings = { kind: "linear"; percentage: number; everyMinutes: number };

function toStrategy(settings: StrategySettings): ReleaseStrategy {
  if (settings.kind === "canary") return ReleaseStrategy.canary(settings);
  if (settings.kind === "staged") return ReleaseStrategy.staged(settings.stages, settings);
  return settings.kind === "linear" ? ReleaseStrategy.linear(settings) : ReleaseStrategy.allAtOnce();
}

const alarmNames = z.array(z.string().min(1).max(255));
const percent = z.number().gt(0).max(100);
const milliseconds = z.number().int().min(1).max(900_000);
const deploymentConfigName = z.string().regex(/^[\w.-]{1,100}$/, "must be the name of a deployment configuration");

const groupName = z.string().regex(/^[a-z][a-z\d-]{0,39}$/, "must be the name of a group");

const functionSettings = z.strictObject({
  errorThresholdPercent: percent.optional(),
  durationThresholdMs: milliseconds.optional(),
  p99ThresholdMs: milliseconds.optional(),
  deploymentConfigName: deploymentConfigName.optional(),
  strategy: strategySchema.optional(),
  blockers: alarmNames.optional(),
  expectedRequestsPerSecond: z.number().gt(0).max(100_000).optional(),
  falseRollbackPercent: z.number().min(0.001).max(20).optional(),
  minErrorExcessPercent: z.number().min(0).max(100).optional(),
  clearWeightsAfterSeconds: z.number().int().min(0).max(300).optional(),
  rollbackStepSeconds: z.number().int().min(5).max(120).optional(),
  guardTrial: z
    .strictObject({ percent: z.number().int().min(10).max(50), minutes: z.number().int().min(1).max(5) })
    .optional(),
  signalSource: z.enum(["logs", "metrics"]).optional(),
  onTrafficDeficit: z.enum(["hold", "rollback"]).optional(),
  releaseGroup: groupName.optional(),
  metrics: z.array(declaredMetric).max(10).optional(),
  triggers: z.array(trigger).max(20).optional(),
  minimumReadiness: z.number().int().min(0).max(100).optional(),
});

/** Said of one function alone: what it writes and reads is its own. */
const ownSettings = z.strictObject({ ...functionSettings.shape, compatibility: z.optional(compatibility) });

const settingsSchema = z.strictObject({
  notificationEmail: z.email().optional(),
  ...functionSettings.shape,
  automaticRollback: z.boolean().optional(),
  guardMinutes: z.number().int().min(0).max(2880).optional(),
  releasesAtOnce: z.number().int().min(0).max(1000).optional(),
  logRetentionDays: z
    .number()
    .refine((days) => RETENTIONS.includes(days), `must be one of ${RETENTIONS.join(", ")}`)
    .optional(),
  protectLedger: z.boolean().optional(),
  flagMonitors: alarmNames.max(5).optional(),
  flagsAfterRelease: z.array(z.enum(Object.keys(SAMPLE_FLAGS))).optional(),
  influxdbUrl: z.url().optional(),
  tags: z.record(z.string().regex(/^(?!aws:)[\w\s.:/=+@-]{1,128}$/), z.string().max(256)).optional(),
  rollingGroups: z
    .record(groupName, z.array(z.enum(SAMPLE_FUNCTIONS)).min(2))
    .refine((rows) => isUnique(Object.values(rows).flat()), "has a function twice")
    .optional(),
  functions: z.partialRecord(z.enum(SAMPLE_FUNCTIONS), ownSettings).optional(),
});

const isUnique = (names: readonly string[]) => new Set(names).size === names.length;

const fileSchema = z.strictObject({
  $schema: z.string().optional(),
  defaults: settingsSchema.default({}),
  environments: z.record(z.enum(ENVIRONMENTS), settingsSchema),
});

type Settings = z.output<typeof settingsSchema>;
type FunctionSettings = z.output<typeof functionSettings>;
type OwnSettings = z.output<typeof ownSettings>;

/** The settings of one function, defaults filled in. */
export interface FunctionConfiguration {
  readonly errorThresholdPercent: number;
  readonly durationThresholdMs: number;
  readonly p99ThresholdMs: number;
  readonly strategy: ReleaseStrategy;
  readonly blockers: readonly string[];
  /** Undefined: not known. */
  readonly expectedRequestsPerSecond: number | undefined;
  /** Settings that go into the policy as they are; what is left out has the policy's own default. */
  readonly checks: Pick<FunctionSettings, "falseRollbackPercent" | "minErrorExcessPercent" | "onTrafficDeficit">;
  readonly clearWeightsAfterSeconds: number | undefined;
  /** Undefined: back at once. */
  readonly rollbackStepSeconds: number | undefined;
  readonly guardTrial: { percent: number; minutes: number } | undefined;
  readonly signalSource: FunctionSettings["signalSource"];
  /** Undefined: released by itself. */
  readonly releaseGroup: string | undefined;
  /** The function before it in its rolling group. */
  readonly releaseAfter: SampleFunction | undefined;
  readonly metrics: FunctionSettings["metrics"];
  readonly triggers: FunctionSettings["triggers"];
  readonly minimumReadiness: number | undefined;
  readonly compatibility: OwnSettings["compatibility"];
  /** What `-c release:<function>=…` says: a new text makes a new version. */
  readonly release: string | undefined;
}

export interface Configuration {
  readonly environment: Environment;
  readonly notificationEmail: string | undefined;
  readonly automaticRollback: boolean;
  readonly guardMinutes: number;
  readonly releasesAtOnce: number;
  readonly logRetentionDays: number;
  readonly protectLedger: boolean;
  readonly flagMonitors: readonly string[];
  /** Switched on step by step after a release of a function that names them has succeeded. */
  readonly flagsAfterRelease: readonly string[];
  readonly influxdbUrl: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly functions: Readonly<Record<SampleFunction, FunctionConfiguration>>;
}

/** Context key → setting it overrides; all arrive as text. */
const CONTEXT_SETTINGS = {
  deployment_error_threshold: { key: "errorThresholdPercent", read: Number },
  deployment_duration_threshold: { key: "durationThresholdMs", read: Number },
  strategy: { key: "strategy", read: readStrategy },
  deployment_config_name: { key: "deploymentConfigName", read: String },
  deployment_notification_email: { key: "notificationEmail", read: String },
  expected_requests_per_second: { key: "expectedRequestsPerSecond", read: Number },
  signal_source: { key: "signalSource", read: String },
  releases_at_once: { key: "releasesAtOnce", read: Number },
  flags_after_release: { key: "flagsAfterRelease", read: (text: string) => text.split(",").filter(Boolean) },
  flag_monitors: { key: "flagMonitors", read: (text: string) => text.split(",").filter(Boolean) },
} as const;

/** `canary:10:5`, `linear:10:2` (percentage, minutes), `staged:5:3m,50:10m,100` or `all-at-once`; anything else is left for the schema to refuse. */
function readStrategy(text: string): unknown {
  const [kind, percentage, minutes] = text.split(":");
  if (kind === "staged") return { kind, stages: text.slice("staged:".length) };
  if (kind === "linear") return { kind, percentage: Number(percentage), everyMinutes: Number(minutes) };
  return kind === "canary" ? { kind, percentage: Number(percentage), minutes: Number(minutes) } : { kind };
}

const RELEASE_PREFIX = "release:";
export const DEFAULT_FILE = "goaround.config.json";

/** What is wrong with the configuration: every problem, with its place. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}

/**
 * Reads the configuration of the environment that the context names. Throws a ConfigurationError with all problems of
 * file and context together. `defaultFile` is read where the context names none.
 */
export function loadConfiguration(
  context: Readonly<Record<string, unknown>>,
  defaultFile = DEFAULT_FILE,
): Configuration {
  const problems: string[] = [];
  const environment = String(context.env ?? "dev");
  if (!isEnvironment(environment)) {
    problems.push(`context env: is "${environment}"; give one of ${ENVIRONMENTS.join(", ")}`);
  }
  const path = String(context.config ?? defaultFile);
  const file = readFile(path, problems);
  const overrides = readContext(context, problems);
  const releases = readReleases(context, environment, problems);
  const settings = file && isEnvironment(environment) ? file.environments[environment] : undefined;
  if (problems.length > 0 || !file || !settings || !isEnvironment(environment)) throw new ConfigurationError(problems);
  const merged = merge(file.defaults, settings, overrides);
  const configuration = resolve(environment, merged, releases);
  const wrong = [...wrongTriggers(configuration), ...wrongGroups(merged)];
  if (wrong.length > 0) throw new ConfigurationError(wrong.map((problem) => `${path}: ${problem}`));
  return configuration;
}

/** Expressions that cannot be read with the metrics that their function ends up with; each is told once. */
function wrongTriggers({ functions }: Configuration): string[] {
  const problems = Object.values(functions).flatMap(({ triggers = [], metrics }) =>
    triggers.flatMap(({ name, expression }) => {
      const parsed = parseExpression(expression, triggerMetrics(metrics));
      return parsed.ok ? [] : [`trigger ${name}: "${expression}", position ${parsed.position}: ${parsed.message}`];
    }),
  );
  return [...new Set(problems)];
}

/** A function is of the rolling group that names it, and of no other. */
function wrongGroups(settings: Settings): string[] {
  return Object.entries(settings.rollingGroups ?? {}).flatMap(([group, names]) =>
    names.flatMap((name) => {
      const own = settings.functions?.[name]?.releaseGroup ?? settings.releaseGroup ?? group;
      return own === group ? [] : [`rollingGroups.${group}: ${name} is of releaseGroup "${own}"`];
    }),
  );
}

const isEnvironment = (name: string): name is Environment => (ENVIRONMENTS as readonly string[]).includes(name);

function readFile(path: string, problems: string[]): z.output<typeof fileSchema> | undefined {
  if (!existsSync(path)) {
    problems.push(`${path}: there is no such file; name another with -c config=FILE`);
    return undefined;
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    problems.push(`${path}: is not JSON: ${(error as Error).message}`);
    return undefined;
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) {
    for (const [where, settings] of Object.entries({ defaults: parsed.data.defaults, ...parsed.data.environments })) {
      problems.push(
        ...strategyConflicts(`${path}: ${where === "defaults" ? where : `environments.${where}`}`, settings),
      );
    }
    return parsed.data;
  }
  problems.push(...parsed.error.issues.map((issue) => `${path}: ${placeOf(issue)}`));
  return undefined;
}

const placeOf = (issue: z.core.$ZodIssue) =>
  `${issue.path.length === 0 ? "the file" : issue.path.map(String).join(".")}: ${issue.message}`;

function strategyConflicts(where: string, settings: Settings): string[] {
  const both = ({ strategy, deploymentConfigName: name }: FunctionSettings) =>
    strategy !== undefined && name !== undefined;
  const text = "has both strategy and deploymentConfigName; keep one";
  return [
    ...(both(settings) ? [`${where} ${text}`] : []),
    ...Object.entries(settings.functions ?? {}).flatMap(([name, own]) =>
      own && both(own) ? [`${where}.functions.${name} ${text}`] : [],
    ),
  ];
}

/** Settings given on the command line win over the file. */
function readContext(context: Readonly<Record<string, unknown>>, problems: string[]): Settings {
  const given: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const [name, { key, read }] of Object.entries(CONTEXT_SETTINGS)) {
    if (context[name] === undefined) continue;
    given[key] = read(String(context[name]));
    names.set(key, name);
  }
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) {
    problems.push(...strategyConflicts("context", parsed.data));
    return parsed.data;
  }
  problems.push(
    ...parsed.error.issues.map((issue) => {
      const name = names.get(String(issue.path[0])) ?? String(issue.path[0]);
      return `context ${name}: is "${context[name]}": ${issue.message}`;
    }),
  );
  return {};
}

/** By the short name of a function or, as for any guarded function, by its whole name. */
function readReleases(
  context: Readonly<Record<string, unknown>>,
  environment: string,
  problems: string[],
): Record<string, string> {
  const releases: Record<string, string> = {};
  for (const [key, value] of Object.entries(context)) {
    if (!key.startsWith(RELEASE_PREFIX)) continue;
    const given = key.slice(RELEASE_PREFIX.length);
    const prefix = sampleFunctionPrefix(environment as Environment);
    const name = given.startsWith(prefix) ? given.slice(prefix.length) : given;
    const text = String(value);
    if (!(SAMPLE_FUNCTIONS as readonly string[]).includes(name)) {
      problems.push(`context ${key}: there is no function "${name}"; give one of ${SAMPLE_FUNCTIONS.join(", ")}`);
    } else if (!/^[\w.-]{1,64}$/.test(text)) {
      problems.push(`context ${key}: is "${text}"; give 1 to 64 of A-Z a-z 0-9 _ . -`);
    } else {
      releases[name] = text;
    }
  }
  return releases;
}

/** Later settings win; a strategy in either form replaces the other form. */
function merge(...layers: Settings[]): Settings {
  return layers.reduce((below, above) => ({
    ...overlay(below, above),
    tags: { ...below.tags, ...above.tags },
    functions: Object.fromEntries(
      SAMPLE_FUNCTIONS.map((name) => [name, overlay(below.functions?.[name] ?? {}, above.functions?.[name] ?? {})]),
    ),
  }));
}

function overlay<T extends FunctionSettings>(below: T, above: T): T {
  const merged = { ...below, ...above };
  if (above.strategy) delete merged.deploymentConfigName;
  if (above.deploymentConfigName !== undefined) delete merged.strategy;
  return merged;
}

function resolve(environment: Environment, settings: Settings, releases: Record<string, string>): Configuration {
  const forFunction = (name: SampleFunction): FunctionConfiguration => {
    const own = overlay<OwnSettings>(settings, settings.functions?.[name] ?? {});
    const [group, row = []] =
      Object.entries(settings.rollingGroups ?? {}).find(([, names]) => names.includes(name)) ?? [];
    const { deploymentConfigName: configName, strategy = { kind: "canary", percentage: 10, minutes: 5 } } = own;
    return {
      errorThresholdPercent: own.errorThresholdPercent ?? 5,
      durationThresholdMs: own.durationThresholdMs ?? 10_000,
      p99ThresholdMs: own.p99ThresholdMs ?? 5_000,
      strategy: configName === undefined ? toStrategy(strategy) : ReleaseStrategy.named(configName),
      blockers: own.blockers ?? [],
      expectedRequestsPerSecond: own.expectedRequestsPerSecond,
      checks: {
        falseRollbackPercent: own.falseRollbackPercent,
        minErrorExcessPercent: own.minErrorExcessPercent,
        onTrafficDeficit: own.onTrafficDeficit,
      },
      clearWeightsAfterSeconds: own.clearWeightsAfterSeconds,
      rollbackStepSeconds: own.rollbackStepSeconds,
      guardTrial: own.guardTrial,
      signalSource: own.signalSource,
      releaseGroup: group ?? own.releaseGroup,
      releaseAfter: row[row.indexOf(name) - 1],
      metrics: own.metrics,
      triggers: own.triggers,
      minimumReadiness: own.minimumReadiness,
      compatibility: own.compatibility,
      release: releases[name],
    };
  };
  return {
    environment,
    notificationEmail: settings.notificationEmail,
    automaticRollback: settings.automaticRollback ?? true,
    guardMinutes: settings.guardMinutes ?? 1440,
    releasesAtOnce: settings.releasesAtOnce ?? 25,
    logRetentionDays: settings.logRetentionDays ?? 30,
    protectLedger: settings.protectLedger ?? environment === "prod",
    flagMonitors: settings.flagMonitors ?? [],
    flagsAfterRelease: settings.flagsAfterRelease ?? [],
    influxdbUrl: settings.influxdbUrl,
    tags: settings.tags ?? {},
    functions: Object.fromEntries(SAMPLE_FUNCTIONS.map((name) => [name, forFunction(name)])) as Record<
      SampleFunction,
      FunctionConfiguration
    >,
  };
}
