import type { Clock } from "./clock.ts";
import { AwsError } from "./errors.ts";
import { RANDOM_ID, type SeededRandom } from "./random.ts";

export interface FaultRule {
  /** Client package name (`lambda`), or `*`. */
  service: string;
  /** Operation name (`UpdateAlias`), or `*`. */
  operation: string;
  /** `throttle`, `unavailable` and `denied` fail before any effect; `lost-reply` fails after it; `latency` only delays. */
  kind: "throttle" | "unavailable" | "denied" | "lost-reply" | "latency";
  /** Share of calls that are hit, 0 to 1. Default 1. */
  probability?: number;
  /** Stop after this many hits. Default: no limit. */
  times?: number;
  /** Active from/until these virtual times, epoch milliseconds. */
  fromMs?: number;
  untilMs?: number;
  /** Added latency in virtual milliseconds, for `latency`. */
  latencyMs?: number;
  /** Only calls whose principal's ARN contains this text. */
  principal?: string;
}

/** How each service says "slow down" (codes from the SDK's retry classification and the services' models). */
const THROTTLE_CODE: Record<string, { code: string; status: number }> = {
  lambda: { code: "TooManyRequestsException", status: 429 },
  dynamodb: { code: "ThrottlingException", status: 400 },
  cloudwatch: { code: "ThrottlingException", status: 400 },
  appconfig: { code: "ThrottlingException", status: 429 },
  appconfigdata: { code: "ThrottlingException", status: 429 },
};

/** A call as a rule sees it. */
export interface FaultTarget {
  service: string;
  operation: string;
  principalArn: string;
  input: Record<string, unknown>;
  /** The invocation of a function that makes the call, the same text in every run; empty for calls from elsewhere. */
  invocation: string;
}

export class FaultInjector {
  private rules: (FaultRule & { hits: number })[] = [];
  private readonly draws = new Map<string, number>();
  private readonly clock: Clock;
  private readonly random: SeededRandom;

  constructor(clock: Clock, random: SeededRandom) {
    this.clock = clock;
    this.random = random;
  }

  /** Adds a rule and returns how to remove it. */
  inject(rule: FaultRule): () => void {
    const entry = { ...rule, hits: 0 };
    this.rules.push(entry);
    return () => {
      this.rules = this.rules.filter((other) => other !== entry);
    };
  }

  /** The rules in force, without how often each has struck. */
  active(): FaultRule[] {
    return this.rules.map(({ hits: _hits, ...rule }) => rule);
  }

  clear(): void {
    this.rules = [];
    this.draws.clear();
  }

  /** Runs a call under the active rules. */
  async around<T>(target: FaultTarget, call: () => Promise<T>): Promise<T> {
    const { service, operation, principalArn } = target;
    const hit = this.rules.filter((rule) => this.strikes(rule, target));
    for (const rule of hit) {
      rule.hits += 1;
      if (rule.kind === "latency") await this.clock.sleep(rule.latencyMs ?? 0);
      if (rule.kind === "throttle") {
        const { code, status } = THROTTLE_CODE[service] ?? { code: "ThrottlingException", status: 400 };
        throw new AwsError(code, "Rate exceeded", { status });
      }
      if (rule.kind === "denied") {
        const message = `${principalArn} is not authorized to perform ${service}:${operation} with an explicit deny`;
        throw new AwsError("AccessDeniedException", message, { status: 403 });
      }
      if (rule.kind === "unavailable") {
        throw new AwsError("ServiceUnavailableException", "Service is unavailable", { status: 503 });
      }
    }
    const result = await call();
    if (hit.some((rule) => rule.kind === "lost-reply")) {
      throw new AwsError("InternalServerError", "The reply was lost after the effect", { status: 500 });
    }
    return result;
  }

  private strikes(rule: FaultRule & { hits: number }, target: FaultTarget): boolean {
    const now = this.clock.now();
    return (
      (rule.service === "*" || rule.service === target.service) &&
      (rule.operation === "*" || rule.operation === target.operation) &&
      (rule.principal === undefined || target.principalArn.includes(rule.principal)) &&
      (rule.times === undefined || rule.hits < rule.times) &&
      now >= (rule.fromMs ?? Number.NEGATIVE_INFINITY) &&
      now < (rule.untilMs ?? Number.POSITIVE_INFINITY) &&
      this.chance(rule, target)
    );
  }

  /**
   * The n-th time the same call is made for the same invocation it always meets the same fate: calls that race each
   * other over HTTP would otherwise swap their draws from run to run.
   */
  private chance(rule: FaultRule & { hits: number }, target: FaultTarget): boolean {
    if (rule.probability === undefined) return true;
    const { service, operation, principalArn, input, invocation } = target;
    const content = JSON.stringify(input).replace(RANDOM_ID, "");
    const call = `${this.rules.indexOf(rule)}/${service}/${operation}/${principalArn}/${invocation}/${content}`;
    const count = (this.draws.get(call) ?? 0) + 1;
    this.draws.set(call, count);
    return this.random.fork(`${call}/${count}`).chance(rule.probability);
  }
}
