import {
  FLAG_HANDLERS,
  flagFunctionName,
  GUARD_HANDLERS,
  guardFunctionName,
  METRICS,
  watchMachineName,
} from "../../lib/contract/names.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import type { Usage } from "./bill.ts";

/** The local AWS answers at once; AWS takes about this long for a control-plane call [assumed]. Milliseconds. */
export const CALL_MS = 100;
/** Start of a runtime with a bundle of this size [assumed]; billed. Milliseconds. */
export const COLD_START_MS = 1000;
/** An environment that waits longer than this for its next event is taken for gone [assumed]. */
export const WARM_MINUTES = 5;
/** SNS asks KMS twice for a message on an encrypted topic: a data key and its decryption [assumed]. */
export const KMS_REQUESTS_PER_PUBLISH = 2;
/** CloudWatch Logs bills each event with this many bytes on top (CloudWatch Logs user guide). */
const LOG_EVENT_OVERHEAD = 26;
export const HOURS_IN_A_MONTH = 730;

/** What one of our Lambdas did. */
export interface Work {
  invocations: number;
  coldStarts: number;
  calls: number;
  /** Virtual time of the rehearsal: mostly waiting inside the invocation. Milliseconds. */
  waitedMs: number;
}

export interface Tallied {
  /** By Lambda, those that did nothing left out. */
  work: Record<string, Work>;
  /** Calls that they made: `service:Operation` → how often. */
  calls: Record<string, number>;
  executions: number;
  usage: Usage;
}

/** A state entered is a transition, and so is each retry of a task (Step Functions pricing, 2026). */
export const transitionsIn = (types: readonly string[]): number => {
  const count = (ending: string) => types.filter((type) => type.endsWith(ending)).length;
  return count("StateEntered") + count("TaskScheduled") - count("TaskStateEntered");
};

/** Time that AWS bills for an invocation of a Lambda [assumed: its calls one after the other]. */
export const billedMs = ({ coldStarts, calls, waitedMs }: Work) =>
  waitedMs + calls * CALL_MS + coldStarts * COLD_START_MS;

/** Counts what the guard's and the flags' Lambdas and the watch's state machine do in a local AWS from now on. */
export class Tally {
  private readonly aws: LocalAws;
  private readonly environment: string;
  private readonly names: Map<string, string>;
  private readonly calls: Record<string, number> = {};
  private readonly work: Record<string, Work> = {};
  /** When each environment of a Lambda ended its last invocation. */
  private readonly environments = new Map<string, number[]>();
  private readonly emitted = new Set<string>();
  private readonly executions = new Map<string, string[]>();
  private readonly usage: Usage = {};

  constructor(aws: LocalAws, environment: string) {
    this.aws = aws;
    this.environment = environment;
    this.names = new Map([
      ...GUARD_HANDLERS.map((name) => [guardFunctionName(environment, name), name] as const),
      ...FLAG_HANDLERS.map((name) => [flagFunctionName(environment, name), name] as const),
    ]);
    const { world } = aws;
    const call = world.call.bind(world);
    world.call = async <Output>(...[service, operation, input, principal, caller]: Parameters<typeof call>) => {
      const name = principal.kind === "role" ? this.names.get(principal.arn.split("/").at(-1) ?? "") : undefined;
      if (!name) return call<Output>(service, operation, input, principal, caller);
      const asked = service === "dynamodb" ? { ...input, ReturnConsumedCapacity: "TOTAL" } : input;
      const output = await call<Output>(service, operation, asked, principal, caller);
      this.workOf(name).calls++;
      this.countCall(service, operation, input, output);
      return output;
    };
    const writeLogs = world.links.writeLogs;
    world.links.writeLogs = (group, stream, lines) => {
      this.countLogs(
        group,
        stream,
        lines.map(({ message }) => message),
      );
      writeLogs(group, stream, lines);
    };
    world.observe(({ kind, detail, atMs }) => {
      const name = kind === "invocation" ? this.names.get(String(detail.functionName)) : undefined;
      if (name) this.countInvocation(name, atMs, Number(detail.durationMs));
    });
  }

  private add(name: keyof Usage, units: number): void {
    this.usage[name] = (this.usage[name] ?? 0) + units;
  }

