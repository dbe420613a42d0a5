import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createRespond } from "../../lambdas/respond/respond.ts";
import type { EmitMetric } from "../../lambdas/runtime/metrics.ts";
import { alarmName } from "../../lib/contract/names.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { FakePorts } from "../fakes/index.ts";
import { contextOf, FLAGS, FUNCTION, GROUP, ID, runWork, scene, silent } from "./scene.ts";

/** The account and region of the guard. */
export const HOME = { account: "111122223333", region: "us-east-1" };
export const minute = (text: string) => new Date(`2026-03-02T12:${text}.000Z`);
export const VERSION_ALARM = alarmName({
  environment: "dev",
  functionName: FUNCTION,
  alias: "live",
  check: "error-rate",
  version: "2",
});
export const ALIAS_ALARM = alarmName({
  environment: "dev",
  functionName: FUNCTION,
  alias: "live",
  check: "error-rate",
});

/** That it turned red at 12:02 unless said otherwise. */
export const alarmEvent = (alarm: string, value = "ALARM", at = "2026-03-02T12:02:00.000+0000") => ({
  source: "aws.cloudwatch",
  ...HOME,
  "detail-type": "CloudWatch Alarm State Change",
  detail: {
    alarmName: alarm,
    state: { value, reason: "Threshold Crossed", timestamp: at },
    previousState: { value: "OK" },
  },
});

export const stateEvent = (state: string, deploymentId = ID) => ({
  source: "aws.codedeploy",
  ...HOME,
  "detail-type": "CodeDeploy Deployment State-change Notification",
  time: "2026-03-02T12:02:00Z",
  detail: { deploymentId, application: "goaround-dev", deploymentGroup: GROUP, state },
});

const LEDGER_CALLS = [
  ...["getRelease", "getAlias", "getEnvironment", "getRollback", "openRelease", "updateRelease", "putAlias"],
  ...["changeAlias", "changeEnvironment", "claim", "complete", "wasClaimed", "putRollback", "archiveRollback"],
];

/** The ledger answers nothing at all. Answers how to end that. */
export function ledgerDown({ ledger }: FakePorts, except: readonly string[] = []): () => void {
  const operations = LEDGER_CALLS.filter((name) => !except.includes(name));
  for (const operation of operations) ledger.calls.fail(operation);
  return () => {
    for (const operation of operations) ledger.calls.heal(operation);
  };
}

/** What the responder's metrics said: name → values. */
export interface Emitted {
  [name: string]: number[];
}

export function responder(ports: FakePorts) {
  const emitted: Emitted = {};
  const emit: EmitMetric = (name, value = 1) => {
    emitted[name] = [...(emitted[name] ?? []), value];
  };
  const respond = createRespond({
    ...{ ports, environment: "dev", home: HOME, log: silent, emit },
    paced: async (work) => {
      ports.functions.calls.log.push({ operation: "paced", input: "begins" });
      const result = await work();
      ports.functions.calls.log.push({ operation: "paced", input: "ends" });
      return result;
    },
  });
  const send = (event: unknown, requestId = `request-${Math.random()}`, timeoutMs = 600_000) =>
    respond(event, contextOf(ports, timeoutMs, requestId));
  return { send, emitted };
}

/** Admitted at 12:00; 10 % on version 2 since 12:00:20; it is 12:02. The flag `new_api` of the release is on. */
export async function shifting(policy: Partial<PolicyInput> = {}): Promise<FakePorts> {
  const ports = scene({ flags: FLAGS, ...policy });
  ports.flags.given({ new_api: true, other: true }, new Date("2026-03-01T00:00:00.000Z"));
  await runWork(ports, createPreTraffic(ports, "dev", silent));
  ports.deployments.shifted(ID, minute("00:20"));
  ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
  ports.clock.set(minute("02:00"));
  return ports;
}

/** The same release, promoted at about 12:07; it is 12:15. */
export async function released(policy: Partial<PolicyInput> = {}): Promise<FakePorts> {
  const ports = await shifting(policy);
  await succeed(ports);
  ports.clock.set(minute("15:00"));
  return ports;
}

/** The shift is over, the hook behind it has answered, and the deployment has succeeded. */
export async function succeed(ports: FakePorts): Promise<void> {
  ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
  ports.functions.setAlias(FUNCTION, "live", "2");
  ports.clock.set(minute("05:22"));
  ports.executions.statuses.set(ID, "ABORTED");
  const event = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
  await runWork(ports, createPostTraffic(ports, "dev", silent), { event });
  ports.deployments.end(ID, "Succeeded");
}
