import { describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { SideCounts } from "../../lib/core/judge/types.ts";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { FLAGS, FUNCTION, ID, runWork, scene, silent } from "./scene.ts";

const minute = (text: string) => new Date(`2026-03-02T12:${text}.000Z`);
const AFTER = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };

/** The release was admitted at 12:00 and shifted from 12:00:20 to 12:05:20; the alias is at version 2. */
async function shifted(policy: Partial<PolicyInput> = {}): Promise<FakePorts> {
  const ports = scene(policy);
  await runWork(ports, createPreTraffic(ports, "dev", silent));
  ports.executions.statuses.set(ID, "ABORTED");
  ports.deployments.shifted(ID, minute("00:20"), minute("05:20"));
  ports.functions.setAlias(FUNCTION, "live", "2");
  ports.clock.set(minute("05:22"));
  return ports;
}

const run = (ports: FakePorts, options = {}) =>
  runWork(ports, createPostTraffic(ports, "dev", silent), { event: AFTER, ...options });
const answer = (ports: FakePorts) => ports.deployments.reports.get(`${ID}/execution-2`);
const recordOf = (ports: FakePorts) => ports.ledger.releases.get(ID);
const sides = (ports: FakePorts, canary: SideCounts, baseline: SideCounts) => {
  ports.monitoring.perMinute = ({ version }) => (version === "2" ? canary : baseline);
};