  private workOf(name: string): Work {
    this.work[name] ??= { invocations: 0, coldStarts: 0, calls: 0, waitedMs: 0 };
    return this.work[name];
  }

  private countInvocation(name: string, endedMs: number, durationMs: number): void {
    const work = this.workOf(name);
    const startedMs = endedMs - durationMs;
    const known = this.environments.get(name) ?? [];
    const warm = known.filter((lastMs) => startedMs - lastMs <= WARM_MINUTES * 60_000);
    // While all are busy, the next invocation needs another.
    const free = warm.findIndex((lastMs) => lastMs <= startedMs);
    if (free === -1) work.coldStarts++;
    else warm.splice(free, 1);
    this.environments.set(name, [...warm, endedMs]);
    work.invocations++;
    work.waitedMs += durationMs;
  }

  private countCall(service: string, operation: string, input: Record<string, unknown>, output: unknown): void {
    const key = `${service}:${operation}`;
    this.calls[key] = (this.calls[key] ?? 0) + 1;
    if (service === "dynamodb") {
      const { ConsumedCapacity } = output as { ConsumedCapacity?: { CapacityUnits?: number } };
      const reads = operation === "GetItem" || operation === "Query";
      this.add(reads ? "dynamoRead" : "dynamoWrite", ConsumedCapacity?.CapacityUnits ?? 1);
    } else if (key === "cloudwatch:GetMetricData") {
      const queries = input.MetricDataQueries as { MetricStat?: unknown }[];
      this.add("metricRead", queries.filter(({ MetricStat }) => MetricStat !== undefined).length);
    } else if (service === "cloudwatch") {
      this.add("cloudWatchRequest", 1);
    } else if (key === "lambda:Invoke") {
      this.add("lambdaRequest", 1);
    } else if (key === "sns:Publish") {
      this.add("snsRequest", 1);
      this.add("snsEmail", 1);
      this.add("kmsRequest", KMS_REQUESTS_PER_PUBLISH);
    } else if (service === "sqs") {
      this.add("sqsRequest", 1);
    }
  }

  private countLogs(group: string, stream: string, messages: readonly string[]): void {
    const ofMachine = group === `/aws/vendedlogs/states/${watchMachineName(this.environment)}`;
    if (!ofMachine && !this.names.has(group.replace("/aws/lambda/", ""))) return;
    for (const message of messages) {
      this.add("logGb", (Buffer.byteLength(message) + LOG_EVENT_OVERHEAD) / 1e9);
      if (ofMachine) {
        const types = this.executions.get(stream) ?? [];
        this.executions.set(stream, [...types, (JSON.parse(message) as { type: string }).type]);
      } else if (message.startsWith('{"_aws"')) {
        for (const name of Object.values(METRICS)) if (message.includes(`"${name}":`)) this.emitted.add(name);
      }
    }
  }

  /** What was counted so far. */
  async result(): Promise<Tallied> {
    const histories = [...this.executions.values()];
    const names = Object.keys(this.work);
    const gbSeconds = await Promise.all(
      names.map(async (name) => (await this.memoryGb(name)) * (billedMs(this.workOf(name)) / 1000)),
    );
    const requests = names.reduce((sum, name) => sum + this.workOf(name).invocations, 0);
    return structuredClone({
      work: this.work,
      calls: this.calls,
      executions: histories.length,
      usage: {
        ...this.usage,
        lambdaRequest: requests + (this.usage.lambdaRequest ?? 0),
        lambdaGbSecond: gbSeconds.reduce((sum, seconds) => sum + seconds, 0),
        stateTransition: transitionsIn(histories.flat()),
        trace: histories.length,
        // The rule wakes this one every minute, and little else does.
        scheduledEvent: this.work["report-failure"]?.invocations ?? 0,
        // CloudWatch bills a custom metric for the hours in which it is sent.
        customMetricMonth: this.emitted.size / HOURS_IN_A_MONTH,
      },
    });
  }

  private async memoryGb(name: string): Promise<number> {
    const { world } = this.aws;
    const FunctionName = [...this.names].find(([, own]) => own === name)?.[0];
    const { MemorySize } = await world.call<{ MemorySize: number }>(
      "lambda",
      "GetFunctionConfiguration",
      { FunctionName },
      world.credentials.principalFor(undefined),
    );
    return MemorySize / 1024;
  }
}
