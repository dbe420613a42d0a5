import { describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import type { Policy, PolicyInput } from "../../lib/contract/policy.ts";
import type { FreezeWindow } from "../../lib/core/release/freeze.ts";
import { versionInfo } from "../fakes/functions.ts";
import type { FakePorts } from "../fakes/index.ts";
import { FUNCTION, ID, policyOf, reported, runWork, scene, silent } from "./scene.ts";

const run = (ports: FakePorts, options = {}) => runWork(ports, createPreTraffic(ports, "dev", silent), options);
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID);
const smoke = (...smokeTests: PolicyInput["smokeTests"] & object) => scene({ smokeTests });

describe("pre-traffic", () => {
  it("admits a release and freezes versions, artifact and policy in the record", async () => {
    const ports = scene({ guardMinutes: 30 });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(recordOf(ports)).toMatchObject({
      functionName: FUNCTION,
      baselineVersion: "1",
      canaryVersion: "2",
      canaryCodeSha256: "sha-2",
      outcome: "open",
      policy: { guardMinutes: 30 },
      preTrafficStatus: "Succeeded",
    });
  });

  it("keeps the threshold that a script wrote before the hook ran", async () => {
    const ports = scene();
    await ports.ledger.updateRelease(ID, { rollbackThresholdPercent: 5, temporaryAlarms: ["alarm"] });
    await run(ports);
    expect(recordOf(ports)).toMatchObject({
      rollbackThresholdPercent: 5,
      temporaryAlarms: ["alarm"],
      canaryVersion: "2",
    });
  });

  it("fixes what counts as slow before any traffic moves, and goes without where nothing can be read", async () => {
    const ports = scene();
    ports.monitoring.served = { functionName: FUNCTION, requests: 5000, valuesMs: [40.123, 94.4, 291.7] };
    await run(ports);
    expect(recordOf(ports)?.slowThresholdsMs).toEqual([40.1, 94.4, 292]);

    const blind = scene();
    blind.monitoring.calls.fail("durationPercentiles");
    await run(blind);
    expect(reported(blind)).toBe("Succeeded");
    expect(recordOf(blind)?.slowThresholdsMs).toEqual([]);
  });

  it("refuses with all problems, records why, and invokes nothing", async () => {
    const ports = scene({ smokeTests: [{ name: "health" }] });
    ports.functions.setAlias(FUNCTION, "live", "7");
    ports.functions.functions.get(FUNCTION)?.versions.delete("2");
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    const record = recordOf(ports);
    expect(record).toMatchObject({ outcome: "blocked", preTrafficStatus: "Failed" });
    expect(record?.verdict?.reasons.map((reason) => reason.code)).toEqual(["version-missing", "alias-moved"]);
    expect(ports.functions.calls.of("invoke")).toEqual([]);
  });

  it("refuses a policy that is missing or broken", async () => {
    for (const document of [undefined, "{", policyOf({ guardMinutes: -1 })]) {
      const ports = scene();
      ports.policies.documents.clear();
      if (document) ports.policies.documents.set(`${FUNCTION}:live`, document);
      await run(ports);
      expect(reported(ports)).toBe("Failed");
      expect(recordOf(ports)?.outcome).toBe("blocked");
    }
  });

  it("waits while Lambda still prepares the new version", async () => {
    const ports = scene();
    const versions = ports.functions.functions.get(FUNCTION)!.versions;
    versions.set("2", versionInfo("2", { state: "Pending" }));
    void ports.clock.sleep(5000).then(() => versions.set("2", versionInfo("2")));
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
  });

  it("invokes the new version itself with each payload of the policy", async () => {
    const ports = smoke({ name: "one", payload: { a: 1 } }, { name: "two" });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(ports.functions.calls.of("invoke")).toEqual([
      expect.objectContaining({ functionName: FUNCTION, qualifier: "2", payload: { a: 1 } }),
      expect.objectContaining({ functionName: FUNCTION, qualifier: "2", payload: {} }),
    ]);
  });

  it.each([
    ["an error of the function", { functionError: "Unhandled" }],
    ["another status", { statusCode: 500 }],
    ["an answer that came too late", { durationMs: 10_001 }],
    ["an answer that is not as expected", { payload: { status: "down" } }],
  ])("refuses and remembers a version whose smoke test gives %s", async (_, answer) => {
    const ports = smoke({ name: "health", expect: "status == 'ok'" });
    ports.functions.respond = () => ({ payload: { status: "ok" }, ...answer });
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(recordOf(ports)).toMatchObject({ outcome: "blocked", verdict: { reasons: [{ code: "smoke-failed" }] } });
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad["sha-2/config-2"]).toMatchObject({ version: "2" });
  });

  it("takes an answer that meets the expression", async () => {
    const ports = smoke({ name: "health", expect: "checks[?name == 'db'].ok | [0]" });
    ports.functions.respond = () => ({ payload: { checks: [{ name: "db", ok: true }] } });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
  });

  it("gives up on a smoke test that does not answer within its limit", async () => {
    const ports = smoke({ name: "health", maxDurationMs: 2000 });
    const start = ports.clock.now().getTime();
    ports.functions.calls.hang("invoke");
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(ports.clock.now().getTime() - start).toBeLessThanOrEqual(8000);
  });

  it("does not count against a smoke test's limit how long Lambda refuses to ask the version", async () => {
    const ports = smoke({ name: "health", maxDurationMs: 2000 });
    ports.functions.whileThrottled = () => ports.clock.sleep(30_000);
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
  });

  it("fails but does not call the version bad when AWS throttles the smoke test", async () => {
    const ports = smoke({ name: "health" });
    ports.functions.calls.fail("invoke");
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    const known = ports.ledger.aliases.get(`${FUNCTION}:live`);
    expect([known?.lastKnownGood, known?.knownBad]).toEqual([undefined, {}]);
  });

  it("refuses an artifact that is known bad, under whatever version number", async () => {
    const ports = scene();
    const knownBad = {
      "sha-2/config-2": { version: "9", at: "2026-03-01", reason: "error-rate", deploymentId: "d-0" },
    };
    await ports.ledger.putAlias(FUNCTION, "live", { knownBad });
    await run(ports);
    expect(recordOf(ports)?.verdict?.reasons.map((reason) => reason.code)).toEqual(["known-bad"]);
  });

  it("refuses on a red blocker and notes the function's own red alarm only", async () => {
    const ports = scene({ blockers: ["db-alarm"] });
    ports.monitoring.states.set("goaround-dev-checkout.live.error-rate", "ALARM");
    ports.monitoring.states.set("db-alarm", "OK");
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(recordOf(ports)?.admissionFindings?.map((finding) => finding.code)).toEqual(["own-alarm-red"]);

    const red = scene({ blockers: ["db-alarm"] });
    red.monitoring.states.set("db-alarm", "ALARM");
    await run(red);
    expect(recordOf(red)?.verdict?.reasons.map((reason) => reason.code)).toEqual(["blocker-red"]);
  });

  it("gives a repeated event the answer of the first, and invokes nothing again", async () => {
    const ports = smoke({ name: "health" });
    ports.functions.respond = () => ({ functionError: "Unhandled" });
    await run(ports);
    ports.functions.respond = () => ({});
    await run(ports, { requestId: "request-2" });
    expect(reported(ports)).toBe("Failed");
    expect(ports.functions.calls.of("invoke")).toHaveLength(1);
  });

  it("sends no notification: the responder tells people once", async () => {
    const ports = scene();
    ports.functions.setAlias(FUNCTION, "live", "7");
    await run(ports);
    expect(ports.notifier.sent).toEqual([]);
  });

  it("lets a repeated event that comes during the shift change nothing", async () => {
    const ports = scene();
    await run(ports);
    ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
    await run(ports, { requestId: "request-2" });
    expect(recordOf(ports)).toMatchObject({ outcome: "open", preTrafficStatus: "Succeeded" });
  });

  it("opens no record once its time is up, although a slow call comes back later", async () => {
    const ports = scene();
    ports.monitoring.alarmStates = async () => {
      await ports.clock.sleep(400_000);
      return {};
    };
    await run(ports);
    await ports.clock.sleep(200_000);
    expect(reported(ports)).toBe("Failed");
    expect(recordOf(ports)?.openedAt).toBeUndefined();
  });

  it("admits nothing once its time is up", async () => {
    const ports = scene();
    const open = ports.ledger.openRelease.bind(ports.ledger);
    ports.ledger.openRelease = async (record) => {
      await ports.clock.sleep(400_000);
      return open(record);
    };
    await run(ports);
    await ports.clock.sleep(200_000);
    expect(reported(ports)).toBe("Failed");
    expect(recordOf(ports)?.preTrafficStatus).toBeUndefined();
  });
});