describe("post-traffic", () => {
  it("promotes a good version: known good, closed, and nobody is bothered", async () => {
    const ports = await shifted();
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(recordOf(ports)).toMatchObject({
      outcome: "promoted",
      verdict: { kind: "promote" },
      shiftStartedAt: "2026-03-02T12:00:20.000Z",
      closedAt: expect.any(String),
    });
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)).toMatchObject({
      lastReleaseId: ID,
      lastKnownGood: { version: "2", codeSha256: "sha-2", deploymentId: ID },
    });
    expect(ports.notifier.sent).toEqual([]);
  });

  it("looks at both versions over the same whole minutes in which traffic was split", async () => {
    const ports = await shifted();
    await run(ports);
    const queries = ports.monitoring.calls.of("versionCounts") as { version: string; from: Date; to: Date }[];
    const spans = (version: string) =>
      queries.filter((query) => query.version === version).map((query) => query.from.toISOString().slice(14, 19));
    expect(spans("2")).toEqual(["01:00", "02:00", "03:00", "04:00"]);
    expect(spans("1")).toEqual(spans("2"));
  });

  it("waits until the metrics of a minute are published before it looks at it", async () => {
    const ports = await shifted();
    ports.monitoring.perMinute = ({ version, minute: at }) => {
      const published = ports.clock.now().getTime() >= at.getTime() + 60_000 + 60_000;
      return published
        ? counts(version === "2" ? 60 : 540, version === "2" && at >= minute("04:00") ? 90 : 0)
        : noCounts;
    };
    await run(ports);
    expect(recordOf(ports)?.verdict?.kind).toBe("rollback");
  });

  it("fails a bad version, remembers it and leaves the notification to the responder", async () => {
    const ports = await shifted();
    sides(ports, counts(60, 20), counts(540, 0));
    await run(ports);
    expect(answer(ports)).toBe("Failed");
    expect(recordOf(ports)).toMatchObject({ verdict: { kind: "rollback" }, actor: "post-traffic", outcome: "open" });
    expect(recordOf(ports)?.reason).toContain("12 of 60 canary requests failed");
    const alias = ports.ledger.aliases.get(`${FUNCTION}:live`);
    expect(alias?.knownBad["sha-2/config-2"]?.reason).toBe("more-errors");
    expect(alias?.lastKnownGood).toBeUndefined();
    expect(ports.notifier.sent).toEqual([]);
  });

  it("does not wait for the last minutes when the first have decided", async () => {
    const ports = await shifted();
    sides(ports, counts(60, 50), counts(540, 0));
    await run(ports);
    expect(ports.clock.now()).toEqual(minute("05:22"));
  });

  it("applies the threshold that was given for this release", async () => {
    const ports = await shifted();
    await ports.ledger.updateRelease(ID, { rollbackThresholdPercent: 2 });
    sides(ports, counts(100, 3), counts(900, 0));
    await run(ports);
    expect(answer(ports)).toBe("Failed");
  });

  it("promotes on too few requests and says what was not known", async () => {
    const ports = await shifted();
    sides(ports, counts(1, 0), counts(3, 0));
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(ports.notifier.sent).toEqual([
      expect.objectContaining({
        severity: "warning",
        data: expect.objectContaining({
          outcome: "promoted",
          findings: ["too-few-samples", "durations-not-compared", "effect"],
        }),
      }),
    ]);
    expect(ports.notifier.sent[0]?.lines.join("\n")).toContain("16 more");
  });

  it("fails on too few requests when the policy asks for it, without calling the version bad", async () => {
    const ports = await shifted({ onInconclusive: "rollback" });
    sides(ports, counts(1, 0), counts(3, 0));
    await run(ports);
    expect(answer(ports)).toBe("Failed");
    const known = ports.ledger.aliases.get(`${FUNCTION}:live`);
    expect([known?.lastKnownGood, known?.knownBad]).toEqual([undefined, {}]);
  });

  it("treats monitoring that cannot be read as not known, never as good or bad", async () => {
    const ports = await shifted();
    ports.monitoring.calls.fail("versionCounts");
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(recordOf(ports)?.verdict?.kind).toBe("inconclusive");
    expect(ports.notifier.sent[0]?.data.findings).toEqual(["monitoring-unavailable"]);
  });

  it("reads again when monitoring fails once", async () => {
    const ports = await shifted();
    ports.monitoring.calls.fail("versionCounts", throttled(), 1);
    await run(ports);
    expect(recordOf(ports)?.verdict?.kind).toBe("promote");
  });

  it("concludes with what it could see when its time does not reach to the last minute's metrics", async () => {
    const ports = await shifted();
    await run(ports, { timeoutMs: 40_000 });
    expect(answer(ports)).toBe("Succeeded");
    expect(recordOf(ports)?.verdict).toMatchObject({
      kind: "inconclusive",
      reasons: [{ code: "monitoring-unavailable" }],
    });
  });

  it("finds a slow version by the durations that were fixed before the shift", async () => {
    const ports = await shifted();
    await ports.ledger.updateRelease(ID, { slowThresholdsMs: [100, 900] });
    sides(ports, { ...counts(60), slow: [50, 6] }, { ...counts(540), slow: [54, 5] });
    await run(ports);
    expect(recordOf(ports)?.verdict?.reasons[0]).toMatchObject({ code: "slower", observed: 50, baseline: 54 });
    expect(recordOf(ports)?.verdict?.reasons[0]?.message).toContain("slower than 100 ms");
  });

  it("credits cold starts as far as the alias had requests at once", async () => {
    const ports = await shifted();
    await ports.ledger.updateRelease(ID, { slowThresholdsMs: [100] });
    ports.monitoring.served = { functionName: FUNCTION, requests: 0, valuesMs: [], peak: 50 };
    ports.monitoring.perMinute = ({ version, minute: at }) =>
      version === "2"
        ? { ...counts(60), slow: [at.getTime() === minute("01:00").getTime() ? 50 : 6] }
        : { ...counts(540), slow: [54] };
    await run(ports);
    expect(recordOf(ports)?.verdict?.kind).toBe("promote");
  });

  it("keeps what the judge knows in the record, in 8 KB, and goes on from it", async () => {
    const ports = await shifted();
    await run(ports);
    const judging = recordOf(ports)?.judging;
    expect(judging).toMatchObject({ looks: 4, judgedUntil: "2026-03-02T12:05:00.000Z", verdict: { kind: "promote" } });
    expect(JSON.stringify(judging?.state).length).toBeLessThanOrEqual(8192);

    const again = await shifted();
    await again.ledger.updateRelease(ID, {
      judging: { ...judging!, judgedUntil: "2026-03-02T12:04:00.000Z", looks: 3 },
    });
    await run(again);
    expect(again.monitoring.calls.of("versionCounts")).toHaveLength(2);
    expect(recordOf(again)?.judging).toMatchObject({ looks: 4, judgedUntil: "2026-03-02T12:05:00.000Z" });
  });

  it("takes the word of a judgement that has fallen already", async () => {
    const ports = await shifted();
    await run(ports);
    const fallen = { ...recordOf(ports)!.judging!, verdict: { kind: "rollback" as const, reasons: [], findings: [] } };
    const again = await shifted();
    await again.ledger.updateRelease(ID, { judging: fallen });
    await run(again);
    expect(answer(again)).toBe("Failed");
    expect(again.monitoring.calls.of("versionCounts")).toEqual([]);
  });

  it("counts what is published late in a later look", async () => {
    const ports = await shifted();
    let reads = 0;
    const read = ports.monitoring.minuteCounts.bind(ports.monitoring);
    ports.monitoring.minuteCounts = async (query) => {
      reads += 1;
      const minutes = await read(query);
      // The first look sees half of its minute.
      return reads <= 2 ? minutes.map((one) => ({ ...one, invocations: one.invocations / 2 })) : minutes;
    };
    await run(ports);
    expect((recordOf(ports)?.judging?.state as { totals?: object } | undefined)?.totals).toMatchObject({
      canaryRequests: 240,
      baselineRequests: 2160,
    });
  });

  it("rolls back on a metric that the policy declares, of the canary alone", async () => {
    const metrics = [{ name: "security_events", namespace: "Shop", metric: "Denied", versionDimension: "Version" }];
    const ports = await shifted({ metrics });
    ports.monitoring.declared = ({ version }) => (version === "2" ? 1 : 0);
    await run(ports);
    expect(recordOf(ports)?.verdict?.reasons[0]).toMatchObject({
      code: "trigger-security_event",
      observed: 1,
      limit: 0,
    });
  });

  it("names an outage of both versions in a notification", async () => {
    const ports = await shifted();
    sides(ports, counts(60, 30), counts(540, 30));
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(ports.notifier.sent[0]?.data.findings).toEqual(["baseline-unhealthy"]);
  });

  it("leaves a fault of both versions to the responder where the release has flags", async () => {
    const ports = await shifted({ flags: FLAGS });
    sides(ports, counts(60, 30), counts(540, 30));
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(ports.notifier.sent).toEqual([]);
  });

  it.each([
    ["still at the old version", "1", {}],
    ["split", "1", { 2: 0.1 }],
  ])("fails a deployment whose alias is %s, without calling the version bad", async (_, version, weights) => {
    const ports = await shifted();
    ports.functions.setAlias(FUNCTION, "live", version, weights);
    await run(ports);
    expect(answer(ports)).toBe("Failed");
    expect(recordOf(ports)?.verdict?.reasons[0]?.code).toBe("alias-not-shifted");
    const known = ports.ledger.aliases.get(`${FUNCTION}:live`);
    expect([known?.lastKnownGood, known?.knownBad]).toEqual([undefined, {}]);
  });

  it("takes a weight of 1.0 for what it is: Lambda moving provisioned concurrency", async () => {
    const ports = await shifted();
    ports.functions.setAlias(FUNCTION, "live", "2", { 1: 1 });
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
  });

  it("only tells about a bad version when automatic rollback is off", async () => {
    const ports = await shifted({ automaticRollback: false });
    sides(ports, counts(60, 50), counts(540, 0));
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(ports.notifier.sent[0]).toMatchObject({
      severity: "critical",
      data: { findings: expect.arrayContaining(["more-errors"]) },
    });
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.lastKnownGood).toBeUndefined();
  });

  it("gives a repeated event the answer of the first and tells people once", async () => {
    const ports = await shifted();
    sides(ports, counts(1, 0), counts(3, 0));
    await run(ports);
    await run(ports, { requestId: "request-2" });
    expect(ports.notifier.sent).toHaveLength(1);
    expect(ports.deployments.calls.of("reportHook")).toHaveLength(3);
    expect(answer(ports)).toBe("Succeeded");
  });

  it("does not change its mind when the event comes again", async () => {
    const ports = await shifted();
    sides(ports, counts(60, 50), counts(540, 0));
    await run(ports);
    sides(ports, counts(60, 0), counts(540, 0));
    await run(ports, { requestId: "request-2" });
    expect(recordOf(ports)).toMatchObject({ verdict: { kind: "rollback" }, postTrafficStatus: "Failed" });
  });

  it("does not take its word back when the event comes again after somebody has moved the alias", async () => {
    const ports = await shifted();
    sides(ports, counts(600, 0), counts(5400, 0));
    await run(ports);
    expect(recordOf(ports)?.postTrafficStatus).toBe("Succeeded");
    ports.functions.setAlias(FUNCTION, "live", "1");
    await run(ports, { requestId: "request-2" });
    expect(recordOf(ports)).toMatchObject({ postTrafficStatus: "Succeeded" });
  });

  it("writes no verdict once its time is up", async () => {
    const ports = await shifted();
    const read = ports.monitoring.versionCounts.bind(ports.monitoring);
    ports.monitoring.versionCounts = async (query) => {
      await ports.clock.sleep(400_000);
      return read(query);
    };
    await run(ports);
    await ports.clock.sleep(3_000_000);
    expect(answer(ports)).toBe("Failed");
    expect(recordOf(ports)?.verdict).toBeUndefined();
  });

  it("does not promote when CodeDeploy had an answer already", async () => {
    const ports = await shifted();
    ports.deployments.reports.set(`${ID}/execution-2`, "Failed");
    await run(ports);
    expect(recordOf(ports)).toMatchObject({ outcome: "open", closedAt: undefined });
    const known = ports.ledger.aliases.get(`${FUNCTION}:live`);
    expect([known?.lastKnownGood, known?.knownBad]).toEqual([undefined, {}]);
  });

  it("judges a release that pre-traffic never saw by the policy as it stands", async () => {
    const ports = await shifted();
    ports.ledger.releases.clear();
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
    expect(recordOf(ports)).toMatchObject({ outcome: "promoted", canaryVersion: "2" });
  });

  it("succeeds although the ledger fails after the report", async () => {
    const ports = await shifted();
    ports.ledger.calls.fail("putAlias");
    await run(ports);
    expect(answer(ports)).toBe("Succeeded");
  });
});
