import { describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { InvocationRequest } from "../../lib/core/ports.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, minute, released, responder, shifting, stateEvent } from "./respond-scene.ts";
import { FUNCTION, ID, reported, runWork, scene, silent } from "./scene.ts";

const step = (name: string) => ({ name, function: `run-${name}`, compensation: `undo-${name}:live` });
const STEPS = { before: [step("expand"), step("fill")], after: [step("announce")] };
const SMOKE = [{ name: "health" }];
const steps = (more: Partial<PolicyInput> = {}): Partial<PolicyInput> => ({ steps: STEPS, ...more });

const run = (ports: FakePorts, requestId?: string) =>
  runWork(ports, createPreTraffic(ports, "dev", silent), requestId === undefined ? {} : { requestId });
const invocations = (ports: FakePorts) => ports.functions.calls.of("invoke") as InvocationRequest[];
/** Functions of steps that were run, in order. */
const stepsRun = (ports: FakePorts) =>
  invocations(ports)
    .map(({ functionName }) => functionName)
    .filter((name) => name !== FUNCTION);
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID);
const states = (runs: { name: string; state: string }[] = []) => runs.map(({ name, state }) => `${name} ${state}`);
const failing = (ports: FakePorts, ...names: string[]) => {
  ports.functions.respond = ({ functionName }) => (names.includes(functionName) ? { functionError: "Unhandled" } : {});
};

/** CodeDeploy has ended the release without it, and its alias is back. */
async function ended(ports: FakePorts, requestId?: string): Promise<void> {
  ports.deployments.end(ID, "Failed", { code: "HOOK_EXECUTION_FAILURE", message: "a hook failed" });
  ports.functions.setAlias(FUNCTION, "live", "1");
  await responder(ports).send(stateEvent("FAILURE"), requestId);
}

describe("steps before a release", () => {
  it("run once it is admitted and before its version is invoked, with what a retry is known by", async () => {
    const ports = scene(steps({ smokeTests: SMOKE }));
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(invocations(ports).map(({ functionName, qualifier }) => `${functionName}:${qualifier}`)).toEqual([
      "run-expand:$LATEST",
      "run-fill:$LATEST",
      "checkout:2",
    ]);
    expect(invocations(ports)[0]?.payload).toEqual({
      step: "expand",
      action: "run",
      idempotencyKey: `${ID}/expand`,
      deploymentId: ID,
      functionName: FUNCTION,
      alias: "live",
      baselineVersion: "1",
      canaryVersion: "2",
    });
    expect(states(recordOf(ports)?.stepsBefore)).toEqual(["expand done", "fill done"]);
  });

  it("do not run for a release that is refused, or for an undo", async () => {
    const refused = scene(steps());
    refused.functions.setAlias(FUNCTION, "live", "7");
    await run(refused);
    const undo = scene(steps());
    undo.deployments.deployments.get(ID)!.creator = "CloudFormationRollback";
    await run(undo);
    expect([...stepsRun(refused), ...stepsRun(undo)]).toEqual([]);
  });

  it("refuse the release when one fails, and those behind it do not run", async () => {
    const ports = scene(steps({ smokeTests: SMOKE }));
    failing(ports, "run-expand");
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(invocations(ports)).toHaveLength(1);
    expect(recordOf(ports)?.verdict?.reasons).toMatchObject([
      { code: "step-failed", message: "the step expand before the release ended with a Unhandled error" },
    ]);
  });

  it("do not run again when a run that was cut off is repeated", async () => {
    const ports = scene(steps());
    const first = ports.functions.invoke.bind(ports.functions);
    ports.functions.invoke = async (request) => {
      if (request.functionName === "run-fill") throw new Error("cut off");
      return first(request);
    };
    await run(ports, "first");
    expect(states(recordOf(ports)?.stepsBefore)).toEqual(["expand done", "fill started"]);
    ports.functions.invoke = first;
    ports.deployments.reports.clear();
    await run(ports, "first");
    expect(stepsRun(ports)).toEqual(["run-expand", "run-fill"]);
    expect(states(recordOf(ports)?.stepsBefore)).toEqual(["expand done", "fill done"]);
  });

  it("run once although the hook is called twice at a time", async () => {
    const ports = scene(steps());
    await Promise.all([run(ports, "one"), run(ports, "two")]);
    expect(stepsRun(ports)).toEqual(["run-expand", "run-fill"]);
  });

  it("do not run when they cannot be noted", async () => {
    const ports = scene(steps());
    const update = ports.ledger.updateRelease.bind(ports.ledger);
    ports.ledger.updateRelease = async (id, changes) => {
      if ("stepsBefore" in changes) throw new Error("the ledger is down");
      return update(id, changes);
    };
    await run(ports);
    expect([reported(ports), stepsRun(ports)]).toEqual(["Failed", []]);
  });

  it("wait for a person where nothing compensates them", async () => {
    const bare = { before: [{ name: "drop", function: "run-drop" }] };
    const refused = scene({ steps: bare });
    await run(refused);
    expect(recordOf(refused)?.verdict?.reasons.map(({ code }) => code)).toEqual(["non-revertible-step"]);
    expect(stepsRun(refused)).toEqual([]);

    const allowed = scene({ steps: bare });
    const until = "2026-03-02T13:00:00.000Z";
    allowed.ledger.environment.allowedSteps.push({
      functionName: FUNCTION,
      step: "drop",
      reason: "",
      by: "ann",
      at: "",
      until,
    });
    await run(allowed);
    expect([reported(allowed), stepsRun(allowed)]).toEqual(["Succeeded", ["run-drop"]]);
    expect(recordOf(allowed)?.stepsTaken).toMatchObject([{ name: "drop" }]);
  });
});

