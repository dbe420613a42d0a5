import { describe, expect, it } from "vitest";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { createReportFailure } from "../../lambdas/report-failure/report-failure.ts";
import type { FakePorts } from "../fakes/index.ts";
import { minute } from "./respond-scene.ts";
import { contextOf, hookEvent, ID, reported, scene, silent } from "./scene.ts";

const record = (changes: object = {}) => ({
  version: "1.0",
  requestContext: {
    functionArn: "arn:aws:lambda:eu-central-1:111122223333:function:goaround-dev-pre-traffic:$LATEST",
    condition: "RetriesExhausted",
  },
  requestPayload: hookEvent,
  responsePayload: { errorType: "Sandbox.Timedout", errorMessage: "Task timed out after 300.00 seconds" },
  ...changes,
});

function run(ports: FakePorts, event: unknown = record(), books?: () => never) {
  const emitted: string[] = [];
  const handler = createReportFailure({
    deployments: ports.deployments,
    log: silent,
    clock: ports.clock,
    books: async () =>
      books?.() ?? {
        environment: "dev",
        ledger: ports.ledger,
        notifier: ports.notifier,
        emit: (name) => emitted.push(name),
      },
    lookAfter: async () => createLookAfter({ ...ports, emit: (name) => emitted.push(name) }, "dev", silent),
  });
  return handler(event, contextOf(ports)).then(() => emitted);
}

describe("report-failure", () => {
  it("reports Failed for a hook that did not, and tells people once", async () => {
    const ports = scene();
    expect(await run(ports)).toEqual(["hookFailures"]);
    expect(reported(ports)).toBe("Failed");
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("goaround-dev-pre-traffic ended without an answer");
  });

  it("counts a status that CodeDeploy already has as done, and bothers nobody", async () => {
    const ports = scene();
    ports.deployments.reports.set(`${ID}/execution-1`, "Succeeded");
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(ports.notifier.sent).toEqual([]);
  });

  it("lets an undo through although its hook died", async () => {
    const ports = scene();
    Object.assign(ports.deployments.deployments.get(ID)!, { creator: "codeDeployRollback" });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
  });

  it("reports although the deployment cannot be read", async () => {
    const ports = scene();
    ports.deployments.calls.fail("get");
    await run(ports);
    expect(reported(ports)).toBe("Failed");
  });

  it("reports although the configuration is broken", async () => {
    const ports = scene();
    await run(ports, record(), () => {
      throw new Error("GOAROUND_ENVIRONMENT is not set");
    });
    expect(reported(ports)).toBe("Failed");
  });

  it("throws when it cannot report, so that Lambda tries again", async () => {
    const ports = scene();
    ports.deployments.calls.fail("reportHook");
    await expect(run(ports)).rejects.toThrow("Rate exceeded");
  });

  it("does not try again for a deployment that does not exist", async () => {
    const ports = scene();
    const event = record({ requestPayload: { ...hookEvent, DeploymentId: "d-NOSUCH000" } });
    await expect(run(ports, event)).resolves.toEqual([]);
  });

  it("leaves the telling to the responder once traffic has reached the canary", async () => {
    const ports = scene();
    ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(ports.notifier.sent).toEqual([]);
    expect(ports.ledger.releases.get(ID)?.reason).toContain("Task timed out");
  });

  it.each([[null], [{}], [{ requestPayload: {} }]])("does nothing for what is not a failed hook: %j", async (event) => {
    const ports = scene();
    await run(ports, event);
    expect(ports.deployments.calls.log).toEqual([]);
  });
});