describe("what people have ordered", () => {
  const until = "2026-03-02T13:00:00.000Z";
  const order = { reason: "incident 7", by: "alice", at: "2026-03-02T11:00:00.000Z", until };
  const reasonsOf = (ports: FakePorts) => recordOf(ports)?.verdict?.reasons.map(({ code }) => code);
  const findingsOf = (ports: FakePorts) => recordOf(ports)?.admissionFindings?.map(({ code }) => code);
  const holidays: FreezeWindow = {
    id: "holidays",
    scope: "code",
    functionName: undefined,
    timeZone: "Europe/Berlin",
    times: { from: "2026-03-01", until: "2026-03-05" },
    reason: "quarter end",
    by: "alice",
  };
  const rolledBack = (ports: FakePorts, at: string) =>
    ports.ledger.putAlias(FUNCTION, "live", {
      rollbacks: [{ id: "1", at, automatic: true, actor: "respond", to: "1", left: ["3"], deploymentId: "d-0" }],
    });

  it("refuses a release in a freeze, with what to do", async () => {
    const ports = scene({ smokeTests: [{ name: "health" }] });
    ports.ledger.environment.freezes.push(holidays);
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(reasonsOf(ports)).toEqual(["frozen"]);
    expect(recordOf(ports)?.reason).toContain("goaround guard --action break-glass --function-name checkout");
    expect(ports.functions.calls.of("invoke")).toEqual([]);
  });

  it("lets a release through a freeze by a person's order, and records whose", async () => {
    const ports = scene();
    ports.ledger.environment.freezes.push(holidays);
    ports.ledger.environment.breakGlass.push({ ...order, functionName: FUNCTION, rules: ["frozen"] });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(recordOf(ports)?.admissionFindings).toMatchObject([
      { code: "break-glass-frozen", message: expect.stringContaining("let through by alice until") },
    ]);
  });

  it("refuses a release of a latched alias, and one that comes too soon after a rollback", async () => {
    const latched = scene();
    latched.ledger.environment.latches["checkout:live"] = { since: order.at, reason: "3 rollbacks", by: "respond" };
    await run(latched);
    expect(reasonsOf(latched)).toEqual(["latched"]);
    const cooling = scene();
    await rolledBack(cooling, "2026-03-02T11:57:00.000Z");
    await run(cooling);
    expect(reasonsOf(cooling)).toEqual(["cooldown"]);
    const rested = scene();
    await rolledBack(rested, "2026-03-02T11:55:00.000Z");
    await run(rested);
    expect(reported(rested)).toBe("Succeeded");
  });

  it("lets a disarmed guard only report what it would have refused", async () => {
    const ports = scene({ smokeTests: [{ name: "health" }] });
    ports.functions.respond = () => ({ functionError: "Unhandled" });
    ports.ledger.environment.freezes.push(holidays);
    ports.ledger.environment.disarmed["*"] = order;
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(findingsOf(ports)).toEqual(["report-only-frozen", "report-only-smoke-failed"]);
    expect(ports.ledger.aliases.get("checkout:live")?.knownBad).toEqual({});
  });

  it("never keeps a guard from refusing what cannot work", async () => {
    const ports = scene();
    ports.ledger.environment.disarmed["*"] = order;
    ports.ledger.environment.breakGlass.push({ ...order, functionName: undefined, rules: [] });
    ports.policies.documents.clear();
    await run(ports);
    expect(reasonsOf(ports)).toEqual(["policy-missing"]);
  });

  it("is not asked for when an undo comes", async () => {
    const ports = scene();
    ports.ledger.environment.freezes.push(holidays);
    ports.deployments.deployments.get(ID)!.creator = "codeDeployRollback";
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
  });
});