describe("steps of a release that does not stay", () => {
  it("are taken back, the last first, once it has ended, and once only", async () => {
    const ports = scene(steps({ smokeTests: SMOKE }));
    failing(ports, FUNCTION);
    await run(ports);
    expect(stepsRun(ports)).toEqual(["run-expand", "run-fill"]);
    await ended(ports);
    await ended(ports);
    expect(stepsRun(ports).slice(2)).toEqual(["undo-fill", "undo-expand"]);
    expect(invocations(ports).at(-1)).toMatchObject({
      qualifier: "live",
      payload: { action: "compensate", idempotencyKey: `${ID}/expand/compensate` },
    });
    expect(states(recordOf(ports)?.stepsBack)).toEqual(["fill done", "expand done"]);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("are taken back only when traffic and flags are where they belong and people are told", async () => {
    const ports = await shifting(steps());
    const order: string[] = [];
    ports.functions.respond = ({ functionName }) => {
      if (functionName.startsWith("undo-")) {
        const { functionVersion, weights } = ports.functions.functions.get(FUNCTION)!.aliases.get("live")!;
        order.push(functionName, functionVersion, JSON.stringify(weights), String(ports.flags.values().new_api));
        order.push(`${ports.notifier.sent.length} told`);
      }
      return {};
    };
    // CodeDeploy does not: the responder has to.
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "red" });
    await responder(ports).send(stateEvent("STOP"));
    expect(order.slice(0, 5)).toEqual(["undo-fill", "1", "{}", "false", "1 told"]);
  });

  it("are left from the compensation on that fails, and people are told; traffic does not wait for it", async () => {
    const ports = await shifting(steps());
    failing(ports, "undo-fill");
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "red" });
    await responder(ports).send(stateEvent("STOP"));
    expect(ports.functions.functions.get(FUNCTION)!.aliases.get("live")).toMatchObject({
      functionVersion: "1",
      weights: {},
    });
    expect(stepsRun(ports).slice(2)).toEqual(["undo-fill"]);
    const [, told] = ports.notifier.sent;
    expect(told).toMatchObject({ severity: "critical", subject: "checkout: steps not taken back need you (dev)" });
    expect(told?.lines[1]).toBe(
      "It needs a person: the compensation of fill ended with a Unhandled error; expand, which came before it, was left.",
    );
    await responder(ports).send(stateEvent("STOP"));
    expect(stepsRun(ports)).toHaveLength(3);
    expect(ports.notifier.sent).toHaveLength(2);
  });

  it("are told, where it is not known whether they did anything", async () => {
    const ports = scene(steps());
    failing(ports, "run-fill");
    await run(ports);
    await ended(ports);
    expect(stepsRun(ports).slice(2)).toEqual(["undo-expand"]);
    expect(ports.notifier.sent.at(-1)?.lines[1]).toContain("whether it did anything is not known of fill (failed)");
  });

  it("are taken back of what its group released before, too", async () => {
    const ports = await shifting({ releaseGroup: "shop", signals: { source: "metrics" } });
    ports.functions.given("payments", ["1", "2"], "live", "2");
    const names = {
      functionName: "payments",
      alias: "live",
      deploymentId: "d-PAY",
      baselineVersion: "1",
      canaryVersion: "2",
    };
    ports.deployments.given({ deploymentId: "d-PAY", functionName: "payments", alias: "live", from: "1", to: "2" });
    ports.deployments.end("d-PAY", "Succeeded");
    const at = "2026-03-02T11:00:00.000Z";
    const wave = ports.ledger.environment.groups.shop!;
    const member = {
      ...names,
      application: "goaround-dev",
      group: "payments-deployment-group",
      brought: ["2"],
      flags: [],
    };
    ports.ledger.environment.groups.shop = { ...wave, members: [{ ...member, openedAt: at }, ...wave.members] };
    const policy = {
      ...recordOf(ports)!.policy,
      steps: { before: [{ ...step("pay"), timeoutSeconds: 30 }], after: [] },
    };
    const stepsBefore = [{ name: "pay", state: "done" as const, at }];
    await ports.ledger.updateRelease("d-PAY", { ...names, policy, outcome: "promoted", openedAt: at, stepsBefore });
    const entry = { ...names, outcome: "promoted" as const, openedAt: at, closedAt: at, hasSteps: true as const };
    await ports.ledger.putAlias("payments", "live", { releases: [entry] });
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "red" });
    await responder(ports).send(stateEvent("STOP"));
    expect(ports.functions.functions.get("payments")!.aliases.get("live")?.functionVersion).toBe("1");
    expect(stepsRun(ports).filter((name) => name.includes("pay"))).toEqual(["undo-pay"]);
  });

  it("stay as long as traffic is on the new version", async () => {
    const ports = await shifting(steps({ automaticRollback: false }));
    ports.deployments.rollsBack = false;
    ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "red" });
    await responder(ports).send(stateEvent("STOP"));
    expect(stepsRun(ports)).toEqual(["run-expand", "run-fill"]);
  });
});

