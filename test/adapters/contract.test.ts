import { afterAll } from "vitest";
import { createDeadLetters } from "../../lib/adapters/dead-letters.ts";
import { createDeployments } from "../../lib/adapters/deployments.ts";
import { createFlags } from "../../lib/adapters/flags.ts";
import { createFunctions } from "../../lib/adapters/functions.ts";
import { createLedger } from "../../lib/adapters/ledger.ts";
import { createMonitoring } from "../../lib/adapters/monitoring.ts";
import { createPolicies } from "../../lib/adapters/policy.ts";
import { createPolicyHistory } from "../../lib/adapters/policy-history.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import { describeDeadLettersPort } from "../contract-suites/dead-letters.ts";
import { describeDeploymentsPort } from "../contract-suites/deployments.ts";
import { describeFlagsPort } from "../contract-suites/flags.ts";
import { describeFunctionsPort } from "../contract-suites/functions.ts";
import { describeLedgerPort } from "../contract-suites/ledger.ts";
import { describeMonitoringPort } from "../contract-suites/monitoring.ts";
import { deployedPolicy, describePolicyHistoryPort } from "../contract-suites/policy-history.ts";
import {
  adapterOptions,
  call,
  deploymentGroup,
  drive,
  flagProfile,
  LocalScene,
  ledgerTable,
  publish,
} from "./local-scene.ts";

const scene = new LocalScene("2026-03-02T12:03:00.000Z");
afterAll(() => scene.close());

describeFunctionsPort("Lambda, on the local AWS", async () => {
  const aws = await scene.open();
  const bodies = [
    "return {}",
    "throw new Error('bad')",
    "return { ok: true, echo: event, mark: context.clientContext?.custom.goaround ?? null }",
  ];
  await publish(aws, "checkout", bodies);
  const alias = { FunctionName: "checkout", Name: "live" };
  const weights = { AdditionalVersionWeights: { 2: 0.1 } };
  await call(aws, "lambda", "UpdateAlias", { ...alias, RoutingConfig: weights });
  const port = createFunctions(adapterOptions(aws));
  return {
    port: { ...port, invoke: (request) => drive(aws, port.invoke(request)) },
    interfere: () =>
      call(aws, "lambda", "UpdateAlias", {
        ...alias,
        FunctionVersion: "2",
        RoutingConfig: { AdditionalVersionWeights: {} },
      }),
    throttle: () =>
      void aws.world.faults.inject({ service: "lambda", operation: "Invoke", kind: "throttle", times: 1 }),
  };
});

describeDeadLettersPort("SQS, on the local AWS", async () => {
  const aws = await scene.open();
  const { QueueUrl } = await call(aws, "sqs", "CreateQueue", { QueueName: "orders-dead" });
  await call(aws, "sqs", "CreateQueue", { QueueName: "empty" });
  for (const MessageBody of ["one", "two", "three"]) await call(aws, "sqs", "SendMessage", { QueueUrl, MessageBody });
  const port = createDeadLetters(adapterOptions(aws));
  return {
    port: { peek: (...request) => drive(aws, port.peek(...request), 10) },
    counts: async () => {
      const { Attributes } = await call(aws, "sqs", "GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] });
      return {
        visible: Number(Attributes.ApproximateNumberOfMessages),
        hidden: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
      };
    },
  };
});

describeDeploymentsPort("CodeDeploy, on the local AWS", async () => {
  const aws = await scene.open();
  // The hook writes its event to its log and never reports: CodeDeploy waits for it.
  await publish(aws, "goaround-dev-pre-traffic", ["console.log(JSON.stringify(event))"]);
  await publish(aws, "checkout", ["return 1", "return 2", "return 3"]);
  await deploymentGroup(aws, "checkout");
  // A rollback needs something that succeeded before.
  const port = createDeployments(adapterOptions(aws));
  const start = (CurrentVersion: string, TargetVersion: string, Hooks: object[], configuration: string) =>
    port.create({
      application: "goaround-dev",
      group: "checkout-deployment-group",
      configuration,
      description: "scene",
      appSpec: JSON.stringify({
        version: 0.0,
        Resources: [
          {
            checkout: {
              Type: "AWS::Lambda::Function",
              Properties: { Name: "checkout", Alias: "live", CurrentVersion, TargetVersion },
            },
          },
        ],
        Hooks,
      }),
    });
  await call(aws, "lambda", "UpdateAlias", { FunctionName: "checkout", Name: "live", FunctionVersion: "3" });
  await start("3", "1", [], "CodeDeployDefault.LambdaAllAtOnce");
  await aws.clock.advanceBy(60_000);
  const hooks = [{ BeforeAllowTraffic: "goaround-dev-pre-traffic" }];
  const deploymentId = await start("1", "2", hooks, "CodeDeployDefault.LambdaCanary10Percent5Minutes");
  await aws.clock.advanceBy(5000);
  return {
    port,
    deploymentId,
    executionId: await hookExecutionId(aws),
    advance: (ms) => aws.clock.advanceBy(ms),
  };
});

async function hookExecutionId(aws: LocalAws): Promise<string> {
  const { events } = await call(aws, "cloudwatch-logs", "FilterLogEvents", {
    logGroupName: "/aws/lambda/goaround-dev-pre-traffic",
  });
  const messages = (events as { message: string }[]).map(({ message }) => message).join("\n");
  return /"LifecycleEventHookExecutionId":"([^"]+)"/.exec(messages)?.[1] ?? messages;
}

