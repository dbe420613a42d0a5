import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import type { RunContext } from "../../lambdas/runtime/context.ts";
import { runHook } from "../../lambdas/runtime/hook.ts";
import { logSignals } from "../../lambdas/watch/log-signals.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn, type TurnResult } from "../../lambdas/watch/turn.ts";
import { createDeadLetters } from "../../lib/adapters/dead-letters.ts";
import { createFlagEvidence } from "../../lib/adapters/flag-evidence.ts";
import { createAdapters } from "../../lib/adapters/index.ts";
import { createLogSubscriptions } from "../../lib/adapters/log-subscriptions.ts";
import { createSignalBooks } from "../../lib/adapters/signal-books.ts";
import { createSweep } from "../../lib/adapters/sweep.ts";
import {
  defaultLogGroup,
  guardFunctionName,
  HOOK_NAMES,
  type HookName,
  ledgerTableName,
  signalFilterPrefix,
  sweepRuleName,
} from "../../lib/contract/names.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import type { ExecutionsPort, WatchStatus } from "../../lib/core/release/watch-ports.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { onDeploymentEvents, verdictEvent } from "../faults/events.ts";
import { Program, Responder, silent } from "../faults/programs.ts";
import {
  createFunction,
  drive,
  ENVIRONMENT,
  FUNCTION,
  HOME,
  openScene,
  type Scene,
  TOPIC_ARN,
} from "../faults/scene.ts";
import type { Call, PlannedFault } from "../faults/wire.ts";

/** How a release ends. */
const ENDINGS = ["promoted", "stopped", "rolled-back"] as const;
type Ending = (typeof ENDINGS)[number];

const PROGRAMS: readonly string[] = [...HOOK_NAMES, "watch", "sweep"];
const SECOND = 1000;
const MINUTE = 60_000;
const LOG_GROUP = defaultLogGroup(FUNCTION);
const TABLE = ledgerTableName(ENVIRONMENT);
const RULE = sweepRuleName(ENVIRONMENT);
const SIGNALS_ARN = `arn:aws:lambda:${HOME.region}:${HOME.account}:function:${guardFunctionName(ENVIRONMENT, "signals")}`;
/** Timeouts of the Lambdas. */
const TIMEOUT_MS = { hook: 5 * MINUTE, turn: 330 * SECOND, sweep: 5 * MINUTE };
/** Step Functions' tries of a turn that failed; then the execution has failed. */
const TRIES = 3;
/** Sweeps that are waited for once everything else is over. */
const LAST_SWEEPS = 5;

/** One release whose log is counted, with everybody who puts the filter or takes it away. */
class Life implements ExecutionsPort {
  private readonly scene: Scene;
  private readonly ending: Ending;
  private readonly stopsAfterMs: number;
  private readonly responder: Responder;
  private readonly executions = new Map<string, WatchStatus>();
  private readonly hooks: Promise<unknown>[] = [];
  private runs = 0;

  constructor(scene: Scene, ending: Ending, random: SeededRandom) {
    this.scene = scene;
    this.ending = ending;
    this.stopsAfterMs = random.integer(10, 200) * SECOND;
    this.responder = new Responder(scene.aws.world, scene.wire);
  }

  /** From the hook before traffic until nobody is left who would do anything. */
  async run(): Promise<void> {
    const { aws, deploymentId, call } = this.scene;
    const ignore = onDeploymentEvents(this.scene, (event, id) => void this.responder.deliver(event, id));
    let isOver = false;
    const sweeping = this.sweepEveryMinute(() => isOver);
    if (this.ending !== "promoted") {
      await aws.clock.sleep(this.stopsAfterMs);
      if (this.ending === "stopped") await this.stop();
      else await this.responder.deliver(verdictEvent(deploymentId), "verdict");
    }
    for (let waited = 0; waited < LAST_SWEEPS; ) {
      await aws.clock.sleep(MINUTE);
      const { deploymentInfo } = await call("codedeploy", "GetDeployment", { deploymentId });
      const isRunning = [...this.executions.values()].includes("RUNNING");
      if (hasEnded(deploymentInfo) && this.responder.isIdle && !isRunning) waited += 1;
    }
    isOver = true;
    await Promise.all([sweeping, ...this.hooks]);
    ignore();
  }

