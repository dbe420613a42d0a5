import { describe, expect, it } from "vitest";
import { readConfig, readReserveMs } from "../../lambdas/runtime/config.ts";
import { hookHandler } from "../../lambdas/runtime/handler.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { never, throttled } from "../fakes/faults.ts";
import { contextOf, hookEvent, ID, reported, runWork, scene, silent } from "./scene.ts";

const succeed = async () => ({ status: "Succeeded" as const });
const reports = (ports: ReturnType<typeof scene>) => ports.deployments.calls.of("reportHook");

describe("a hook run", () => {
  it("reports what its work decided, once", async () => {
    const ports = scene();
    await runWork(ports, succeed);
    expect(reports(ports)).toEqual([{ deploymentId: ID, executionId: "execution-1", status: "Succeeded" }]);
  });

  it("reports Failed when the work throws", async () => {
    const ports = scene();
    await runWork(ports, async () => {
      throw new TypeError("broken");
    });
    expect(reported(ports)).toBe("Failed");
    expect(reports(ports)).toHaveLength(1);
  });

  it("reports Failed when the configuration is broken, because it is read inside the guarded part", async () => {
    const ports = scene();
    const work = { work: succeed, onFailure: async () => {} };
    const handler = hookHandler("pre-traffic", "BeforeAllowTraffic", () => work, { ...ports, log: silent, env: {} });
    await handler(hookEvent, contextOf(ports));
    expect(reported(ports)).toBe("Failed");
  });

  it("reports Failed while there is still time when the work hangs", async () => {
    const ports = scene();
    const context = contextOf(ports);
    await runWork(ports, () => never());
    expect(reported(ports)).toBe("Failed");
    expect(context.getRemainingTimeInMillis()).toBe(15_000);
  });

  it("reports Failed when even reading the deployment hangs", async () => {
    const ports = scene();
    ports.deployments.calls.hang("get");
    await runWork(ports, succeed);
    expect(reported(ports)).toBe("Failed");
  });

  it("tells work that hangs to write nothing any more", async () => {
    const ports = scene();
    let signal: AbortSignal | undefined;
    await runWork(ports, (run) => {
      signal = run.signal;
      return never();
    });
    expect(signal?.aborted).toBe(true);
  });

  it("counts a status that CodeDeploy already has as done", async () => {
    const ports = scene();
    await runWork(ports, succeed);
    await expect(runWork(ports, async () => ({ status: "Failed" }))).resolves.toBeUndefined();
    expect(reported(ports)).toBe("Succeeded");
  });

  it("throws when reporting fails, so that the on-failure destination takes over", async () => {
    const ports = scene();
    ports.deployments.calls.fail("reportHook", throttled());
    await expect(runWork(ports, succeed)).rejects.toThrow("Rate exceeded");
  });

  it("does not throw for a deployment that does not exist: trying again would not help", async () => {
    const ports = scene();
    const event = { ...hookEvent, DeploymentId: "d-NOSUCH000" };
    await expect(runWork(ports, succeed, { event })).resolves.toBeUndefined();
    // Nor where that comes out only with the answer.
    ports.deployments.calls.fail("get");
    await expect(runWork(ports, succeed, { event })).resolves.toBeUndefined();
  });

  it.each(["codeDeployRollback", "CloudFormationRollback"])(
    "lets an undo by %s through without any work",
    async (creator) => {
      const ports = scene();
      Object.assign(ports.deployments.deployments.get(ID)!, { creator });
      await runWork(ports, async () => {
        throw new GoaroundError("usage", "operator", "no configuration");
      });
      expect(reported(ports)).toBe("Succeeded");
    },
  );

  it.each([
    [null],
    [{}],
    [{ DeploymentId: "d-1" }],
    ["text"],
    [{ DeploymentId: 7, LifecycleEventHookExecutionId: "e" }],
  ])("does nothing for what is not a hook event: %j", async (event) => {
    const ports = scene();
    await runWork(ports, succeed, { event });
    expect(ports.deployments.calls.log).toEqual([]);
  });

  it("runs what follows the report only when CodeDeploy took the status from this run", async () => {
    const ports = scene();
    const followed: string[] = [];
    const work = (name: string) => async () => ({
      status: "Succeeded" as const,
      afterReport: async () => void followed.push(name),
    });
    await runWork(ports, work("first"));
    await runWork(ports, work("second"));
    expect(followed).toEqual(["first"]);
  });

  it("does not fail when what follows the report fails or hangs", async () => {
    for (const afterReport of [() => Promise.reject(new Error("ledger down")), () => never<void>()]) {
      const ports = scene();
      await expect(runWork(ports, async () => ({ status: "Succeeded", afterReport }))).resolves.toBeUndefined();
      expect(reported(ports)).toBe("Succeeded");
    }
  });

  it("says why a run could not decide, after the report", async () => {
    const ports = scene();
    const seen: unknown[] = [];
    const onFailure = async (_: unknown, error: unknown) => void seen.push([reported(ports), (error as Error).message]);
    await runWork(ports, () => Promise.reject(new Error("broken")), { onFailure });
    expect(seen).toEqual([["Failed", "broken"]]);
  });
});

describe("the guard's configuration", () => {
  const complete = {
    GOAROUND_ENVIRONMENT: "dev",
    GOAROUND_LEDGER_TABLE: "goaround-dev-ledger",
    GOAROUND_TOPIC_ARN: "arn:aws:sns:eu-central-1:111122223333:goaround-dev-notifications",
    GOAROUND_WATCH_ARN: "arn:aws:states:eu-central-1:111122223333:stateMachine:goaround-dev-watch",
  };

  it("is read from the environment", () => {
    expect(readConfig(complete)).toEqual({
      environment: "dev",
      ledgerTable: "goaround-dev-ledger",
      topicArn: "arn:aws:sns:eu-central-1:111122223333:goaround-dev-notifications",
      watchArn: "arn:aws:states:eu-central-1:111122223333:stateMachine:goaround-dev-watch",
      home: { account: "111122223333", region: "eu-central-1" },
    });
  });

  it("names everything that is wrong at once", () => {
    expect(() => readConfig({ ...complete, GOAROUND_LEDGER_TABLE: undefined, GOAROUND_TOPIC_ARN: "topic" })).toThrow(
      /GOAROUND_LEDGER_TABLE is not set; GOAROUND_TOPIC_ARN is not the ARN of a topic/,
    );
  });

  it("keeps five seconds to report unless it is told otherwise, whatever the variable says", () => {
    expect([readReserveMs({}), readReserveMs({ GOAROUND_REPORT_RESERVE_MS: "x" })]).toEqual([5000, 5000]);
    expect(readReserveMs({ GOAROUND_REPORT_RESERVE_MS: "15000" })).toBe(15_000);
  });
});
