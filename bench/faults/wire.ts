import { type Answer, ATTEMPTS, THROTTLED_ATTEMPTS } from "../../lib/adapters/options.ts";
import { AwsError } from "../../lib/local/kernel/errors.ts";
import type { SeededRandom } from "../../lib/local/kernel/random.ts";
import type { LocalWorld } from "../../lib/local/kernel/world.ts";
import type { MemoryTable } from "./memory-table.ts";

/**
 * What may happen to a call.
 *
 * - `kill`: the program dies once the call has had its effect
 * - `throttled`, `unavailable`: the first attempt is refused, without effect; the SDK tries again
 * - `throttled-out`, `unavailable-out`: every attempt is
 * - `lost-reply`: the first attempt has its effect and its reply is lost; the SDK tries again. `lost-replies`: of every attempt
 * - `slow`: the answer takes 8 s. `hang`: it never comes, and the SDK gives up after all its attempts
 * - `stale`: a read answers as before the rollback began
 */
export const FAULTS = [
  "kill",
  "throttled",
  "throttled-out",
  "unavailable",
  "unavailable-out",
  "lost-reply",
  "lost-replies",
  "slow",
  "hang",
  "stale",
] as const;
export type Fault = (typeof FAULTS)[number];

/** `n` counts the calls of all programs of a run, from 1. */
export interface PlannedFault {
  n: number;
  fault: Fault;
}

export interface Call {
  n: number;
  /** When it began, in virtual time. */
  atMs: number;
  program: string;
  service: string;
  operation: string;
  input: object;
  attempts: number;
  /** Attempts that changed something. */
  effects: number;
}

const SERVICES: Record<string, string> = {
  AppConfigClient: "appconfig",
  CloudFormationClient: "cloudformation",
  CloudWatchLogsClient: "cloudwatch-logs",
  CloudWatchClient: "cloudwatch",
  CodeDeployClient: "codedeploy",
  DynamoDBClient: "dynamodb",
  EventBridgeClient: "eventbridge",
  LambdaClient: "lambda",
  SFNClient: "sfn",
  SNSClient: "sns",
  SSMClient: "ssm",
  STSClient: "sts",
};

/** As the adapters' clients have it (lib/adapters/options.ts). */
const TIMEOUT_MS = 10_000;
const SLOW_MS = 8000;
/** The SDK's standard backoff: up to these, times a random number, doubled each time (SDK reference, 2024). Milliseconds. */
const BACKOFF_MS = 100;
const THROTTLED_BACKOFF_MS = 500;

export const isRead = (operation: string) => /^(?:Get|List|Describe|BatchGet)/.test(operation);
const keyOf = (service: string, operation: string, input: object) => `${service} ${operation} ${JSON.stringify(input)}`;
export const never = <T>() => new Promise<T>(() => {});

/** A program that was killed gets no answer any more. */
export interface Caller {
  name: string;
  isDead(): boolean;
  kill(): void;
}

export interface WireOptions {
  world: LocalWorld;
  table: MemoryTable;
  random: SeededRandom;
  faults: readonly PlannedFault[];
  /** Every call takes so long, milliseconds. Default 0. */
  latencyMs?: () => number;
  /** Strikes at any attempt of any call, beyond `faults`. */
  strikes?: (call: Call) => "throttled" | "unavailable" | undefined;
}

/** Between programs and a world: counts calls, and lets the planned faults strike as the SDK would meet them. */
export class Wire {
  readonly calls: Call[] = [];
  /** Faults that struck; a stale read that finds nothing older does not. */
  struck = 0;
  /** Planned and random faults strike no more. */
  isCalm = false;
  private readonly options: WireOptions;
  private readonly before = new Map<string, object>();

  constructor(options: WireOptions) {
    this.options = options;
  }

