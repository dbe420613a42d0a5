import { gunzipSync, gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { createPostTraffic } from "../../lambdas/post-traffic/post-traffic.ts";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { createLookAfter } from "../../lambdas/report-failure/look-after.ts";
import { createSignals } from "../../lambdas/signals/signals.ts";
import { logSignals } from "../../lambdas/watch/log-signals.ts";
import { withProbeRequests } from "../../lambdas/watch/probes.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import { createTurn } from "../../lambdas/watch/turn.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import { INTERVAL_MS, noSignals } from "../../lib/core/signals/count.ts";
import { FROM_METRICS } from "../../lib/core/signals/log-looks.ts";
import type { KnownInterval } from "../../lib/core/signals/ports.ts";
import { versionInfo } from "../fakes/functions.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts, noCounts } from "../fakes/monitoring.ts";
import { contextOf, FUNCTION, ID, scene as plainScene, runWork, silent } from "./scene.ts";

const GROUP = `/aws/lambda/${FUNCTION}`;
const FILTER = `goaround-dev-${ID}`;
const minute = (text: string) => new Date(`2026-03-02T12:${text}.000Z`);
const SHIFT = minute("00:20");
const SHIFT_MS = 300_000;
/** 9 and 1 a second. */
const PER_INTERVAL = { 1: (9 * INTERVAL_MS) / 1000, 2: INTERVAL_MS / 1000 } as const;

let ports: FakePorts;
const scene = (policy: Partial<PolicyInput> = {}) => plainScene({ signals: { source: "logs" }, ...policy });
/** Share of the canary's requests that fail from a time on, and of records that the log delivers. */
let fault: { at: Date; percent: number } | undefined;
let delivered: number;
beforeEach(() => {
  fault = undefined;
  delivered = 1;
});

const isBad = (version: string, at: Date) => version === "2" && fault !== undefined && at >= fault.at;

/** What the log tells of one version's interval: it takes five seconds. */
function interval(version: "1" | "2", fromMs: number): KnownInterval {
  const requests = Math.round(PER_INTERVAL[version] * delivered);
  const thrown = isBad(version, new Date(fromMs)) ? Math.round((requests * fault!.percent) / 100) : 0;
  const none = noSignals(0);
  return {
    version,
    fromMs,
    counts: { ...none, requests, lagSeconds: 5, durationMs: 50 * requests, errors: { ...none.errors, thrown } },
  };
}

const pre = () => runWork(ports, createPreTraffic(ports, "dev", silent));

/** Admitted at 12:00, 10 % on version 2 since 12:00:20. Metrics of a minute are out a minute after it. */
async function shifting(policy: Partial<PolicyInput> = {}): Promise<void> {
  ports = scene(policy);
  await pre();
  ports.deployments.shifted(ID, SHIFT);
  ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
  ports.clock.set(SHIFT);
  ports.monitoring.perMinute = ({ version, minute: at }) => {
    if (ports.clock.now().getTime() < at.getTime() + 120_000) return noCounts;
    return version === "2" ? counts(60, isBad(version, at) ? fault!.percent : 0) : counts(540, 0);
  };
  ports.books.read = async (_, fromMs, toMs) => {
    const found: KnownInterval[] = [];
    for (let at = fromMs; at < toMs; at += INTERVAL_MS) {
      if (at + INTERVAL_MS + 5000 > ports.clock.now().getTime() || delivered === 0) continue;
      found.push(interval("1", at), interval("2", at));
    }
    return found;
  };
}

const turn = () => {
  const signals = withProbeRequests(logSignals(ports, lambdaMetrics(ports, silent), silent), ports, silent);
  return createTurn({ ...ports, signals }, "dev", silent)({ deploymentId: ID }, contextOf(ports, 330_000));
};

/** The state machine, and what CodeDeploy does meanwhile; until the responder is asked or the watch is done. */
async function watch(): Promise<void> {
  for (let turns = 0; turns < 200; turns += 1) {
    const { next, waitSeconds } = await turn();
    if (next === "done") return;
    if (ports.responder.asked.length > 0) return;
    await passTime(waitSeconds);
  }
  throw new Error("the watch does not end");
}

async function passTime(seconds: number): Promise<void> {
  const to = ports.clock.now().getTime() + seconds * 1000;
  const end = SHIFT.getTime() + SHIFT_MS;
  const target = ports.deployments.targets.get(ID)!;
  const isShifting = target.lifecycleEvents.find(({ name }) => name === "AllowTraffic")?.endedAt === undefined;
  if (to >= end && isShifting) {
    ports.clock.set(new Date(Math.max(end, ports.clock.now().getTime())));
    ports.deployments.shifted(ID, SHIFT, new Date(end));
    ports.functions.setAlias(FUNCTION, "live", "2");
    const event = { DeploymentId: ID, LifecycleEventHookExecutionId: "execution-2" };
    await runWork(ports, createPostTraffic(ports, "dev", silent), { event });
  }
  ports.clock.set(new Date(Math.max(to, ports.clock.now().getTime())));
}

const record = () => ports.ledger.releases.get(ID)!;
const findings = () => record().judging?.verdict.findings.map(({ code }) => code) ?? [];
const askedAfterSeconds = () => (Date.parse(record().watch!.askedAt!) - fault!.at.getTime()) / 1000;

describe("a release that is judged by its log", () => {
  it("is rolled back within seconds of the fault", async () => {
    await shifting();
    fault = { at: minute("01:30"), percent: 50 };
    await watch();
    expect(ports.responder.asked).toHaveLength(1);
    expect(askedAfterSeconds()).toBeLessThanOrEqual(30);
    expect(ports.responder.asked[0]?.verdict.reasons[0]?.code).toBe("more-errors");
  });

  it("is told how it failed when it is rolled back", async () => {
    await shifting();
    fault = { at: minute("01:30"), percent: 50 };
    const read = ports.books.read;
    ports.books.read = async (...query) =>
      (await read(...query)).map(({ counts: of, ...known }) => {
        const { thrown } = of.errors;
        if (known.version === "1" || thrown === 0) return { ...known, counts: of };
        return {
          ...known,
          counts: { ...of, initFailures: 1, memoryMb: 120, errors: { ...of.errors, thrown: 0, timeout: thrown } },
        };
      });
    await watch();
    const { findings: told } = ports.responder.asked[0]!.verdict;
    const message = told.find(({ code }) => code === "how-it-failed")?.message;
    expect(message).toMatch(
      /^of the canary's (\d+) errors \1 were time-outs; \d+ of its environments did not start; it used 120 MB/,
    );
  });

  it("says nothing of single failures when it is promoted", async () => {
    await shifting();
    const read = ports.books.read;
    ports.books.read = async (...query) =>
      (await read(...query)).map((known) => ({
        ...known,
        counts: { ...known.counts, memoryMb: 90, initFailures: known.fromMs === minute("02:00").getTime() ? 1 : 0 },
      }));
    await watch();
    expect(record().outcome).toBe("promoted");
    expect(findings()).toEqual([]);
    expect(record().judging!.logs!.failures).toEqual({ errors: {}, initFailures: 1, memoryMb: 90 });
  });

  it("is promoted when it is good, after looks of ten seconds that agree with the metrics", async () => {
    await shifting();
    await watch();
    expect(record()).toMatchObject({ outcome: "promoted", verdict: { kind: "promote" } });
    expect(findings()).toEqual([]);
    expect(record().judging!.looks).toBe(30);
    expect(record().judging!.logs!.compared.canary.requests).toEqual({ logs: 180, metrics: 180 });
    expect(record().judging!.judgedUntil).toBe(minute("05:20").toISOString());
  });

  it("leaves neither filter nor plan behind", async () => {
    await shifting();
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual([FILTER]);
    expect(ports.books.plans.get(GROUP)).toMatchObject({ deploymentId: ID, versions: ["1", "2"] });
    await watch();
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual([]);
    expect(ports.books.plans.size).toBe(0);
    expect([...ports.sweep.open]).toEqual([]);
  });

  it("counts no probes, which are sent once a minute", async () => {
    await shifting({ smokeTests: [{ name: "health" }], probes: { perLook: 2 } });
    let last = 0;
    ports.functions.respond = () => ({ requestId: `probe-${++last}` });
    while (ports.clock.now() < minute("04:00")) await passTime((await turn()).waitSeconds);
    const minutes = Math.floor((Date.parse(record().judging!.judgedUntil) - minute("00:00").getTime()) / 60_000);
    expect(record().judging!.probed!.canary).toEqual({ asked: 2 * minutes, failed: 0 });
    const probes = Array.from({ length: last }, (_, i) => `probe-${i + 1}`);
    expect(ports.books.plans.get(GROUP)?.ownRequests).toEqual(expect.arrayContaining(probes));
    expect(findings()).not.toContain(FROM_METRICS);
  });

  it("is counted no longer than somebody looks at it", async () => {
    await shifting();
    while (ports.clock.now() < minute("06:00")) await passTime((await turn()).waitSeconds);
    expect(record().postTrafficStatus).toBeUndefined();
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual([]);
    expect(ports.books.plans.size).toBe(0);
  });

  it("looks by the minute where the policy has triggers of its own", async () => {
    const trigger = { name: "slow", expression: "average_response_time > 9000" };
    await shifting({ triggers: [{ ...trigger, severity: "warning", delaySeconds: 60 }] });
    await watch();
    expect(record().judging!.looks).toBe(5);
  });

  it.each([
    ["says nothing", 0],
    ["loses three records in ten", 0.7],
    ["has some twice", 1.1],
  ])("goes on by metrics when the log %s, and says so", async (_, share) => {
    await shifting();
    delivered = share;
    fault = { at: minute("00:00"), percent: share === 0 ? 30 : 0 };
    await watch();
    expect(findings()).toContain(FROM_METRICS);
    if (share === 0) expect(ports.responder.asked).toHaveLength(1);
    else expect(record().outcome).toBe("promoted");
  });

  it.each([60, 75, 85])(
    "judges every minute by metrics that are out after %s s, when the log never said a thing",
    async (seconds) => {
      await shifting();
      const published = ports.monitoring.perMinute;
      ports.monitoring.perMinute = (side) => {
        const isOut = ports.clock.now().getTime() >= side.minute.getTime() + 60_000 + seconds * 1000;
        return isOut ? published(side) : noCounts;
      };
      delivered = 0;
      await watch();
      const read = ports.monitoring.calls.of("versionCounts") as { version: string; from: Date }[];
      const minutes = read.filter(({ version }) => version === "2").map(({ from }) => from.toISOString().slice(14, 19));
      expect([...new Set(minutes)]).toEqual(["01:00", "02:00", "03:00", "04:00"]);
      expect(record().outcome).toBe("promoted");
    },
  );

  it("is left for metrics that cannot be read either: nothing known is no good news", async () => {
    await shifting();
    delivered = 0;
    ports.monitoring.calls.fail("minuteCounts");
    ports.monitoring.calls.fail("versionCounts");
    await watch();
    expect(record().verdict?.reasons.map(({ code }) => code)).toContain("monitoring-unavailable");
    expect(findings()).toContain(FROM_METRICS);
  });

  describe("while Lambda's metrics cannot be read", () => {
    beforeEach(async () => {
      await shifting();
      ports.monitoring.calls.fail("minuteCounts");
    });

    it("goes on by a log that tells something, and says so from three minutes on, and in the end", async () => {
      const told: (string | undefined)[] = [];
      for (let ran = await turn(); ran.next !== "done"; ran = await turn()) {
        if (findings().includes("log-not-compared")) told.push(record().judging?.judgedUntil.slice(14, 19));
        await passTime(ran.waitSeconds);
      }
      expect(told[0]! >= "04:00" && told[0]! < "05:20").toBe(true);
      expect(record()).toMatchObject({ outcome: "promoted" });
      expect(record().verdict?.findings.map(({ code }) => code)).toContain("log-not-compared");
    });

    it("compares what is left once they can be read again", async () => {
      while (ports.clock.now() < minute("04:30")) await passTime((await turn()).waitSeconds);
      expect(findings()).toContain("log-not-compared");
      ports.monitoring.calls.heal("minuteCounts");
      await watch();
      expect(findings()).toEqual([]);
      expect(record().judging!.logs!.compared.canary.requests).toEqual({ logs: 180, metrics: 180 });
    });
  });

  describe("where the policy has a metric of its own", () => {
    const metrics = [{ name: "refused", namespace: "shop", metric: "Refused", versionDimension: "Version" }] as const;
    const triggers = [
      { name: "refusals", expression: "refused > 1", severity: "critical", delaySeconds: 0 } as const,
    ] as const;
    const own = { metrics: [...metrics], triggers: [...triggers] };

    it("is held against Lambda's metrics although that one cannot be read, which is said", async () => {
      await shifting(own);
      ports.monitoring.calls.fail("declaredMetrics");
      while (!findings().includes("metric-unreadable")) await passTime((await turn()).waitSeconds);
      expect(record().judging!.logs!.compared.canary.requests).toEqual({ logs: 60, metrics: 60 });
      delivered = 0.7;
      await watch();
      expect(findings()).toContain(FROM_METRICS);
    });

    it("is rolled back by that one although Lambda's cannot be read", async () => {
      await shifting(own);
      ports.monitoring.calls.fail("minuteCounts");
      ports.monitoring.declared = ({ version }) => (version === "2" ? 9 : 0);
      await watch();
      expect(ports.responder.asked[0]?.verdict.reasons.map(({ code }) => code)).toContain("trigger-refusals");
    });

    it("is not rolled back for throttles of several minutes that become readable at once", async () => {
      const rate = { name: "throttled", expression: "throttle_rate > 0.05", severity: "critical", delaySeconds: 0 };
      await shifting({ triggers: [{ ...rate, severity: "critical" }] });
      const published = ports.monitoring.perMinute;
      ports.monitoring.perMinute = (side) => {
        const seen = published(side);
        return seen === noCounts ? seen : { ...seen, throttles: 0.02 * seen.invocations };
      };
      ports.monitoring.calls.fail("minuteCounts");
      while (ports.clock.now() < minute("04:20")) await passTime((await turn()).waitSeconds);
      ports.monitoring.calls.heal("minuteCounts");
      await watch();
      expect(ports.responder.asked).toEqual([]);
      expect(record().outcome).toBe("promoted");
    });
  });

  it("judges nothing again by metrics that the log has told", async () => {
    await shifting();
    fault = { at: minute("02:00"), percent: 0 };
    const read = ports.books.read;
    ports.books.read = async (...query) => {
      if (ports.clock.now() >= minute("02:45")) throw new Error("no answer");
      return read(...query);
    };
    await watch();
    expect(findings()).toContain(FROM_METRICS);
    const left = record().judging!.logs!.left!.at;
    const again = ports.monitoring.calls.of("minuteCounts") as { from: Date; slowThresholdsMs: number[] }[];
    const judged = again.filter(({ from }) => from >= minute("02:00"));
    expect(judged.length).toBeGreaterThan(0);
    expect(Math.min(...judged.map(({ from }) => from.getTime()))).toBeGreaterThanOrEqual(Date.parse(left));
  });

  it("stays in the sweep while its filter cannot be removed; the sweep removes it", async () => {
    await shifting();
    ports.subscriptions.calls.fail("remove");
    await watch();
    expect([...ports.sweep.open]).toEqual([ID]);
    expect(record().outcome).toBe("promoted");
    ports.subscriptions.calls.heal("remove");
    ports.deployments.deployments.get(ID)!.status = "Succeeded";
    const all = { ...ports, now: () => ports.clock.now(), emit: () => undefined };
    await createLookAfter(all, "dev", silent).sweep("sweep-1");
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual([]);
    expect([...ports.sweep.open]).toEqual([]);
  });

  it("is tidied up by the sweep when CodeDeploy does not know its deployment any more", async () => {
    await shifting();
    ports.deployments.deployments.delete(ID);
    const all = { ...ports, now: () => ports.clock.now(), emit: () => undefined };
    await createLookAfter(all, "dev", silent).sweep("sweep-1");
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual([]);
  });
});

describe("subscribing to a release's log", () => {
  it.each(["taken", "no-log-group", "not-allowed", "not-supported"] as const)(
    "is given up politely when it is refused (%s): metrics are judged, and a finding says why",
    async (refusal) => {
      ports = scene();
      ports.subscriptions.refusals.set(GROUP, refusal);
      await pre();
      expect(record().preTrafficStatus).toBe("Succeeded");
      expect(record().signals).toBeUndefined();
      expect(record().admissionFindings?.map(({ code }) => code)).toEqual([FROM_METRICS]);
      expect(ports.books.plans.size).toBe(0);
    },
  );

  it("counts a sample where there was more traffic than the policy's limit, and says so", async () => {
    ports = scene({ signals: { source: "logs", sampleAbovePerSecond: 100 } });
    ports.monitoring.perMinute = () => counts(60 * 350, 0);
    await pre();
    expect(record().signals?.sampleOneIn).toBe(4);
    expect(ports.books.plans.get(GROUP)?.sampleOneIn).toBe(4);
    expect(record().admissionFindings?.map(({ code }) => code)).toEqual(["signals-sampled"]);
  });

  it("counts all where the traffic before the release cannot be read", async () => {
    ports = scene({ signals: { source: "logs", sampleAbovePerSecond: 100 } });
    ports.monitoring.calls.fail("aliasCounts");
    await pre();
    expect(record().signals).toMatchObject({ filterName: FILTER });
    expect(record().signals?.sampleOneIn).toBeUndefined();
    expect(record().admissionFindings).toBeUndefined();
  });

  it("leaves other people's filters alone", async () => {
    ports = scene();
    ports.subscriptions.filters.set(GROUP, new Set(["theirs", "others"]));
    await pre();
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual(["theirs", "others"]);
    expect(record().admissionFindings?.[0]?.message).toContain("two subscription filters already");
  });

  it("survives a fault of CloudWatch Logs, and keeps the filter's place where it could not tidy up", async () => {
    ports = scene();
    ports.subscriptions.calls.fail("put");
    ports.subscriptions.calls.fail("remove");
    await pre();
    expect(record().preTrafficStatus).toBe("Succeeded");
    expect(record().signals).toMatchObject({ filterName: FILTER });
    expect(record().admissionFindings?.map(({ code }) => code)).toEqual([FROM_METRICS]);
  });

  it("is not done where the policy wants metrics", async () => {
    ports = scene({ signals: { source: "metrics" } });
    await pre();
    expect(ports.subscriptions.calls.log).toEqual([]);
    expect(record().signals).toBeUndefined();
  });

  it.each(["1", "2"])("is not done where the log of version %s hides the requests that went well", async (version) => {
    ports = scene();
    const { versions } = ports.functions.functions.get(FUNCTION)!;
    versions.set(version, { ...versionInfo(version), ...versions.get(version), systemLogLevel: "WARN" });
    await pre();
    expect(ports.subscriptions.calls.log).toEqual([]);
    expect(record().signals).toBeUndefined();
    expect(record().admissionFindings).toMatchObject([
      { code: FROM_METRICS, message: expect.stringContaining("WARN") },
    ]);
  });

  it.each(["java21", undefined])("is not done where version 1 logs text of the runtime %s", async (runtime) => {
    ports = scene();
    const { versions } = ports.functions.functions.get(FUNCTION)!;
    versions.set("1", { ...versionInfo("1"), ...versions.get("1"), logFormat: "Text", runtime });
    await pre();
    expect(ports.subscriptions.calls.log).toEqual([]);
    expect(record().admissionFindings).toMatchObject([
      { code: FROM_METRICS, message: expect.stringContaining("version 1 logs text") },
    ]);
  });

  it("is for good where the policy says so", async () => {
    await shifting({ signals: { source: "logs", logs: "always" } });
    await watch();
    expect([...ports.subscriptions.filters.get(GROUP)!]).toEqual(["goaround-dev-always"]);
    expect(ports.books.plans.size).toBe(0);
  });

  it("takes the log groups of both versions", async () => {
    ports = scene();
    const versions = ports.functions.functions.get(FUNCTION)!.versions;
    versions.set("2", { ...versionInfo("2"), ...versions.get("2"), logGroup: "/checkout/new" });
    await pre();
    expect(record().signals?.logGroups).toEqual([GROUP, "/checkout/new"]);
  });
});

describe("the signals Lambda", () => {
  const STREAM = "2026/03/02/[2]0123456789abcdef0123456789abcdef";
  const report = (requestId: string, status: string) => ({
    id: requestId,
    timestamp: SHIFT.getTime(),
    message: JSON.stringify({
      time: SHIFT.toISOString(),
      type: "platform.report",
      record: { requestId, status, metrics: { durationMs: 5 } },
    }),
  });
  const pack = (document: unknown) => ({
    awslogs: { data: gzipSync(JSON.stringify(document)).toString("base64") },
  });
  const by = (filter: string, ...logEvents: object[]) =>
    pack({
      messageType: "DATA_MESSAGE",
      logGroup: GROUP,
      logStream: STREAM,
      subscriptionFilters: [filter],
      logEvents,
    });
  const batch = (...logEvents: object[]) => by(FILTER, ...logEvents);
  const unpacked = (data: string) => gunzipSync(Buffer.from(data, "base64")).toString();
  const send = (event: unknown) =>
    createSignals({ books: ports.books, unpack: unpacked, now: () => ports.clock.now() }, silent)(event);
  const counted = () =>
    [...ports.books.intervals.values()].map(({ version, counts: of }) => [version, of.requests, of.errors.thrown]);

  beforeEach(async () => {
    ports = scene();
    await pre();
  });

  it("adds a batch to the open release, once however often it comes", async () => {
    const event = batch(report("a", "success"), report("b", "error"));
    await send(event);
    await send(event);
    await send(batch(report("c", "success")));
    expect(counted()).toEqual([["2", 3, 1]]);
  });

  it("counts once what comes by two filters of the guard's own, as while a permanent one is left over", async () => {
    await send(by("goaround-dev-always", report("a", "success"), report("b", "error")));
    await send(by("goaround-dev-always", report("c", "success")));
    await send(batch(report("a", "success"), report("b", "error"), report("c", "success")));
    expect(counted()).toEqual([["2", 3, 1]]);
  });

  it("drops what it cannot read, and tries that the service makes", async () => {
    for (const event of [
      null,
      {},
      { awslogs: { data: "no" } },
      pack("text"),
      pack({ messageType: "CONTROL_MESSAGE" }),
    ]) {
      await send(event);
    }
    expect(counted()).toEqual([]);
  });

  it("counts nothing while no release of the log group is open", async () => {
    ports.books.plans.clear();
    await send(batch(report("a", "success")));
    expect(counted()).toEqual([]);
  });

  it("fails when the books cannot be written, so that the batch comes again", async () => {
    ports.books.calls.fail("add");
    await expect(send(batch(report("a", "success")))).rejects.toThrow();
  });
});
