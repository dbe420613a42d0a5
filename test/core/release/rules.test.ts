import { describe, expect, it } from "vitest";
import { policySchema } from "../../../lib/contract/policy.ts";
import type { VerdictKind } from "../../../lib/core/judge/types.ts";
import { conclude } from "../../../lib/core/release/conclusion.ts";
import { aliasPosition, isUndo, trafficReached } from "../../../lib/core/release/deployment.ts";
import { isOpened, promoted, withKnownBad } from "../../../lib/core/release/ledger-rules.ts";
import { releaseNotification } from "../../../lib/core/release/messages.ts";
import type { AliasRecord, ReleaseRecord } from "../../../lib/core/release/records.ts";

const policy = (changes = {}) =>
  policySchema.parse({ schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g", ...changes });
const verdict = (kind: VerdictKind) => ({ kind, reasons: [], findings: [] });

describe("the conclusion of a shift", () => {
  it.each([
    ["promote", {}, { status: "Succeeded", knownGood: true, knownBad: false, notify: false }],
    ["rollback", {}, { status: "Failed", knownGood: false, knownBad: true, notify: true }],
    [
      "rollback",
      { automaticRollback: false },
      { status: "Succeeded", knownGood: false, knownBad: false, notify: true },
    ],
    ["inconclusive", {}, { status: "Succeeded", knownGood: true, knownBad: false, notify: true }],
    ["hold", {}, { status: "Succeeded", knownGood: true, knownBad: false, notify: true }],
    ["hold", { onInconclusive: "rollback" }, { status: "Failed", knownGood: false, knownBad: false, notify: true }],
  ] as const)("with %s and policy %j is %j", (kind, changes, expected) => {
    expect(conclude(verdict(kind), policy(changes))).toEqual(expected);
  });
});

describe("the position of an alias", () => {
  const versions = { baseline: "1", canary: "2" };
  it.each([
    ["1", {}, "restored"],
    ["2", {}, "on-canary"],
    ["1", { 2: 0.1 }, "split"],
    ["2", { 1: 0.5 }, "split"],
    ["1", { 2: 0 }, "restored"],
    ["2", { 1: 1 }, "settling"],
    ["3", {}, "elsewhere"],
    ["1", { 3: 0.1 }, "elsewhere"],
  ])("at version %s with weights %j is %s", (functionVersion, weights, position) => {
    expect(aliasPosition({ functionVersion, weights: weights as Record<string, number> }, versions)).toBe(position);
  });
});

describe("undo", () => {
  it.each([
    ["codeDeployRollback", true],
    ["CloudFormationRollback", true],
    ["CloudFormation", false],
    ["user", false],
  ])("by creator %s: %s", (creator, undo) => {
    expect(isUndo(creator)).toBe(undo);
  });
});

describe("traffic", () => {
  it.each([
    [undefined, false],
    ["Pending", false],
    ["Skipped", false],
    ["InProgress", true],
    ["Succeeded", true],
    ["Failed", true],
  ])("with AllowTraffic %s has reached the canary: %s", (status, reached) => {
    const event = { name: "AllowTraffic", status: status ?? "", startedAt: undefined, endedAt: undefined };
    const target = {
      targetId: "t",
      functionName: "f",
      alias: "live",
      currentVersion: "1",
      targetVersion: "2",
      targetVersionWeightPercent: undefined,
      lifecycleEvents: status === undefined ? [] : [event],
    };
    expect(trafficReached(target)).toBe(reached);
  });
});

const release = {
  deploymentId: "d-1",
  functionName: "f",
  alias: "live",
  baselineVersion: "1",
  canaryVersion: "2",
  canaryCodeSha256: "sha-2",
  canaryConfigurationHash: "config-2",
  creator: "CloudFormation",
} as ReleaseRecord;
const at = new Date("2026-03-02T12:00:00.000Z");

describe("the ledger", () => {
  it("does not take a threshold that a script wrote for an opened release", () => {
    expect(isOpened({ deploymentId: "d-1", rollbackThresholdPercent: 5 } as ReleaseRecord)).toBe(false);
  });

  it("keeps the newest hundred bad artifacts", () => {
    const old = Array.from({ length: 120 }, (_, i) => [
      `old-${i}`,
      { version: "1", at: new Date(i * 1000).toISOString(), reason: "r", deploymentId: "d-0" },
    ]);
    const record: AliasRecord = {
      functionName: "f",
      alias: "live",
      lastKnownGood: undefined,
      knownBad: Object.fromEntries(old),
    };
    const knownBad = withKnownBad(record, release, "error-rate", at);
    expect(Object.keys(knownBad)).toHaveLength(100);
    expect(knownBad).toMatchObject({ "sha-2/config-2": { reason: "error-rate" }, "old-119": {} });
  });

  it("forgives an artifact that proved good", () => {
    const record = {
      functionName: "f",
      alias: "live",
      lastKnownGood: undefined,
      knownBad: withKnownBad(undefined, release, "r", at),
    };
    const verdict = { kind: "promote" as const, reasons: [], findings: [] };
    expect(promoted(record, { ...release, verdict }, at).knownBad).toEqual({});
  });
});

describe("a notification", () => {
  it("names findings in its data, so that a program can tell", () => {
    const finding = {
      code: "baseline-unhealthy",
      message: "both fail",
      observed: 30,
      limit: 5,
      baseline: 30,
      samples: 60,
    };
    const news = {
      environment: "dev",
      release,
      outcome: "promoted",
      severity: "warning",
      reasons: [],
      findings: [finding],
    } as const;
    const { data, lines } = releaseNotification({ ...news, reasons: [], findings: [finding] });
    expect(data.findings).toEqual(["baseline-unhealthy"]);
    expect(lines).toContain("Finding baseline-unhealthy: both fail.");
  });

  it.each([
    ["rolled-back", ["Not taken back by this: drop-total of version 2 (the column is gone)."]],
    ["promoted", []],
  ] as const)("of a release that was %s says what no rollback takes back: %j", (outcome, wanted) => {
    const step = { name: "drop-total", reason: "the column is gone", version: "2", deploymentId: "d-1", at: "" };
    const news = { environment: "dev", outcome, severity: "info" as const, reasons: [], findings: [] };
    const { lines } = releaseNotification({ ...news, release: { ...release, stepsTaken: [step] } });
    expect(lines.filter((line) => line.includes("Not taken back"))).toEqual(wanted);
  });

  it("becomes critical, with the command to run, when something needs a person", () => {
    const { severity, lines } = releaseNotification({
      environment: "dev",
      release,
      outcome: "rolled-back",
      severity: "info",
      reasons: [],
      findings: [],
      trouble: "the alias is split",
    });
    expect(severity).toBe("critical");
    expect(lines.join("\n")).toContain(
      "goaround rollback --action rollback-function --function-name f --alias live --target-version 1",
    );
  });
});
