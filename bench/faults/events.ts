import { alarmName, applicationName, deploymentGroupName } from "../../lib/contract/names.ts";
import { VERDICT_SOURCE } from "../../lib/core/release/events.ts";
import { ALIAS, ENVIRONMENT, FUNCTION, HOME, type Scene } from "./scene.ts";

/** As EventBridge hands them to the responder. */
export const alarmEvent = (scene: Pick<Scene, "aws">, version?: string, value = "ALARM") => ({
  source: "aws.cloudwatch",
  ...HOME,
  "detail-type": "CloudWatch Alarm State Change",
  detail: {
    alarmName: alarmName({
      environment: ENVIRONMENT,
      functionName: FUNCTION,
      alias: ALIAS,
      check: "error-rate",
      version,
    }),
    state: { value, reason: "Threshold Crossed", timestamp: new Date(scene.aws.clock.now()).toISOString() },
    previousState: { value: value === "ALARM" ? "OK" : "ALARM" },
  },
});

export const deploymentEvent = (deploymentId: string, state: string, at: number) => ({
  source: "aws.codedeploy",
  ...HOME,
  "detail-type": "CodeDeploy Deployment State-change Notification",
  time: new Date(at).toISOString(),
  detail: {
    deploymentId,
    application: applicationName(ENVIRONMENT),
    deploymentGroup: deploymentGroupName(FUNCTION),
    state,
  },
});

/** The watch has judged the canary worse. */
export const verdictEvent = (deploymentId: string) => ({
  source: VERDICT_SOURCE,
  detail: {
    deploymentId,
    verdict: {
      kind: "rollback",
      reasons: [{ code: "error-rate", message: "20 % errors", observed: 20, limit: 5, baseline: 0.1, samples: 300 }],
      findings: [],
    },
  },
});

const STATES: Record<string, string> = {
  InProgress: "START",
  Succeeded: "SUCCESS",
  Failed: "FAILURE",
  Stopped: "STOP",
};

/** Calls `deliver` for every new state of a deployment from now on. */
export function onDeploymentEvents(
  { aws }: Pick<Scene, "aws">,
  deliver: (event: object, id: string) => void,
): () => void {
  return aws.world.observe(({ kind, detail, atMs }) => {
    const state = kind === "deployment-status" ? STATES[String(detail.status)] : undefined;
    if (state === undefined) return;
    deliver(deploymentEvent(String(detail.deploymentId), state, atMs), `${detail.deploymentId}-${state}`);
  });
}
