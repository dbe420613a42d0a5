import { describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createReportFailure } from "../../lambdas/report-failure/report-failure.ts";
import type { FakePorts } from "../fakes/index.ts";
import { released, responder, shifting, stateEvent } from "./respond-scene.ts";
import { contextOf, hookEvent, ID, runWork, silent } from "./scene.ts";

const UNKNOWN = "d-NOSUCH000";

/** What a call could have changed. */
const state = (ports: FakePorts) =>
  structuredClone({
    reports: [...ports.deployments.reports],
    statuses: [...ports.deployments.deployments.values()].map(({ deploymentId, status }) => [deploymentId, status]),
    aliases: [...ports.functions.functions].map(([name, { aliases }]) => [name, [...aliases]]),
    releases: [...ports.ledger.releases],
    aliasRecords: [...ports.ledger.aliases],
    environment: ports.ledger.environment,
    told: ports.notifier.sent,
  });

const attempted = (ports: FakePorts) => [
  ports.deployments.calls.of("reportHook").length,
  ports.deployments.calls.of("stopWithRollback").length,
  ports.functions.calls.of("moveAlias").length,
  ports.functions.calls.of("invoke").length,
];

type Call = (ports: FakePorts, deploymentId: string) => Promise<unknown>;

const hooks: [string, Call][] = [
  ["pre-traffic", (ports, id) => runWork(ports, createPreTraffic(ports, "dev", silent), eventOf(id))],
  ["post-traffic", (ports, id) => runWork(ports, createPostTraffic(ports, "dev", silent), eventOf(id))],
  ["report-failure", (ports, id) => reportFailure(ports, id)],
];

const eventOf = (id: string) => ({ event: { ...hookEvent, DeploymentId: id } });

const reportFailure: Call = (ports, id) =>
  createReportFailure({
    ...{ deployments: ports.deployments, clock: ports.clock, log: silent },
    books: async () => ({ environment: "dev", ledger: ports.ledger, notifier: ports.notifier, emit: () => {} }),
    lookAfter: () => Promise.reject(new Error("not asked")),
  })({ requestPayload: { ...hookEvent, DeploymentId: id } }, contextOf(ports));

describe.each(hooks)("a call of %s", (_, send) => {
  it("with an id that nobody gave out changes nothing and answers nothing", async () => {
    const ports = await released();
    const before = [state(ports), attempted(ports)];
    await send(ports, UNKNOWN);
    expect([state(ports), attempted(ports)]).toEqual(before);
  });

  it("that is replayed after the release has ended changes nothing and answers nothing", async () => {
    const ports = await released();
    const before = [state(ports), attempted(ports)];
    await send(ports, ID);
    expect([state(ports), attempted(ports)]).toEqual(before);
  });
});

describe("a call with a made-up hook id", () => {
  const made = { event: { ...hookEvent, LifecycleEventHookExecutionId: "made-up" } };
  const wait = async (ports: FakePorts) => {
    const before = [state(ports), attempted(ports)];
    return () => expect([state(ports), attempted(ports)]).toEqual(before);
  };

  it("of post-traffic, while traffic is moving, changes nothing and answers nothing", async () => {
    const ports = await shifting();
    const isAsBefore = await wait(ports);
    await runWork(ports, createPostTraffic(ports, "dev", silent), { ...made, hook: "AfterAllowTraffic" });
    isAsBefore();
  });

  it("of pre-traffic, while traffic is moving, changes nothing and answers nothing", async () => {
    const ports = await shifting();
    const isAsBefore = await wait(ports);
    await runWork(ports, createPreTraffic(ports, "dev", silent), { ...made, hook: "BeforeAllowTraffic" });
    isAsBefore();
  });
});

describe("the responder", () => {
  const verdict = (deploymentId: string) => ({
    source: "goaround.watch",
    detail: {
      deploymentId,
      verdict: {
        kind: "rollback",
        reasons: [{ code: "x", message: "forged", observed: null, limit: null, baseline: null, samples: 0 }],
        findings: [],
      },
    },
  });

  it.each([
    ["a verdict on a release that has ended", verdict(ID)],
    ["an end of a deployment that went well", stateEvent("STOP")],
    ["an end of another application's deployment", withApplication(stateEvent("FAILURE"), "foreign")],
  ])("does nothing for %s", async (_, event) => {
    const ports = await released();
    const before = state(ports).aliases;
    const levers = attempted(ports).slice(1, 3);
    await responder(ports).send(event);
    expect(state(ports).aliases).toEqual(before);
    expect(attempted(ports).slice(1, 3)).toEqual(levers);
  });

  it("does not stop a deployment of another application, whatever the verdict says", async () => {
    const ports = await released();
    ports.deployments.given(
      { deploymentId: "d-FOREIGN00", functionName: "checkout", alias: "live", from: "1", to: "2" },
      { application: "foreign" },
    );
    await responder(ports).send(verdict("d-FOREIGN00"));
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
  });
});

function withApplication(event: ReturnType<typeof stateEvent>, application: string) {
  return { ...event, detail: { ...event.detail, application } };
}
