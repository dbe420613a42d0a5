import { describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import { withProbeRequests } from "../../lambdas/watch/probes.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { Verdict } from "../../lib/core/judge/types.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { throttled } from "../fakes/faults.ts";
import { counts } from "../fakes/monitoring.ts";
import { FUNCTION, ID, runWork, scene, silent } from "./scene.ts";

const START = Date.parse("2026-03-02T12:00:20.000Z");
const routing = { kind: "canary", percentage: 10, intervalMinutes: 5 } as const;
const smokeTests = [{ name: "health" }];

/** Hardly any traffic, none of it failing; probes fail at these rates. Answers the last verdict and who was asked. */
async function shift(
  policy: Partial<PolicyInput>,
  { canary, baseline, seed = 1, broken = false }: { canary: number; baseline: number; seed?: number; broken?: boolean },
): Promise<{ verdict: Verdict; asked: unknown[] }> {
  const ports = scene({ signals: { source: "metrics" }, ...policy });
  await runWork(ports, createPreTraffic(ports, "dev", silent));
  const before = ports.functions.calls.of("invoke").length;
  ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 1 : 4, 0);
  ports.clock.set(new Date(START + 480_000));
  const random = new SeededRandom(seed);
  ports.functions.respond = ({ qualifier }) =>
    random.chance(qualifier === "2" ? canary : baseline) ? { functionError: "Unhandled" } : {};
  if (broken) ports.functions.calls.fail("invoke", throttled());
  const signals = withProbeRequests(lambdaMetrics(ports, silent), ports, silent);
  const watched = { startedAt: new Date(START), endedAt: new Date(START + 300_000) };
  let release = ports.ledger.releases.get(ID)!;
  for (;;) {
    const window = (await signals.next({ release, shift: watched, routing }, ports.clock.now()))?.window;
    if (!window || release.judging?.verdict.kind === "rollback") break;
    release = { ...release, judging: await signals.look(release, window, new AbortController().signal) };
  }
  return { verdict: release.judging!.verdict, asked: ports.functions.calls.of("invoke").slice(before) };
}

describe("probes", () => {
  it("find a bad version that traffic is too thin to show", async () => {
    const faulty = { canary: 0.3, baseline: 0 };
    expect((await shift({ smokeTests }, faulty)).verdict.kind).toBe("inconclusive");
    const { verdict } = await shift({ smokeTests, probes: { perLook: 30 } }, faulty);
    expect(verdict).toMatchObject({ kind: "rollback", reasons: [{ code: "probes-fail" }] });
    expect(verdict.reasons[0]?.message).toMatch(/of \d+ probes .* version 2 failed \d+, version 1 0/);
  });

  it("are none unless the policy asks for them", async () => {
    expect((await shift({ smokeTests }, { canary: 0, baseline: 0 })).asked).toEqual([]);
  });

  it("go to both versions themselves, not to the alias", async () => {
    const { asked } = await shift({ smokeTests, probes: { perLook: 2 } }, { canary: 0, baseline: 0 });
    const to = (qualifier: string) =>
      asked.filter((call) => (call as { functionName: string; qualifier: string }).qualifier === qualifier).length;
    expect([to("1"), to("2"), asked.length]).toEqual([8, 8, 16]);
    expect(asked[0]).toMatchObject({ functionName: FUNCTION });
  });

  it("that go well promote nothing, and are told beside what is not known", async () => {
    const { verdict } = await shift({ smokeTests, probes: { perLook: 30 } }, { canary: 0, baseline: 0 });
    expect(verdict.kind).toBe("inconclusive");
    expect(verdict.findings.map(({ code }) => code)).toContain("probed");
  });

  it("take no version back that fails them like the one before, in 200 shifts", async () => {
    let taken = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const { verdict } = await shift({ smokeTests, probes: { perLook: 10 } }, { canary: 0.2, baseline: 0.2, seed });
      if (verdict.kind === "rollback") taken += 1;
    }
    expect(taken).toBeLessThanOrEqual(2);
  });

  it("that cannot be sent change nothing", async () => {
    const { verdict } = await shift({ smokeTests, probes: { perLook: 30 } }, { canary: 1, baseline: 0, broken: true });
    expect(verdict).toMatchObject({ kind: "inconclusive", findings: [] });
  });
});