describeFlagsPort("AppConfig, on the local AWS", async () => {
  const aws = await scene.open();
  await flagProfile(aws, { new_api: true });
  return { port: createFlags(adapterOptions(aws)), advance: (ms) => aws.clock.advanceBy(ms) };
});

describeLedgerPort("DynamoDB, on the local AWS", async () => {
  const aws = await scene.open();
  await ledgerTable(aws, "goaround-dev-ledger");
  const now = () => new Date(aws.clock.now());
  const port = createLedger("goaround-dev-ledger", adapterOptions(aws), now);
  return { port, advance: (ms) => aws.clock.advanceBy(ms) };
});

describeMonitoringPort("CloudWatch, on the local AWS", async () => {
  const aws = await scene.open();
  await alarms(aws);
  await metrics(aws);
  return { port: createMonitoring(adapterOptions(aws)) };
});

describePolicyHistoryPort("Parameter Store, on the local AWS", async () => {
  const aws = await scene.open();
  const put = (Value: string, more: object) =>
    call(aws, "ssm", "PutParameter", { Name: "/goaround/dev/checkout/live", Type: "String", Value, ...more });
  await put(deployedPolicy, { Description: "Release policy of checkout:live" });
  return {
    port: createPolicyHistory(adapterOptions(aws)),
    policies: createPolicies(adapterOptions(aws)),
    interfere: (document) => put(document, { Overwrite: true }),
  };
});

async function alarms(aws: LocalAws): Promise<void> {
  for (const [AlarmName, StateValue] of [
    ["goaround-dev-checkout.live.error-rate", "ALARM"],
    ["goaround-dev-checkout.live.duration", "OK"],
  ]) {
    await call(aws, "cloudwatch", "PutMetricAlarm", {
      AlarmName,
      Namespace: "Scene",
      MetricName: AlarmName,
      Period: 60,
      EvaluationPeriods: 1,
      Statistic: "Sum",
      Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "ignore",
    });
    await call(aws, "cloudwatch", "SetAlarmState", { AlarmName, StateValue, StateReason: "scene" });
  }
}

/** What Lambda, and the function itself, publish for two minutes of requests behind the alias. */
async function metrics(aws: LocalAws): Promise<void> {
  const behindAlias = { FunctionName: "checkout", Resource: "checkout:live" };
  for (const minute of ["12:00", "12:01"]) {
    for (const { version, runs, errors, durationMs } of [
      { version: "1", runs: 90, errors: 0, durationMs: 50 },
      { version: "2", runs: 10, errors: 5, durationMs: 100 },
    ]) {
      for (const dimensions of [behindAlias, { ...behindAlias, ExecutedVersion: version }]) {
        const timestampMs = Date.parse(`2026-03-02T${minute}:30.000Z`);
        const record = (name: string, value: number, count: number) =>
          aws.world.links.recordMetric({
            namespace: "AWS/Lambda",
            name,
            dimensions,
            timestampMs,
            values: [value],
            counts: [count],
          });
        record("Invocations", 1, runs);
        record("Errors", 1, errors);
        record("Errors", 0, runs - errors);
        record("Duration", durationMs, runs);
      }
    }
    const timestampMs = Date.parse(`2026-03-02T${minute}:30.000Z`);
    const once = { timestampMs, counts: [1] };
    aws.world.links.recordMetric({
      namespace: "AWS/Lambda",
      name: "ConcurrentExecutions",
      dimensions: behindAlias,
      values: [7],
      ...once,
    });
    aws.world.links.recordMetric({
      namespace: "Shop",
      name: "Refusals",
      dimensions: { Version: "2" },
      values: [3],
      ...once,
    });
  }
}
