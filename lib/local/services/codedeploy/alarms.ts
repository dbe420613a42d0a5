import type { DescribeAlarmsCommandOutput } from "@aws-sdk/client-cloudwatch";
import type { AlarmConfiguration } from "@aws-sdk/client-codedeploy";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import { DeploymentFailure, type DeploymentRecord } from "./model.ts";
import { callAsServiceRole } from "./service-role.ts";

/**
 * One look at the alarms that count for a deployment. Throws when one is in ALARM; INSUFFICIENT_DATA and names that do
 * not exist do not count [inferred]. Metric and composite alarms are both looked up [inferred].
 */
export async function checkAlarmsOnce(world: World, deployment: DeploymentRecord, maxAttempts: number): Promise<void> {
  const configuration = alarmsOf(deployment);
  const names = (configuration?.alarms ?? []).flatMap((alarm) => alarm.name ?? []);
  if (!configuration?.enabled || names.length === 0) return;
  let active: string[];
  try {
    const output = await callAsServiceRole<DescribeAlarmsCommandOutput>(
      world,
      deployment,
      {
        service: "cloudwatch",
        operation: "DescribeAlarms",
        input: { AlarmNames: names, AlarmTypes: ["MetricAlarm", "CompositeAlarm"], MaxRecords: 100 },
      },
      maxAttempts,
    );
    const alarms = [...(output.MetricAlarms ?? []), ...(output.CompositeAlarms ?? [])];
    active = alarms.filter((alarm) => alarm.StateValue === "ALARM").flatMap((alarm) => alarm.AlarmName ?? []);
  } catch (error) {
    if (configuration.ignorePollAlarmFailure) return;
    throw pollFailure(error);
  }
  if (active.length > 0) throw alarmsActive(active);
}

/** Polls until the deployment's signal aborts; rejects with the DeploymentFailure that should end it. */
export async function watchAlarms(
  world: World,
  deployment: DeploymentRecord,
  options: { alarmPollMs: number; maxAttempts: number },
): Promise<never> {
  for (;;) {
    await world.clock.sleep(options.alarmPollMs, deployment.controller.signal);
    await checkAlarmsOnce(world, deployment, options.maxAttempts);
  }
}

/** A per-deployment configuration replaces the group's (service model, overrideAlarmConfiguration). */
const alarmsOf = (deployment: DeploymentRecord): AlarmConfiguration | undefined =>
  deployment.overrideAlarmConfiguration ?? deployment.group.settings.alarmConfiguration;

/** Text recorded on Lambda deployments on 2026-08-08 and 2026-08-22; two alarms stand side by side with a blank. */
const alarmsActive = (names: string[]) =>
  new DeploymentFailure(
    "ALARM_ACTIVE",
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected " +
      `deployments have been stopped. Activated alarms: ${names.map((name) => `<${name}>`).join(" ")}`,
    { status: "Stopped", event: "DEPLOYMENT_STOP_ON_ALARM" },
  );

/** A deployment stops when alarm states cannot be read (service model, ignorePollAlarmFailure). Code [inferred]. */
function pollFailure(error: unknown): unknown {
  if (error instanceof DeploymentFailure) {
    return new DeploymentFailure(error.code, error.message, { status: "Stopped", event: "DEPLOYMENT_STOP_ON_ALARM" });
  }
  if (!(error instanceof AwsError)) return error;
  return new DeploymentFailure(
    "INTERNAL_ERROR",
    `The states of the alarms could not be retrieved from Amazon CloudWatch: ${error.code}: ${error.message}`,
    { status: "Stopped", event: "DEPLOYMENT_STOP_ON_ALARM" },
  );
}
