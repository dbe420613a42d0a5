import { DEFAULT_ALIAS, killStrategyName, releaseContextKey } from "../../lib/contract/names.ts";
import type { ReleaseStep, Scenario } from "../../lib/contract/scenario.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/index.ts";
import { Account } from "./account.ts";
import { performBefore, performDuring } from "./actions.ts";
import { AssemblyDeployer } from "./assembly-deployer.ts";
import { breakThings, faultAtMs, setBehaviours } from "./conditions.ts";
import { Assemblies, CdkCliDeployer, type Deployer, type DeployResult } from "./deployer.ts";
import { Flags } from "./flags.ts";
import { functionModel, requestsPerSecondAt } from "./model.ts";
import { classify, decidedAfter, differences, stepDifferences, timesOf } from "./outcome.ts";
import { Recorder, type ReleaseMarks } from "./recorder.ts";
import type { RehearsalResult, ReleaseResult } from "./result.ts";
import { Stage } from "./stage.ts";
import type { MinuteOfTraffic, TimelineEvent } from "./timeline.ts";

export interface RunOptions {
  seed: number;
  /** When the virtual clock starts, epoch milliseconds; the next whole minute by default. Schedules go by it. */
  startMs?: number;
  /** Deploy with the CDK CLI, or straight through the CloudFormation API (many runs in little time). */
  deployWith: "cdk" | "api";
  /** Command that synthesizes the app. */
  app: string;
  environment: string;
  /** Virtual seconds a real one; undefined: as fast as it goes. */
  speed?: number | undefined;
  onEvent?: (event: TimelineEvent) => void;
  onProgress?: (text: string) => void;
  /** Rewrites every template before it is deployed; with `api` only. */
  template?: ((template: string) => string) | undefined;
  /** Assemblies shared by several runs of one process. */
  assemblies?: Map<string, Assemblies>;
}

const MINUTE = 60_000;
const WARM_UP_MS = 10 * MINUTE;
/** A release that is still not over after this is reported as it stands: two hooks of an hour and the shift. */
const RELEASE_LIMIT_MS = 4 * 60 * MINUTE;

/** Metrics and alarms go by whole minutes: where in its minute a run starts must not depend on when it is started. */
export const nextWholeMinute = () => Math.ceil(Date.now() / MINUTE) * MINUTE;

