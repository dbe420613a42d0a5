import { DEFAULT_ALIAS, policyParameterName, watchMachineName } from "../../lib/contract/names.ts";
import { parsePolicy } from "../../lib/contract/policy.ts";
import type { ScenarioAction } from "../../lib/contract/scenario.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import type { ReleaseMarks } from "./recorder.ts";
import type { Rehearsal } from "./run-scenario.ts";

const SECOND = 1000;

/** Does at once what lies before the release, and lets the time between pass. */
export async function performBefore(rehearsal: Rehearsal): Promise<void> {
  for (const { queue, body } of rehearsal.scenario.messages) {
    await call(rehearsal.aws, "sqs", "SendMessage", {
      QueueUrl: await queueNamed(rehearsal.aws, queue),
      MessageBody: body,
    });
  }
  const before = rehearsal.scenario.actions
    .filter((action) => action.atSeconds < 0)
    .sort((a, b) => a.atSeconds - b.atSeconds);
  for (const [i, action] of before.entries()) {
    await rehearsal.stage.toItsEnd(perform(rehearsal, action, undefined));
    const next = before[i + 1]?.atSeconds ?? 0;
    await rehearsal.stage.advanceBy((next - action.atSeconds) * SECOND);
  }
}

/** Does each remaining action at its time after the shift has begun. */
export function performDuring(rehearsal: Rehearsal, marks: ReleaseMarks): void {
  const { actions, metricOutages, logDelivery } = rehearsal.scenario;
  const { cloudwatch, logs } = rehearsal.aws.services;
  if (logDelivery) {
    const { lostShare: drop, doubledShare: duplicate, lateSeconds } = logDelivery;
    logs.disturb({ drop, duplicate, ...(lateSeconds === undefined ? {} : { delayMs: lateSeconds * SECOND }) });
  }
  for (const action of actions.filter(({ atSeconds }) => atSeconds >= 0)) {
    afterShift(rehearsal, marks, action.atSeconds, () => perform(rehearsal, action, marks));
  }
  for (const { fromSeconds, untilSeconds } of metricOutages) {
    afterShift(rehearsal, marks, fromSeconds, async (dueMs) =>
      cloudwatch.holdMetrics(dueMs, dueMs + (untilSeconds - fromSeconds) * SECOND),
    );
  }
}

/** Runs `work` so many seconds after the shift has begun; never, when it does not begin within four hours. */
function afterShift(
  { aws: { clock } }: Rehearsal,
  marks: ReleaseMarks,
  seconds: number,
  work: (dueMs: number) => Promise<void>,
): void {
  const wait = async (): Promise<void> => {
    const due = marks.shiftStartMs === undefined ? undefined : marks.shiftStartMs + seconds * SECOND;
    // The clock is not held: a Lambda that the work calls may have to wait.
    if (due !== undefined && clock.now() >= due) await work(due);
    else if (clock.now() - marks.startedAtMs < 4 * 3600 * SECOND) clock.at(due ?? clock.now() + SECOND, wait);
  };
  clock.at(clock.now(), wait);
}

async function perform(rehearsal: Rehearsal, action: ScenarioAction, marks: ReleaseMarks | undefined): Promise<void> {
  const { aws, flags, recorder, stage } = rehearsal;
  recorder.note(stage.now, "action", `an operator does: ${action.do}`);
  switch (action.do) {
    case "stop-deployment":
      // Something else may have stopped it before.
      await call(aws, "codedeploy", "StopDeployment", {
        deploymentId: marks?.deploymentId,
        autoRollbackEnabled: true,
      }).catch(unless("DeploymentAlreadyCompletedException"));
      return;
    case "update-flag":
      await flags.set({ [action.flag]: action.enabled }, action.strategy ?? "AppConfig.AllAtOnce");
      return;
    case "redden-blocker":
      for (const name of await blockersOf(rehearsal)) await redden(aws, name);
      return;
    case "abort-watch":
      // Beside plain alarms nobody watches, and there is nothing to lose.
      await call(aws, "sfn", "StopExecution", {
        executionArn: watchArn(rehearsal, marks?.deploymentId ?? ""),
      }).catch(unless("ExecutionDoesNotExist"));
      return;
  }
}

const unless =
  (code: string) =>
  (error: unknown): void => {
    if ((error as { code?: unknown }).code !== code) throw error;
  };

function watchArn({ aws: { world }, options: { environment } }: Rehearsal, deploymentId: string): string {
  const { partition, region, accountId } = world;
  return `arn:${partition}:states:${region}:${accountId}:execution:${watchMachineName(environment)}:${deploymentId}`;
}

/** URL of the one queue whose name is this or ends so. */
async function queueNamed(aws: LocalAws, name: string): Promise<string> {
  const { QueueUrls = [] } = await call<{ QueueUrls?: string[] }>(aws, "sqs", "ListQueues", {});
  const [found, ...others] = QueueUrls.filter((url) => url.endsWith(name));
  if (found && others.length === 0) return found;
  throw new Error(`${found ? "several queues" : "no queue"} of the app end in ${name}`);
}

/** The dependency alarms that the function's policy names. */
async function blockersOf({ aws, options, functionName }: Rehearsal): Promise<string[]> {
  const Name = policyParameterName(options.environment, functionName, DEFAULT_ALIAS);
  const { Parameter } = await call<{ Parameter: { Value: string } }>(aws, "ssm", "GetParameter", { Name });
  const parsed = parsePolicy(Parameter.Value);
  if (!parsed.ok || parsed.policy.blockers.length === 0)
    throw new Error(`the policy of ${functionName} names no blockers`);
  return parsed.policy.blockers;
}

/** Feeds an alarm's own metric, every minute for two hours, a value on the wrong side of its threshold. */
async function redden(aws: LocalAws, AlarmName: string): Promise<void> {
  const { MetricAlarms = [] } = await call<{ MetricAlarms?: MetricAlarm[] }>(aws, "cloudwatch", "DescribeAlarms", {
    AlarmNames: [AlarmName],
  });
  const alarm = MetricAlarms[0];
  if (!alarm?.MetricName) throw new Error(`the blocker ${AlarmName} is no alarm on a single metric`);
  const Value = alarm.ComparisonOperator.startsWith("Less") ? alarm.Threshold - 1 : alarm.Threshold + 1;
  const put = async (minute: number): Promise<void> => {
    await call(aws, "cloudwatch", "PutMetricData", {
      Namespace: alarm.Namespace,
      MetricData: [
        { MetricName: alarm.MetricName, Dimensions: alarm.Dimensions, Timestamp: new Date(aws.clock.now()), Value },
      ],
    });
    if (minute < 120) aws.clock.at(aws.clock.now() + 60 * SECOND, () => put(minute + 1));
  };
  await put(0);
}

interface MetricAlarm {
  Namespace: string;
  MetricName?: string;
  Dimensions?: { Name: string; Value: string }[];
  Threshold: number;
  ComparisonOperator: string;
}

function call<T>(aws: LocalAws, service: string, operation: string, input: Record<string, unknown>): Promise<T> {
  return aws.world.call<T>(service, operation, input, aws.world.credentials.principalFor(undefined));
}
