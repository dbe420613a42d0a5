import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPoison, parseGuardEvent, parseHookEvent, parseHookFailure } from "../../../lib/core/release/events.ts";
import { alarmEvent, HOME, stateEvent } from "../../lambdas/respond-scene.ts";

describe("events", () => {
  it("of an alarm are read with AWS's own spelling of the time", () => {
    expect(parseGuardEvent(alarmEvent("name"), HOME)).toEqual({
      kind: "alarm",
      alarmName: "name",
      state: "ALARM",
      previousState: "OK",
      reason: "Threshold Crossed",
      at: new Date("2026-03-02T12:02:00.000Z"),
    });
  });

  it("of a deployment are read", () => {
    expect(parseGuardEvent(stateEvent("FAILURE"), HOME)).toMatchObject({
      kind: "deployment",
      deploymentId: "d-RELEASE01",
      application: "goaround-dev",
      state: "FAILURE",
    });
  });

  it("of a hook are the two ids", () => {
    const event = { DeploymentId: "d-ABCDEF123", LifecycleEventHookExecutionId: "id" };
    expect(parseHookEvent(event)).toEqual({ deploymentId: "d-ABCDEF123", executionId: "id" });
  });

  it("of a failed hook say why it failed, without a response too", () => {
    const requestPayload = { DeploymentId: "d-ABCDEF123", LifecycleEventHookExecutionId: "id" };
    expect(parseHookFailure({ requestPayload })).toMatchObject({ deploymentId: "d-ABCDEF123", error: "no answer" });
    const responsePayload = { errorType: "Runtime.ExitError", errorMessage: "exited" };
    expect(parseHookFailure({ requestPayload, responsePayload })).toMatchObject({ error: "Runtime.ExitError: exited" });
  });

  it("that are not known say where, and not what was there", () => {
    const event = parseGuardEvent({ source: "aws.codedeploy", detail: { deploymentId: "secret-token" } }, HOME);
    expect(isPoison(event) && event.why).toContain("detail.deploymentId");
    expect(JSON.stringify(event)).not.toContain("secret-token");
  });

  it.each([
    { account: "999988887777" },
    { region: "eu-west-1" },
    { account: "999988887777", region: "eu-west-1" },
    { account: undefined },
    { region: undefined },
  ])("of AWS that do not come from the guard's own account and region are refused: %j", (elsewhere) => {
    for (const event of [alarmEvent("name"), stateEvent("FAILURE")]) {
      const parsed = parseGuardEvent({ ...event, ...elsewhere }, HOME);
      expect(isPoison(parsed) && parsed.why).toContain("us-east-1 of account 111122223333");
    }
  });

  it("of any other shape are poison, and never throw", () => {
    fc.assert(
      fc.property(fc.anything(), (event) => {
        expect(isPoison(parseGuardEvent(event, HOME))).toBe(true);
        expect(isPoison(parseHookEvent(event))).toBe(true);
        expect(isPoison(parseHookFailure(event))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
