import {
  GUARD_HANDLERS,
  type GuardHandler,
  guardFunctionName,
  killStrategyName,
  METRICS,
} from "../../lib/contract/names.ts";
import { type LocalAws, startLocalAws } from "../../lib/local/index.ts";
import { loadScenario } from "../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../scripts/rehearse/run-scenario.ts";
import type { Usage } from "./bill.ts";

const ENVIRONMENT = "dev";

/** The local AWS answers at once; AWS takes about this long for a control-plane call [assumed]. Milliseconds. */
export const CALL_MS = 100;
/** Start of a runtime with a bundle of this size [assumed]; billed. Milliseconds, for every invocation: the worst case. */
export const COLD_START_MS = 1000;
/** SNS asks KMS twice for a message on an encrypted topic: a data key and its decryption [assumed]. */
export const KMS_REQUESTS_PER_PUBLISH = 2;
/** CloudWatch Logs bills each event with this many bytes on top (CloudWatch Logs user guide). */
const LOG_EVENT_OVERHEAD = 26;
export const HOURS_IN_A_MONTH = 730;
/** More than a flag deployment of 0 minutes takes. */
const FLAG_DEPLOYMENT_MS = 120_000;

export interface ReleaseUsage {
  scenario: string;
  outcome: string;
  /** Invocations of the guard's Lambdas. */
  invocations: Record<string, number>;
  /** Calls that they made: `service:Operation` → how often. */
  calls: Record<string, number>;
  smokeInvocations: number;
  notifications: number;
  usage: Usage;
}

/** Rehearses one release of a scenario and counts what the guard did in it, call by call. */
export async function measureRelease(scenarioName: string, app: string): Promise<ReleaseUsage> {
  const scenario = loadScenario(scenarioName);
  const aws = await startLocalAws({ port: 0, seed: 1 });
  try {
    const rehearsal = new Rehearsal(aws, scenario, { seed: 1, deployWith: "api", app, environment: ENVIRONMENT });
    await rehearsal.install();
    await rehearsal.release({ artifact: "earlier", canary: scenario.baseline, expected: "promoted" }, false);
    if (scenario.flagsOn.length > 0) {
      const on = Object.fromEntries(scenario.flagsOn.map((flag) => [flag, true]));
      await rehearsal.flags.set(on, killStrategyName(ENVIRONMENT));
      await rehearsal.stage.advanceBy(FLAG_DEPLOYMENT_MS);
    }
    const tally = new Tally(aws);
    const release = await rehearsal.release(scenario.releases[0]!, true);
    return await tally.result(scenarioName, release.outcome);
  } finally {
    await aws.close();
  }
}

const guardFunctions = new Map(GUARD_HANDLERS.map((name) => [guardFunctionName(ENVIRONMENT, name), name]));

class Tally {
  private readonly aws: LocalAws;
  private readonly calls: Record<string, number> = {};
  private readonly invocations: Partial<Record<GuardHandler, number>> = {};
  private readonly metricsEmitted = new Set<string>();
  private readonly usage: Usage = {};
  private virtualMs = 0;

  constructor(aws: LocalAws) {
    this.aws = aws;
    const { world } = aws;
    const call = world.call.bind(world);
    world.call = async <Output>(...[service, operation, input, principal, caller]: Parameters<typeof call>) => {
      const isGuard = principal.kind === "role" && guardFunctions.has(principal.arn.split("/").at(-1) ?? "");
      if (!isGuard) return call<Output>(service, operation, input, principal, caller);
      if (service === "dynamodb") input = { ...input, ReturnConsumedCapacity: "TOTAL" };
      const output = await call<Output>(service, operation, input, principal, caller);
      this.count(service, operation, input, output);
      return output;
    };
    const writeLogs = world.links.writeLogs;
    world.links.writeLogs = (group, stream, lines) => {
      if (guardFunctions.has(group.replace("/aws/lambda/", ""))) this.countLogs(lines.map(({ message }) => message));
      writeLogs(group, stream, lines);
    };
    world.observe(({ kind, detail }) => {
      const handler = kind === "invocation" ? guardFunctions.get(String(detail.functionName)) : undefined;
      if (!handler) return;
      this.invocations[handler] = (this.invocations[handler] ?? 0) + 1;
      this.virtualMs += Number(detail.durationMs);
    });
  }

  private add(name: keyof Usage, units: number): void {
    this.usage[name] = (this.usage[name] ?? 0) + units;
  }

  private count(service: string, operation: string, input: Record<string, unknown>, output: unknown): void {
    const key = `${service}:${operation}`;
    this.calls[key] = (this.calls[key] ?? 0) + 1;
    if (service === "dynamodb") {
      const { ConsumedCapacity } = output as { ConsumedCapacity?: { CapacityUnits?: number } };
      this.add(
        operation === "GetItem" || operation === "Query" ? "dynamoRead" : "dynamoWrite",
        ConsumedCapacity?.CapacityUnits ?? 1,
      );
    } else if (key === "cloudwatch:GetMetricData") {
      const queries = input.MetricDataQueries as { MetricStat?: unknown }[];
      this.add("metricRead", queries.filter(({ MetricStat }) => MetricStat !== undefined).length);
    } else if (service === "cloudwatch") {
      this.add("cloudWatchRequest", 1);
    } else if (key === "sns:Publish") {
      this.add("snsRequest", 1);
      this.add("snsEmail", 1);
      this.add("kmsRequest", KMS_REQUESTS_PER_PUBLISH);
    } else if (service === "sqs") {
      this.add("sqsRequest", 1);
    }
  }

  private countLogs(messages: readonly string[]): void {
    for (const message of messages) {
      this.add("logGb", (Buffer.byteLength(message) + LOG_EVENT_OVERHEAD) / 1e9);
      for (const name of Object.values(METRICS)) {
        if (message.startsWith('{"_aws"') && message.includes(`"${name}":`)) this.metricsEmitted.add(name);
      }
    }
  }

  async result(scenario: string, outcome: string): Promise<ReleaseUsage> {
    const invocations = sum(this.invocations);
    const smokeInvocations = this.calls["lambda:Invoke"] ?? 0;
    const seconds = (this.virtualMs + invocations * COLD_START_MS + sum(this.calls) * CALL_MS) / 1000;
    return {
      scenario,
      outcome,
      invocations: this.invocations as Record<string, number>,
      calls: this.calls,
      smokeInvocations,
      notifications: this.calls["sns:Publish"] ?? 0,
      usage: {
        lambdaRequest: invocations + smokeInvocations,
        lambdaGbSecond: seconds * (await this.guardMemoryGb()),
        ...this.usage,
        // CloudWatch bills a custom metric for the hours in which it is sent.
        customMetricMonth: this.metricsEmitted.size / HOURS_IN_A_MONTH,
      },
    };
  }

  private async guardMemoryGb(): Promise<number> {
    const { world } = this.aws;
    const { MemorySize } = await world.call<{ MemorySize: number }>(
      "lambda",
      "GetFunctionConfiguration",
      { FunctionName: guardFunctionName(ENVIRONMENT, "respond") },
      world.credentials.principalFor(undefined),
    );
    return MemorySize / 1024;
  }
}

const sum = (counts: Record<string, number | undefined>) =>
  Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0);