  /** A hook runs once: Lambda does not try again, and who comes in place of one that died is the sweep. */
  onHook(hook: HookName, event: object): void {
    this.hooks.push(
      this.program(hook, TIMEOUT_MS.hook, (program, context) => {
        const ports = this.portsOf(program);
        const create = hook === "BeforeAllowTraffic" ? createPreTraffic : createPostTraffic;
        return runHook(event, context, {
          hook,
          clock: program.clock,
          log: silent,
          deployments: ports.deployments,
          reserveMs: 15 * SECOND,
          work: create(ports, ENVIRONMENT, silent),
        });
      }),
    );
  }

  /** What of the release is still there. */
  async left(): Promise<string[]> {
    const { call, deploymentId } = this.scene;
    const { subscriptionFilters } = await call("cloudwatch-logs", "DescribeSubscriptionFilters", {
      logGroupName: LOG_GROUP,
      filterNamePrefix: signalFilterPrefix(ENVIRONMENT),
    });
    const { books, sweep } = this.portsOf(new Program("after", this.scene.aws.world, this.scene.wire));
    const { State } = await call("eventbridge", "DescribeRule", { Name: RULE });
    return [
      ...subscriptionFilters.map(({ filterName }: { filterName: string }) => `filter ${filterName}`),
      ...((await books.planOf(LOG_GROUP)) ? ["the plan of what is counted"] : []),
      ...((await sweep.list()).includes(deploymentId) ? ["its place in the sweep"] : []),
      ...(State === "ENABLED" ? ["the sweep's schedule"] : []),
    ];
  }

  async start(deploymentId: string, name = deploymentId): Promise<"started" | "exists"> {
    if (this.executions.has(name)) return "exists";
    this.executions.set(name, "RUNNING");
    void this.watch(name, deploymentId);
    return "started";
  }

  async status(name: string): Promise<WatchStatus> {
    return this.executions.get(name) ?? "missing";
  }

  private async watch(name: string, deploymentId: string): Promise<void> {
    for (let tries = 1; tries <= TRIES; ) {
      const result = await this.program("watch", TIMEOUT_MS.turn, (program, context) => {
        const ports = this.portsOf(program);
        const metrics = lambdaMetrics(ports, silent);
        const signals = logSignals(ports, metrics, silent);
        return createTurn({ ...ports, signals }, ENVIRONMENT, silent)({ deploymentId }, context);
      });
      const turn: TurnResult | undefined = typeof result === "object" ? result : undefined;
      if (turn?.next === "done") {
        this.executions.set(name, "SUCCEEDED");
        return;
      }
      tries = turn ? 1 : tries + 1;
      await this.scene.aws.clock.sleep(turn ? turn.waitSeconds * SECOND : 2 * SECOND);
    }
    this.executions.set(name, "FAILED");
  }

  private async sweepEveryMinute(isOver: () => boolean): Promise<void> {
    const { aws, call } = this.scene;
    while (!isOver()) {
      await aws.clock.sleep(MINUTE);
      const { State } = await call("eventbridge", "DescribeRule", { Name: RULE });
      if (State !== "ENABLED") continue;
      await this.program("sweep", TIMEOUT_MS.sweep, (program, { awsRequestId }) =>
        createLookAfter({ ...this.portsOf(program), emit: () => {} }, ENVIRONMENT, silent).sweep(awsRequestId),
      );
    }
  }

  private async stop(): Promise<void> {
    const { call, deploymentId } = this.scene;
    await call("codedeploy", "StopDeployment", { deploymentId, autoRollbackEnabled: true }).catch(() => undefined);
  }

  /** One invocation: what it gave, or how it ended without. */
  private async program<T>(
    name: string,
    timeoutMs: number,
    work: (program: Program, context: RunContext) => Promise<T>,
  ): Promise<T | "killed" | "failed"> {
    const { aws, wire } = this.scene;
    this.runs += 1;
    const program = new Program(name, aws.world, wire);
    const endsAt = aws.clock.now() + timeoutMs;
    const context = {
      awsRequestId: `${name}-${this.runs}`,
      getRemainingTimeInMillis: () => endsAt - aws.clock.now(),
    };
    return Promise.race([work(program, context).catch(() => "failed" as const), program.killed]);
  }

