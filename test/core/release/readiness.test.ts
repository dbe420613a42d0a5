import { describe, expect, it } from "vitest";
import { type PolicyInput, policySchema } from "../../../lib/contract/policy.ts";
import { assessReadiness, type Readiness } from "../../../lib/core/release/readiness.ts";
import { CHECKS } from "../../../lib/core/release/readiness-checks.ts";
import { AREAS, type OperatorFacts, type ReadinessFacts } from "../../../lib/core/release/readiness-facts.ts";
import type { AliasRecord } from "../../../lib/core/release/records.ts";
import { versionInfo } from "../../fakes/functions.ts";
import { counts } from "../../fakes/monitoring.ts";

const now = new Date("2026-03-02T12:00:00.000Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000).toISOString();
const WELL: Partial<PolicyInput> = {
  compatibility: { schemas: { orders: { writes: 1, reads: [1] } } },
  smokeTests: [{ name: "health", expect: "ok" }],
  metrics: [
    { name: "security_events", namespace: "Shop", metric: "SecurityEvents" },
    {
      name: "refused",
      source: "prometheus",
      url: "https://prometheus.example.com",
      query: "sum(refused)",
      authorization: { kind: "bearer", secret: { id: "prometheus" } },
    },
  ],
};
const policyOf = (changes: Partial<PolicyInput> = {}) =>
  policySchema.parse({
    schemaVersion: 1,
    functionName: "checkout",
    alias: "live",
    deploymentGroup: "g",
    ...WELL,
    ...changes,
  });
const rolledBack = (days: number): AliasRecord => ({
  functionName: "checkout",
  alias: "live",
  lastKnownGood: undefined,
  knownBad: {},
  rollbacks: [
    { id: "1", at: daysAgo(days), automatic: false, actor: "alice", to: "1", left: ["2"], deploymentId: undefined },
  ],
});
const BEYOND: OperatorFacts = {
  tags: { "goaround:runbook": "https://wiki.example.com/checkout", "goaround:owner": "team-shop" },
  alarmActions: { own: true },
  logObstacles: [],
  subscribers: 1,
  secretsMissing: [],
  brokenGlass: 0,
  disarmed: false,
  traffic: counts(36_000, 0.1),
  shift: [{ share: 0.1, minutes: 5 }],
  wayBack: { version: "1" },
  broken: [],
};
const facts = (changes: Partial<ReadinessFacts> = {}, beyond: Partial<OperatorFacts> = {}): ReadinessFacts => ({
  now,
  policy: policyOf(),
  record: rolledBack(12),
  baseline: versionInfo("2"),
  ownAlarms: ["own"],
  alarmStates: { own: "OK" },
  beyond: { ...BEYOND, ...beyond },
  ...changes,
});
const withoutOperator = (): ReadinessFacts => {
  const { beyond: _, ...known } = facts({ alarmStates: undefined });
  return known;
};
const missingOf = ({ areas }: Readiness) =>
  areas.flatMap(({ area, checks }) => checks.filter(({ isMet }) => !isMet).map(({ name }) => `${area}/${name}`));
const scoreOf = ({ areas }: Readiness, wanted: string) => areas.find(({ area }) => area === wanted)?.score;

describe("readiness", () => {
  it("has a hundred points in each area", () => {
    for (const area of AREAS) {
      expect(CHECKS.filter((check) => check.area === area).reduce((sum, { points }) => sum + points, 0)).toBe(100);
    }
  });

  it("is 100 where nothing is missing", () => {
    const found = assessReadiness(facts());
    expect(missingOf(found)).toEqual([]);
    expect(found.areas.flatMap(({ unknown }) => unknown)).toEqual([]);
    expect(found.score).toBe(100);
  });

  const policy = (changes: Partial<PolicyInput>) => ({ policy: policyOf(changes) });
  it.each<[string, string, number, Partial<ReadinessFacts>, Partial<OperatorFacts>]>([
    ["a tag that says where its runbook is", "documentation/runbook", 60, {}, { tags: { "goaround:owner": "team" } }],
    ["an owner", "documentation/owner", 80, {}, { tags: { "goaround:runbook": "https://wiki" } }],
    [
      "a declaration of what it reads and writes",
      "documentation/compatibility",
      60,
      policy({ compatibility: undefined }),
      {},
    ],
    [
      "a look at the answer of a smoke test",
      "testing/answers-checked",
      80,
      policy({ smokeTests: [{ name: "a" }] }),
      {},
    ],
    ["a rollback within 90 days", "testing/rollback-tried", 60, { record: rolledBack(91) }, {}],
    ["any rollback", "testing/rollback-tried", 60, { record: undefined }, {}],
    ["metrics that answer", "monitoring/metrics", 80, {}, { traffic: undefined }],
    ["an alarm", "monitoring/alarms", 80, { ownAlarms: ["own", "other"] }, {}],
    ["an alarm that acts", "monitoring/alarm-actions", 80, {}, { alarmActions: { own: false } }],
    ["a log that can be counted", "monitoring/log", 80, {}, { logObstacles: ["no log group"] }],
    ["a log, by the policy's wish", "monitoring/log", 80, policy({ signals: { source: "metrics" } }), {}],
    ["anybody who is told", "monitoring/people", 80, {}, { subscribers: 0 }],
    ["a secret", "security/secrets", 70, {}, { secretsMissing: ["prometheus"] }],
    ["whole glass", "security/no-glass-broken", 80, {}, { brokenGlass: 1 }],
    ["a trigger that tolerates nothing", "security/zero-tolerance", 80, policy({ triggers: [] }), {}],
    ["traffic that tells what is slow", "performance/durations", 30, {}, { traffic: counts(99, 0) }],
    ["a version within its limits", "performance/within-limits", 70, {}, { traffic: counts(36_000, 10) }],
    ["a shift in which anything can be seen", "performance/shift", 60, {}, { shift: [{ share: 0.01, minutes: 1 }] }],
    ["a shift", "performance/shift", 60, {}, { shift: [] }],
    ["a version to go back to", "rollback/rollback-point", 70, { baseline: versionInfo("2", { state: "Failed" }) }, {}],
    ["a way back from what serves", "rollback/way-back", 80, {}, { wayBack: { why: "no other version" } }],
    ["automatic rollback", "rollback/automatic", 80, policy({ automaticRollback: false }), {}],
    ["a guard that acts", "rollback/automatic", 80, {}, { disarmed: "incident 7" }],
    ["guard time", "rollback/guard-time", 85, policy({ guardMinutes: 0 }), {}],
    ["an alias in order", "rollback/nothing-broken", 85, {}, { broken: ["alias-split"] }],
  ])("lacks %s and names what earns it", (_, name, score, changes, beyond) => {
    const found = assessReadiness(facts(changes, beyond));
    expect(missingOf(found)).toContain(name);
    const [area, check] = name.split("/") as [string, string];
    expect(scoreOf(found, area)).toBe(score);
    const { earn, message } = found.areas.find((one) => one.area === area)!.checks.find((one) => one.name === check)!;
    expect(earn).not.toBe("");
    expect(message).not.toBe("");
    expect(found.score).toBeLessThan(100);
  });

  it("finds no way back to a version that is known bad", () => {
    const bad = { version: "2", at: daysAgo(1), reason: "error-rate", deploymentId: "d-1" };
    const record = { ...rolledBack(1), knownBad: { "sha-2/config-2": bad } };
    expect(missingOf(assessReadiness(facts({ record })))).toEqual(["rollback/rollback-point"]);
  });

  it("reads nothing without TLS without saying so", () => {
    const metrics: PolicyInput["metrics"] = [
      { name: "refused", source: "prometheus", url: "http://prometheus", query: "refused" },
    ];
    const found = assessReadiness(facts({ policy: policyOf({ metrics }) }));
    expect(missingOf(found)).toEqual(["security/encrypted-sources", "security/zero-tolerance"]);
    expect(found.areas.find(({ area }) => area === "security")?.unknown).toEqual(["secrets"]);
  });

  it("counts what is not known neither way, and an area of which nothing is known not at all", () => {
    const blind = assessReadiness(withoutOperator());
    expect(scoreOf(blind, "performance")).toBeUndefined();
    expect(scoreOf(blind, "monitoring")).toBeUndefined();
    expect(blind.score).toBe(100);
    const some = assessReadiness(facts({}, { subscribers: undefined }));
    expect(scoreOf(some, "monitoring")).toBe(100);
    expect(some.areas.find(({ area }) => area === "monitoring")?.unknown).toEqual(["people"]);
  });
});