/** Runs one scenario on a local AWS of its own, from the first deployment of the app to the end of the watch. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RehearsalResult> {
  const aws = await startLocalAws({
    port: 0,
    seed: options.seed,
    startMs: options.startMs ?? nextWholeMinute(),
    hooksOnRollbackDeployments: scenario.hooksOnRollbackDeployments,
  });
  try {
    return await new Rehearsal(aws, scenario, options).run();
  } finally {
    await aws.close();
  }
}

export class Rehearsal {
  readonly aws: LocalAws;
  readonly scenario: Scenario;
  readonly stage: Stage;
  readonly account: Account;
  readonly flags: Flags;
  readonly recorder: Recorder;
  readonly options: RunOptions;
  functionName = "";
  private readonly deployer: Deployer;
  private readonly startedAt = performance.now();
  private readonly virtualStartMs: number;
  private marks: ReleaseMarks | undefined;
  private releases = 0;
  private lastFlags: Record<string, boolean> = {};
  private notBack: string[] = [];

  constructor(aws: LocalAws, scenario: Scenario, options: RunOptions) {
    this.aws = aws;
    this.scenario = scenario;
    this.options = options;
    this.virtualStartMs = aws.clock.now();
    this.stage = new Stage(aws, options.speed);
    this.account = new Account(aws);
    this.flags = new Flags(aws);
    this.recorder = new Recorder(options.onEvent);
    const environment = {
      ...aws.environment,
      CDK_DEFAULT_ACCOUNT: aws.world.accountId,
      CDK_DEFAULT_REGION: aws.world.region,
    };
    const app = scenario.app ?? options.app;
    const assemblies = options.assemblies?.get(app) ?? new Assemblies(app, environment);
    options.assemblies?.set(app, assemblies);
    this.deployer =
      options.deployWith === "cdk"
        ? new CdkCliDeployer(assemblies, environment)
        : new AssemblyDeployer(aws, assemblies, options.template);
    aws.world.observe(this.recorder.listen);
    aws.world.observe(({ kind }) => {
      if (kind === "flag-deployment") this.noteFlags();
    });
    this.stage.onMinute = (versions) => this.noteTraffic(versions);
  }

  async run(): Promise<RehearsalResult> {
    await this.install();
    if (!this.scenario.firstRelease)
      await this.release({ artifact: "earlier", canary: this.scenario.baseline, expected: "promoted" }, false);
    await this.prepareFlags();
    const before = await this.serving();
    const releases: ReleaseResult[] = [];
    for (const step of this.scenario.releases) {
      if (step.function !== undefined) this.functionName = await this.account.functionNamed(step.function);
      releases.push(await this.release(step, true));
    }
    const after = await this.serving();
    this.notBack = Object.keys(before).filter((name) => after[name] !== before[name]);
    return this.result(releases);
  }

  /** First deployment of the whole app, then ordinary traffic until alarms and metrics have something to stand on. */
  async install(): Promise<void> {
    this.progress("deploying the app");
    const deployed = await this.deploy({}, []);
    if (!deployed.ok) throw undeployed(deployed.output);
    this.functionName = await this.account.functionNamed(this.scenario.function);
    await this.flags.find();
    for (const functionName of await this.allNames()) {
      this.aws.services.lambda.setModel(
        functionName,
        functionModel(
          this.scenario,
          () => this.scenario.baseline,
          () => undefined,
          (reader, flag) => this.flags.seenBy(reader, flag),
        ),
      );
      this.stage.addTraffic({
        functionName,
        alias: DEFAULT_ALIAS,
        rate: (atMs) => requestsPerSecondAt(this.scenario.traffic, this.sinceShift(atMs)),
        random: this.aws.world.random.fork(`traffic/${functionName}`),
      });
    }
    await this.stage.advanceBy(WARM_UP_MS);
  }

  /** Releases one artifact and looks on until it is over. */
  async release(step: ReleaseStep, watched: boolean): Promise<ReleaseResult> {
    const number = ++this.releases;
    const before = await this.account.alias(this.functionName, DEFAULT_ALIAS);
    const flagsBefore = this.flags.deployed();
    const marks = this.recorder.begin(this.functionName, before.functionVersion, this.stage.now);
    this.marks = marks;
    await setBehaviours(this, step, before.functionVersion, watched);
    this.stage.watch(this.functionName, {
      canaryVersion: () => marks.canaryVersion,
      restored: () => marks.restoredAtMs !== undefined,
    });
    this.recorder.note(
      this.stage.now,
      "release",
      `release ${number}: artifact ${step.artifact} for ${this.functionName}, baseline version ${before.functionVersion}`,
    );
    this.progress(`releasing artifact ${step.artifact}`);

    if (watched) {
      breakThings(this);
      await performBefore(this);
      performDuring(this, marks);
    }
    const stack = await this.account.stackOf(this.functionName);
    const context: Record<string, string> = Object.fromEntries(
      [this.functionName, ...(await this.siblingNames())].map((name) => [releaseContextKey(name), step.artifact]),
    );
    const { flagsAfterRelease } = this.scenario;
    if (watched && flagsAfterRelease.length > 0) context.flags_after_release = flagsAfterRelease.join(",");
    await this.deploy(context, [stack]);
    await this.stage.advanceUntil(() => this.account.deploymentsAreOver(), RELEASE_LIMIT_MS);
    await this.stage.advanceBy(watched ? this.scenario.watchMinutes * MINUTE : 3 * MINUTE);

    const alias = await this.account.alias(this.functionName, DEFAULT_ALIAS);
    const flagsAfter = this.flags.deployed();
    const switchedOn = this.scenario.actions.flatMap((action) =>
      action.do === "update-flag" && action.enabled ? [action.flag] : [],
    );
    const wereOn = new Set([
      ...Object.keys(flagsBefore).filter((flag) => flagsBefore[flag]),
      ...switchedOn,
      ...(watched ? flagsAfterRelease : []),
    ]);
    const record = marks.deploymentId
      ? await this.account.releaseRecord(this.options.environment, marks.deploymentId)
      : undefined;
    const outcome = classify({
      baselineVersion: before.functionVersion,
      canaryVersion: marks.canaryVersion,
      alias,
      shiftStartMs: marks.shiftStartMs,
      recordedOutcome: record?.outcome,
      flagsSwitchedOff: Object.keys(flagsAfter).filter((flag) => wereOn.has(flag) && !flagsAfter[flag]),
    });
    return {
      artifact: step.artifact,
      expected: step.expected,
      outcome,
      findings: record?.findings ?? [],
      evidence: record?.evidence ?? null,
      steps: record?.steps ?? {},
      deployment: marks.deploymentId
        ? {
            id: marks.deploymentId,
            status: marks.deploymentStatus ?? "",
            openSeconds: openSeconds(marks),
            rollbackDeploymentId: marks.rollbackDeploymentId ?? null,
          }
        : null,
      baselineVersion: before.functionVersion,
      canaryVersion: marks.canaryVersion ?? null,
      alias,
      stackStatus: await this.account.stackStatus(stack),
      notifications: marks.notifications.map((notification) => notification.subject),
      times: this.times(step, marks),
      requests: this.stage.requestCounts(),
    };
  }

  sinceShift(atMs: number): number | undefined {
    return this.marks?.shiftStartMs === undefined ? undefined : (atMs - this.marks.shiftStartMs) / 1000;
  }

  private async prepareFlags(): Promise<void> {
    const { flagsOn, flagMonitors } = this.scenario;
    if (flagMonitors) await this.flags.monitor(await this.account.aliasErrorAlarm(this.functionName));
    if (flagsOn.length === 0) return;
    const on = Object.fromEntries(flagsOn.map((flag) => [flag, true]));
    await this.stage.toItsEnd(this.flags.set(on, killStrategyName(this.options.environment)));
    await this.stage.advanceBy(2 * MINUTE);
  }

  /** What `expected.back` is about: function → the version that serves. */
  private async serving(): Promise<Record<string, string>> {
    const names = await Promise.all(this.scenario.expected.back.map((name) => this.account.functionNamed(name)));
    const aliases = await Promise.all(names.map((name) => this.account.alias(name, DEFAULT_ALIAS)));
    return Object.fromEntries(names.map((name, i) => [name, aliases[i]!.functionVersion]));
  }

  private async allNames(): Promise<string[]> {
    const released = this.scenario.releases.flatMap(({ function: name }) => (name === undefined ? [] : [name]));
    const names = await Promise.all(released.map((name) => this.account.functionNamed(name)));
    return [...new Set([this.functionName, ...(await this.siblingNames()), ...names])];
  }

  private async siblingNames(): Promise<string[]> {
    return Promise.all(this.scenario.siblings.map((sibling) => this.account.functionNamed(sibling.function)));
  }

  private async deploy(release: Record<string, string>, stacks: string[]): Promise<DeployResult> {
    const { signals } = this.scenario;
    const context = {
      env: this.options.environment,
      ...strategyContext(this.scenario),
      ...(signals && { signal_source: signals }),
      ...release,
    };
    return this.stage.advanceWhile(this.deployer.deploy({ context, stacks }), () => this.account.stacksInProgress());
  }

  private times(step: ReleaseStep, marks: ReleaseMarks) {
    const atMs = faultAtMs(this.scenario, step, marks);
    const firstFailureAtMs = atMs === undefined ? undefined : this.stage.firstCanaryFailureMs(atMs);
    return timesOf({ ...marks, faultAtMs: atMs, firstFailureAtMs });
  }

  /** A line on both versions for each minute in which traffic is split, or was put back. */
  private noteTraffic(versions: MinuteOfTraffic[]): void {
    if (this.marks?.shiftStartMs === undefined) return;
    const total = versions.reduce((sum, { requests }) => sum + requests, 0);
    const percent = (part: number, whole: number) => `${(Math.round((1000 * part) / whole) / 10).toFixed(1)} %`;
    const words = versions.map(
      ({ version, requests, errors }) =>
        `version ${version}: ${percent(requests, total)} of ${total} requests, ${percent(errors, requests)} errors`,
    );
    this.recorder.note(this.stage.now, "traffic", `  ${words.join("; ")}`);
  }

  private noteFlags(): void {
    const flags = this.flags.deployed();
    const changed = Object.keys(flags).filter((flag) => flag in this.lastFlags && flags[flag] !== this.lastFlags[flag]);
    this.lastFlags = flags;
    for (const flag of changed) {
      this.recorder.note(this.stage.now, "flag", `flag ${flag} is ${flags[flag] ? "on" : "off"}`, {
        flag,
        enabled: flags[flag],
      });
    }
  }

  private progress(text: string): void {
    this.options.onProgress?.(text);
  }

  result(releases: ReleaseResult[]): RehearsalResult {
    const { scenario, options } = this;
    const { artifact: _, expected: __, ...last } = releases.at(-1)!;
    const flags = this.flags.deployed();
    const problems = differences(scenario.expected, {
      outcome: last.outcome,
      findings: last.findings,
      evidence: last.evidence,
      flagsOff: scenario.expected.flagsOff.filter((flag) => !flags[flag]),
      stackStatus: last.stackStatus,
      notifications: last.notifications.length,
      openSeconds: last.deployment?.openSeconds ?? null,
      decidedAfterSeconds: decidedAfter(last.times),
    });
    for (const [i, release] of releases.entries()) {
      if (release.outcome !== release.expected)
        problems.push(`release ${i + 1} is ${release.outcome}, expected ${release.expected}`);
      problems.push(...stepDifferences(scenario.releases[i]?.steps ?? {}, release.steps));
    }
    problems.push(...this.notBack.map((name) => `${name} does not serve what it served before`));
    const shiftStartMs = this.marks?.shiftStartMs;
    return {
      scenario: scenario.name,
      description: scenario.description,
      seed: options.seed,
      function: this.functionName,
      ...last,
      expected: scenario.expected.outcome,
      asExpected: problems.length === 0,
      differences: problems,
      flags,
      releases,
      events: this.recorder.events.map(({ atMs, ...event }) => ({
        at: new Date(atMs).toISOString(),
        seconds: shiftStartMs === undefined ? null : Math.round((atMs - shiftStartMs) / 100) / 10,
        ...event,
      })),
      traffic: this.stage.minutes,
      tookSeconds: {
        real: Math.round((performance.now() - this.startedAt) / 100) / 10,
        virtual: Math.round((this.stage.now - this.virtualStartMs) / 1000),
      },
    };
  }
}

/** Null while it is open. */
const openSeconds = ({ createdAtMs, endedAtMs }: ReleaseMarks) =>
  createdAtMs === undefined || endedAtMs === undefined ? null : Math.round((endedAtMs - createdAtMs) / 100) / 10;

const undeployed = (output: string) =>
  new GoaroundError("usage", "operator", `the app could not be deployed:\n${output.trim()}`, {
    advice: "What the local AWS does not have it names; docs/fidelity.md lists what it has.",
  });

function strategyContext(scenario: Scenario): Record<string, string> {
  const { strategy } = scenario;
  if (!strategy) return {};
  if (strategy.kind === "all-at-once") return { strategy: "all-at-once" };
  if (strategy.kind === "staged") return { strategy: `staged:${strategy.stages}` };
  return { strategy: `${strategy.kind}:${strategy.percentage}:${strategy.minutes}` };
}