describe("what both versions share", () => {
  const drop = { name: "drop-total", reason: "the column is gone" };
  const orders = (writes: number, reads: number[]) => ({ schemas: { orders: { writes, reads } }, nonRevertible: [] });
  const serving = (ports: FakePorts, compatibility: Policy["compatibility"] & object) =>
    ports.ledger.putAlias(FUNCTION, "live", {
      declared: { "sha-1/config-1": { version: "1", at: "2026-03-01T00:00:00.000Z", compatibility } },
    });
  const aliasOf = (ports: FakePorts) => ports.ledger.aliases.get(`${FUNCTION}:live`);

  it("refuses a release before traffic whose data the version that serves would not read after a rollback", async () => {
    const ports = scene({ smokeTests: [{ name: "health" }], compatibility: orders(4, [3, 4]) });
    await serving(ports, orders(3, [3]));
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(recordOf(ports)?.verdict?.reasons.map(({ code }) => code)).toEqual(["incompatible"]);
    expect(recordOf(ports)?.reason).toContain("Release a version first that reads orders 4 and does not write it yet");
    expect(Object.keys(aliasOf(ports)?.declared ?? {})).toEqual(["sha-1/config-1"]);
    expect(ports.functions.calls.of("invoke")).toEqual([]);
  });

  it("lets one through that both read, and remembers what it declares for the next", async () => {
    const ports = scene({ compatibility: orders(4, [3, 4]) });
    await serving(ports, orders(3, [3, 4]));
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(recordOf(ports)?.admissionFindings).toBeUndefined();
    expect(aliasOf(ports)?.declared).toMatchObject({
      "sha-1/config-1": { compatibility: orders(3, [3, 4]) },
      "sha-2/config-2": { version: "2", compatibility: orders(4, [3, 4]) },
    });
  });

  it("only notes that the version that serves has declared nothing", async () => {
    const ports = scene({ compatibility: orders(4, [4]) });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(recordOf(ports)?.admissionFindings).toMatchObject([{ code: "compatibility-unknown" }]);
  });

  it("refuses a step that no rollback takes back until a person names it, and records both", async () => {
    const compatibility = { nonRevertible: [drop] };
    const refused = scene({ compatibility });
    await run(refused);
    expect(recordOf(refused)?.verdict?.reasons.map(({ code }) => code)).toEqual(["non-revertible-step"]);
    expect(aliasOf(refused)?.stepsTaken).toBeUndefined();

    const until = "2026-03-02T13:00:00.000Z";
    const order = { functionName: FUNCTION, reason: "backed up", by: "alice", at: "2026-03-02T11:00:00.000Z", until };
    for (const wrong of [{ step: "other" }, { functionName: "payments" }, { until: "2026-03-02T11:59:00.000Z" }]) {
      const ports = scene({ compatibility });
      ports.ledger.environment.allowedSteps.push({ ...order, step: drop.name, ...wrong });
      await run(ports);
      expect(reported(ports)).toBe("Failed");
    }

    const allowed = scene({ compatibility });
    allowed.ledger.environment.allowedSteps.push({ ...order, step: drop.name });
    await run(allowed);
    expect(reported(allowed)).toBe("Succeeded");
    expect(recordOf(allowed)?.admissionFindings).toMatchObject([
      {
        code: "allowed-step",
        message: expect.stringContaining("drop-total (the column is gone); let through by alice"),
      },
    ]);
    const taken = [{ ...drop, version: "2", deploymentId: ID, at: "2026-03-02T12:00:00.000Z" }];
    expect(recordOf(allowed)?.stepsTaken).toEqual(taken);
    expect(aliasOf(allowed)?.stepsTaken).toEqual(taken);
  });

  it("does not take a step for done whose release failed its smoke tests", async () => {
    const ports = scene({ compatibility: { nonRevertible: [drop] }, smokeTests: [{ name: "health" }] });
    ports.functions.respond = () => ({ functionError: "Unhandled" });
    const until = "2026-03-02T13:00:00.000Z";
    const glass = { reason: "incident 7", by: "alice", at: "2026-03-02T11:00:00.000Z", until, functionName: undefined };
    ports.ledger.environment.breakGlass.push({ ...glass, rules: ["non-revertible-step"] });
    await run(ports);
    expect(recordOf(ports)?.verdict?.reasons.map(({ code }) => code)).toEqual(["smoke-failed"]);
    expect(aliasOf(ports)?.stepsTaken).toBeUndefined();
  });

  it("is not asked for when an undo comes", async () => {
    const ports = scene({ compatibility: { ...orders(4, [4]), nonRevertible: [drop] } });
    await serving(ports, orders(3, [3]));
    ports.deployments.deployments.get(ID)!.creator = "CloudFormationRollback";
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
  });
});

