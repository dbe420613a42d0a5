import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import type { LocalService } from "../../../lib/local/kernel/service.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { createCloudWatch } from "../../../lib/local/services/cloudwatch/service.ts";
import { createEventBridge } from "../../../lib/local/services/eventbridge/service.ts";
import { createSns } from "../../../lib/local/services/sns/service.ts";
import { createSqs } from "../../../lib/local/services/sqs/service.ts";

/** 2026-01-05 10:00:00 UTC, a Monday. */
export const START = Date.UTC(2026, 0, 5, 10, 0, 0);
export const MINUTE = 60_000;

/** A world with the messaging and monitoring services, and a Lambda that only notes what it is invoked with. */
export function createTestWorld() {
  const clock = new VirtualClock(START);
  const world = new LocalWorld({ clock, seed: 7 });
  const invocations: { functionName: string; payload: unknown; atMs: number; principal: string }[] = [];
  let lambdaFailures: AwsError[] = [];
  const lambda: LocalService = {
    name: "lambda",
    operations: {
      Invoke: (input: { FunctionName: string; Payload: Uint8Array }, context: { principal: { arn: string } }) => {
        const failure = lambdaFailures.shift();
        if (failure) throw failure;
        const payload: unknown = JSON.parse(new TextDecoder().decode(input.Payload));
        invocations.push({
          functionName: input.FunctionName,
          payload,
          atMs: clock.now(),
          principal: context.principal.arn,
        });
        return { StatusCode: 202 };
      },
    },
    reset() {},
  };
  const services = {
    cloudwatch: createCloudWatch(world),
    eventbridge: createEventBridge(world),
    sns: createSns(world),
    sqs: createSqs(world),
  };
  for (const service of [...Object.values(services), lambda]) world.register(service);
  const operator = world.credentials.principalFor(undefined);
  return {
    ...services,
    world,
    clock,
    invocations,
    failLambda(...errors: AwsError[]) {
      lambdaFailures = [...lambdaFailures, ...errors];
    },
    // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes
    call: (service: string, operation: string, input: Record<string, unknown> = {}): Promise<any> =>
      world.call(service, operation, input, operator),
    async error(service: string, operation: string, input: Record<string, unknown> = {}) {
      try {
        await world.call(service, operation, input, operator);
      } catch (error) {
        if (error instanceof AwsError)
          return { code: error.queryCode ?? error.code, status: error.status, message: error.message };
        throw error;
      }
      throw new Error(`${service} ${operation} succeeded`);
    },
  };
}

export type TestWorld = ReturnType<typeof createTestWorld>;
/** Sends every event of a source to a queue and reads them back. */
export async function recordEvents(test: TestWorld, source: string) {
  const { QueueUrl } = await test.call("sqs", "CreateQueue", { QueueName: "events" });
  await test.call("eventbridge", "PutRule", { Name: "record", EventPattern: JSON.stringify({ source: [source] }) });
  await test.call("eventbridge", "PutTargets", {
    Rule: "record",
    Targets: [{ Id: "queue", Arn: `arn:aws:sqs:us-east-1:${test.world.accountId}:events` }],
  });
  return () => drain(test, QueueUrl);
}

/** Bodies of all messages of a queue, parsed; the messages are deleted. */
// biome-ignore lint/suspicious/noExplicitAny: tests read bodies of many shapes
export async function drain(test: TestWorld, QueueUrl: string): Promise<any[]> {
  const bodies: unknown[] = [];
  for (;;) {
    const { Messages } = await test.call("sqs", "ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
    if (!Messages) return bodies;
    for (const message of Messages) {
      bodies.push(parsed(message.Body));
      await test.call("sqs", "DeleteMessage", { QueueUrl, ReceiptHandle: message.ReceiptHandle });
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const METRIC = { Namespace: "Shop", MetricName: "Errors", Dimensions: [{ Name: "Service", Value: "api" }] };

/** An alarm on the Sum of METRIC per minute over 5. */
export function alarm(name: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    AlarmName: name,
    ...METRIC,
    Statistic: "Sum",
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 5,
    ComparisonOperator: "GreaterThanThreshold",
    ...changes,
  };
}

/** Puts one value of METRIC at a time (default: now). */
export async function put(test: TestWorld, value: number, atMs?: number, changes: Record<string, unknown> = {}) {
  const { Namespace, ...metric } = METRIC;
  await test.call("cloudwatch", "PutMetricData", {
    Namespace,
    MetricData: [{ ...metric, Value: value, Timestamp: new Date(atMs ?? test.clock.now()), ...changes }],
  });
}

export async function stateOf(test: TestWorld, name: string): Promise<string | undefined> {
  return test.cloudwatch.alarmState(name)?.state;
}
