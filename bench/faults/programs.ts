import { createRespond } from "../../lambdas/respond/respond.ts";
import type { ServiceClock } from "../../lib/adapters/clock.ts";
import { createFlagEvidence } from "../../lib/adapters/flag-evidence.ts";
import { createAdapters } from "../../lib/adapters/index.ts";
import type { AdapterOptions } from "../../lib/adapters/options.ts";
import { createSweep } from "../../lib/adapters/sweep.ts";
import { ledgerTableName } from "../../lib/contract/names.ts";
import type { Log } from "../../lib/core/log.ts";
import type { LocalWorld } from "../../lib/local/kernel/world.ts";
import { connectAws } from "../../scripts/cli/io.ts";
import { main } from "../../scripts/cli/run.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import { ENVIRONMENT, HOME, TOPIC_ARN } from "./scene.ts";
import { type Caller, never, type Wire } from "./wire.ts";

/** Lambda's time for the responder, and when it tries an event again that failed (developer guide, 2024). */
const TIMEOUT_MS = 600_000;
const RETRIES_MS = [60_000, 120_000];

export const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** One run of one program: it has a clock that may be wrong, and may die at any call. */
export class Program implements Caller {
  readonly name: string;
  readonly clock: ServiceClock;
  readonly killed: Promise<"killed">;
  readonly options: AdapterOptions;
  private dead = false;
  private die: () => void = () => {};

  constructor(name: string, world: LocalWorld, wire: Wire, skewMs = 0) {
    this.name = name;
    this.killed = new Promise((resolve) => {
      this.die = () => resolve("killed");
    });
    this.clock = {
      now: () => new Date(world.clock.now() + skewMs),
      sleep: async (ms, signal) => {
        try {
          await world.clock.sleep(ms, signal);
        } catch (error) {
          if (!this.dead) throw error;
        }
        if (this.dead) await never();
      },
      heard: () => {},
    };
    this.options = { region: world.region, clock: this.clock, answer: wire.answerTo(this) };
  }

  isDead(): boolean {
    return this.dead;
  }

  kill(): void {
    this.dead = true;
    this.die();
  }
}

/** What became of one delivery of one event to the responder. */
export interface Invocation {
  requestId: string;
  ended: "done" | "failed" | "killed";
  error?: unknown;
}

export interface Skew {
  /** Milliseconds that the program's clock is ahead. */
  skewMs?: number;
}

export interface Delivery extends Skew {
  /** Milliseconds until it comes. */
  afterMs?: number;
}

/** The responder as Lambda runs it: again after one and after two minutes when it failed or died. */
export class Responder {
  readonly invocations: Invocation[] = [];
  /** Events that failed each time: they are in the dead-letter queue, and its alarm is red. */
  readonly deadLetters: unknown[] = [];
  private readonly world: LocalWorld;
  private readonly wire: Wire;
  private running = 0;

  constructor(world: LocalWorld, wire: Wire) {
    this.world = world;
    this.wire = wire;
  }

  /** Whether no event is left to be worked on. */
  get isIdle(): boolean {
    return this.running === 0;
  }

  async deliver(event: unknown, requestId: string, { afterMs = 0, ...skew }: Delivery = {}): Promise<void> {
    this.running += 1;
    try {
      if (afterMs > 0) await this.world.clock.sleep(afterMs);
      for (const pauseMs of [...RETRIES_MS, undefined]) {
        const ended = await invokeResponder(this.world, this.wire, { event, requestId, ...skew });
        this.invocations.push(ended);
        if (ended.ended === "done") return;
        if (pauseMs === undefined) {
          this.deadLetters.push(event);
          return;
        }
        await this.world.clock.sleep(pauseMs);
      }
    } finally {
      this.running -= 1;
    }
  }
}

export interface Invoke extends Skew {
  event: unknown;
  requestId: string;
  log?: Log;
}

/** One run of the responder, which ends at the latest when Lambda's time for it is over. */
export async function invokeResponder(
  world: LocalWorld,
  wire: Wire,
  { event, requestId, skewMs = 0, log = silent }: Invoke,
): Promise<Invocation> {
  const program = new Program(requestId, world, wire, skewMs);
  const options = { ...program.options, environment: ENVIRONMENT, topicArn: TOPIC_ARN, actor: "respond" };
  const ports = {
    ...createAdapters(options),
    flagEvidence: createFlagEvidence(options),
    sweep: createSweep(ledgerTableName(ENVIRONMENT), ENVIRONMENT, options),
  };
  const respond = createRespond({
    ports: { ...ports, clock: program.clock },
    environment: ENVIRONMENT,
    home: HOME,
    log,
    emit: () => {},
    paced: (work) => work(),
  });
  const endsAt = world.clock.now() + TIMEOUT_MS;
  const context = { awsRequestId: requestId, getRemainingTimeInMillis: () => endsAt - world.clock.now() };
  const timer = new AbortController();
  const timeout = world.clock.sleep(TIMEOUT_MS, timer.signal).then(
    () => {
      program.kill();
      return "killed" as const;
    },
    () => never<"killed">(),
  );
  try {
    const ended = await Promise.race([respond(event, context).then(() => "done" as const), program.killed, timeout]);
    return { requestId, ended };
  } catch (error) {
    return { requestId, ended: "failed", error };
  } finally {
    timer.abort();
  }
}

export interface CommandRun {
  /** Undefined: killed. */
  exitCode: number | undefined;
  stderr: string;
}

const VERBS = { rollback, doctor };

/** `goaround VERB …` as an operator runs it, once. */
export async function runCommand(
  world: LocalWorld,
  wire: Wire,
  name: string,
  [verb, ...argv]: readonly [keyof typeof VERBS, ...string[]],
  { skewMs = 0 }: Skew = {},
): Promise<CommandRun> {
  const program = new Program(name, world, wire, skewMs);
  let stderr = "";
  const ran = main(VERBS[verb], [...argv, "--environment", ENVIRONMENT, "--yes"], {
    stdout: () => {},
    stderr: (text) => {
      stderr += text;
    },
    isTerminal: false,
    ask: async () => "y",
    env: {},
    clock: program.clock,
    stopwatch: () => world.clock.now(),
    onInterrupt: () => () => {},
    abandon: () => {},
    connect: (options) => connectAws({ ...options, ...program.options, topicArn: TOPIC_ARN }),
  });
  const ended = await Promise.race([ran, program.killed]);
  return { exitCode: ended === "killed" ? undefined : ended, stderr };
}