describe("readiness", () => {
  it("refuses a release below what its policy asks for, from what is read anyway", async () => {
    const ports = scene({ minimumReadiness: 90 });
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    expect(recordOf(ports)?.verdict?.reasons.map(({ code }) => code)).toEqual(["not-ready"]);
    expect(recordOf(ports)?.reason).toContain("goaround ready --function-name checkout");
    expect(ports.monitoring.calls.log.map(({ operation }) => operation)).toEqual(["alarmStates"]);

    const low = scene({ minimumReadiness: 5 });
    await run(low);
    expect(reported(low)).toBe("Succeeded");
  });
});

describe("the history of an alias", () => {
  it("keeps where it can go back to, however many releases are refused or fail", async () => {
    const point = (version: string) => ({
      ...{ version, codeSha256: `sha-${version}`, configurationHash: "c", at: "2026-03-01T00:00:00Z" },
      deploymentId: `d-${version}`,
    });
    const versionsOf = ({ ledger }: FakePorts) =>
      ledger.aliases.get("checkout:live")!.rollbackPoints!.map(({ version }) => version);
    const known = { functionName: FUNCTION, alias: "live", lastKnownGood: undefined, knownBad: {} };
    const frozen = scene();
    const order = { id: "xmas", scope: "all", timeZone: "UTC", times: { from: "2026-03-01" }, by: "me", reason: "x" };
    Object.assign(frozen.ledger.environment, { freezes: [order] });
    await frozen.ledger.putAlias(FUNCTION, "live", { ...known, rollbackPoints: [point("7")] });
    await run(frozen);
    expect(reported(frozen)).toBe("Failed");
    expect(versionsOf(frozen)).toEqual(["7"]);

    const failing = scene({ smokeTests: [{ name: "health" }] });
    failing.functions.respond = () => ({ functionError: "Unhandled" });
    await failing.ledger.putAlias(FUNCTION, "live", { ...known, rollbackPoints: [point("7"), point("1"), point("6")] });
    await run(failing);
    expect(versionsOf(failing)).toEqual(["1", "7", "6"]);
  });

  it("has the release and where it can go back to before any traffic, and how it was refused", async () => {
    const ports = scene({ smokeTests: [{ name: "health" }] });
    ports.functions.respond = () => ({ functionError: "Unhandled" });
    await run(ports);
    expect(ports.ledger.aliases.get("checkout:live")).toMatchObject({
      releases: [{ deploymentId: ID, baselineVersion: "1", canaryVersion: "2", outcome: "blocked" }],
      rollbackPoints: [{ version: "1", codeSha256: "sha-1", configurationHash: "config-1", deploymentId: ID }],
    });
  });
});