  answerTo(caller: Caller): Answer {
    return async ({ client, command, input }) => {
      if (caller.isDead()) return never();
      const service = SERVICES[client];
      if (!service) throw new Error(`no local service for ${client}`);
      const operation = command.replace(/Command$/, "");
      const call: Call = {
        n: this.calls.length + 1,
        atMs: this.options.world.clock.now(),
        program: caller.name,
        service,
        operation,
        input,
        attempts: 0,
        effects: 0,
      };
      this.calls.push(call);
      const fault = this.isCalm ? undefined : this.options.faults.find(({ n }) => n === call.n)?.fault;
      const latencyMs = this.options.latencyMs?.() ?? 0;
      if (latencyMs > 0) await this.pause(latencyMs);
      try {
        return await this.attempts(call, fault);
      } finally {
        if (fault === "kill") {
          this.struck += 1;
          caller.kill();
        }
        // Whatever the answer was, nobody is there to hear it.
        if (caller.isDead()) await never();
      }
    };
  }

  /** What these reads answer now is what a stale read will say later. */
  async remember(calls: readonly Call[]): Promise<void> {
    for (const { service, operation, input } of calls) {
      const key = keyOf(service, operation, input);
      // The ledger reads consistently.
      if (!isRead(operation) || service === "dynamodb" || this.before.has(key)) continue;
      const output = await this.perform(service, operation, input).catch(() => undefined);
      if (output) this.before.set(key, output);
    }
  }

  private async attempts(call: Call, fault: Fault | undefined): Promise<object> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(call, attempt, fault);
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        const throttled = error.status === 429 || error.code === "ThrottlingException";
        const attempts = throttled ? THROTTLED_ATTEMPTS : ATTEMPTS;
        if (attempt >= attempts || !(throttled || error.status >= 500)) throw asSdkError(error);
        const base = throttled ? THROTTLED_BACKOFF_MS : BACKOFF_MS;
        await this.pause(Math.min(20_000, this.options.random.next() * base * 2 ** (attempt - 1)));
      }
    }
  }

  private async attempt(call: Call, attempt: number, fault: Fault | undefined): Promise<object> {
    const { service, operation, input } = call;
    const first = attempt === 1;
    call.attempts = attempt;
    if (fault && fault !== "stale" && fault !== "kill" && first) this.struck += 1;
    const chance = this.isCalm ? undefined : this.options.strikes?.(call);
    if (fault === "throttled-out" || (fault === "throttled" && first) || chance === "throttled") {
      throw new AwsError("ThrottlingException", "Rate exceeded", { status: 429 });
    }
    if (fault === "unavailable-out" || (fault === "unavailable" && first) || chance === "unavailable") {
      throw new AwsError("ServiceUnavailableException", "Service is unavailable", { status: 503 });
    }
    if (fault === "hang") {
      await this.pause(TIMEOUT_MS);
      throw new AwsError("TimeoutError", "no answer", { status: 503 });
    }
    if (fault === "slow" && first) await this.pause(SLOW_MS);
    if (fault === "stale" && first) {
      const stale = this.before.get(keyOf(service, operation, input));
      if (stale) {
        this.struck += 1;
        return structuredClone(stale);
      }
    }
    const output = await this.perform(service, operation, input);
    if (!isRead(operation)) call.effects += 1;
    if (fault === "lost-replies" || (fault === "lost-reply" && first)) {
      throw new AwsError("InternalServerError", "the reply was lost", { status: 500 });
    }
    return output;
  }

  private async perform(service: string, operation: string, input: object): Promise<object> {
    const { world, table } = this.options;
    if (service === "dynamodb") return table.call(operation, input);
    const principal = world.credentials.principalFor(undefined);
    const output = await world.call(service, operation, { ...input }, principal);
    return structuredClone(output) as object;
  }

  private pause(ms: number): Promise<void> {
    return this.options.world.clock.sleep(ms);
  }
}

/** What the SDK throws for an error that a service has answered. */
function asSdkError({ code, message, status, members }: AwsError): Error {
  return Object.assign(new Error(message), members, {
    name: code,
    $fault: status >= 500 ? "server" : "client",
    $metadata: { httpStatusCode: status },
  });
}