  private portsOf(program: Program) {
    const options = { ...program.options, environment: ENVIRONMENT, topicArn: TOPIC_ARN, ledgerTable: TABLE };
    return {
      ...createAdapters(options),
      clock: program.clock,
      deadLetters: createDeadLetters(options),
      flagEvidence: createFlagEvidence(options),
      books: createSignalBooks(TABLE, options, program.clock.now),
      subscriptions: createLogSubscriptions(SIGNALS_ARN, options),
      sweep: createSweep(TABLE, ENVIRONMENT, options),
      executions: this,
      responder: {
        rollBack: nothing,
        switchOff: nothing,
        enableFlags: nothing,
        heldFlagsOff: nothing,
        attribute: nothing,
      },
      shift: { setShare: async () => ({ isSet: false as const, why: "nothing is staged here" }) },
    };
  }
}

const nothing = async () => {};

interface FilterTrial {
  /** What is there that should not be. */
  left: string[];
  calls: Call[];
}

/** One release from its first hook on, whose programs die where `faults` say. */
async function tryFilter(ending: Ending, seed: number, faults: readonly PlannedFault[]): Promise<FilterTrial> {
  const policy = { signals: { source: "logs" as const }, flags: [], bakeMinutes: 0 };
  const early: [HookName, object][] = [];
  let onHook = (...called: [HookName, object]): unknown => early.push(called);
  const called = (...args: [HookName, object]) => void onHook(...args);
  const scene = await openScene({ stage: "before-traffic", onHook: called, policy, seed, faults });
  await logGroupAndSubscriber(scene);
  const life = new Life(scene, ending, new SeededRandom(`life/${seed}`));
  onHook = (...args) => life.onHook(...args);
  for (const args of early) life.onHook(...args);
  await drive(scene, life.run());
  scene.wire.isCalm = true;
  const calls = [...scene.wire.calls];
  return { left: await drive(scene, life.left()), calls };
}

async function logGroupAndSubscriber({ aws, call }: Scene): Promise<void> {
  await call("cloudwatch-logs", "CreateLogGroup", { logGroupName: LOG_GROUP });
  const FunctionName = guardFunctionName(ENVIRONMENT, "signals");
  await createFunction(call, FunctionName);
  await call("lambda", "AddPermission", {
    FunctionName,
    StatementId: "logs",
    Action: "lambda:InvokeFunction",
    Principal: "logs.amazonaws.com",
    SourceAccount: HOME.account,
  });
  await call("eventbridge", "PutRule", { Name: RULE, ScheduleExpression: "rate(1 minute)", State: "DISABLED" });
  await aws.clock.advanceBy(SECOND);
}

/** Programs die up to so often while a release lasts. */
const MOST_KILLS = 3;

const references = new Map<Ending, Promise<Call[]>>();

function callsOf(ending: Ending): Promise<Call[]> {
  const known = references.get(ending) ?? tryFilter(ending, 1, []).then(({ calls }) => calls);
  references.set(ending, known);
  return known;
}

function byKind(calls: readonly Call[]): Call[][] {
  const kinds = new Map<string, Call[]>();
  for (const call of calls) {
    const kind = `${call.program} ${call.operation}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), call]);
  }
  return [...kinds.values()];
}

export interface CrashedRelease extends Pick<FilterTrial, "left"> {
  ending: Ending;
  /** What the programs died at: `watch DeleteSubscriptionFilter`. */
  diedAt: string[];
}

/** A release whose programs die at random calls; what is rarely called is as likely to be hit as what is called often. */
export async function randomCrashes(seed: number): Promise<CrashedRelease> {
  const random = new SeededRandom(`filters/${seed}`);
  const ending = ENDINGS[seed % ENDINGS.length]!;
  const kinds = byKind(await callsOf(ending));
  const faults = Array.from({ length: random.integer(1, MOST_KILLS) }, (): PlannedFault => {
    const calls = kinds[random.integer(0, kinds.length - 1)]!;
    return { n: calls[random.integer(0, calls.length - 1)]!.n, fault: "kill" };
  });
  const { left, calls } = await tryFilter(ending, seed, faults);
  const died = calls.filter((call) => faults.some(({ n }) => n === call.n));
  return { ending, left, diedAt: died.map(({ program, operation }) => `${nameOf(program)} ${operation}`) };
}

/** The responder's invocations are named by what it answers. */
const nameOf = (program: string) => (PROGRAMS.includes(program) ? program : "respond");