describe("steps after a release", () => {
  it("run when it has succeeded, and once only", async () => {
    const ports = await released(steps());
    expect(stepsRun(ports)).toEqual(["run-expand", "run-fill"]);
    await responder(ports).send(stateEvent("SUCCESS"));
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(stepsRun(ports).slice(2)).toEqual(["run-announce"]);
    expect(states(recordOf(ports)?.stepsAfter)).toEqual(["announce done"]);
  });

  it("leave the release as it is when one fails, and people are told", async () => {
    const ports = await released(steps());
    failing(ports, "run-announce");
    await responder(ports).send(stateEvent("SUCCESS"));
    expect(recordOf(ports)?.outcome).toBe("promoted");
    expect(ports.notifier.sent.at(-1)).toMatchObject({
      severity: "critical",
      subject: "checkout: steps after a release need you (dev)",
    });
  });

  it("are taken back with the others when an alarm takes the release back later", async () => {
    const ports = await released(steps());
    await responder(ports).send(stateEvent("SUCCESS"));
    ports.clock.set(minute("20:00"));
    await responder(ports).send(alarmEvent(ALIAS_ALARM, "ALARM", "2026-03-02T12:20:00.000+0000"));
    expect(ports.functions.functions.get(FUNCTION)!.aliases.get("live")?.functionVersion).toBe("1");
    expect(stepsRun(ports).slice(3)).toEqual(["undo-announce", "undo-fill", "undo-expand"]);
  });
});
