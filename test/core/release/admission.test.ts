import { describe, expect, it } from "vitest";
import { type PolicyInput, validatePolicy } from "../../../lib/contract/policy.ts";
import { type AdmissionFacts, admit } from "../../../lib/core/release/admission.ts";
import { versionInfo } from "../../fakes/functions.ts";

const policy = (changes: Partial<PolicyInput> = {}) =>
  validatePolicy({ schemaVersion: 1, functionName: "checkout", alias: "live", deploymentGroup: "g", ...changes });

const facts = (changes: Partial<AdmissionFacts> = {}): AdmissionFacts => ({
  now: new Date("2026-03-02T12:00:00.000Z"),
  environment: "dev",
  deployment: { application: "goaround-dev", group: "g" },
  appSpec: { functionName: "checkout", alias: "live", currentVersion: "1", targetVersion: "2", hooks: {} },
  alias: { functionName: "checkout", alias: "live", functionVersion: "1", weights: {}, revisionId: "r", arn: "a" },
  target: versionInfo("2"),
  baseline: versionInfo("1"),
  policy: policy(),
  alarmStates: {},
  ownAlarms: ["own"],
  aliasRecord: undefined,
  ...changes,
});

const refusals = (changes: Partial<AdmissionFacts>) => admit(facts(changes)).refusals.map((refusal) => refusal.code);

describe("admission", () => {
  it("admits a release of which nothing is wrong", () => {
    expect(admit(facts())).toEqual({ admitted: true, refusals: [], findings: [] });
  });

  it("refuses a deployment of another application", () => {
    expect(refusals({ deployment: { application: "other", group: "g" } })).toEqual(["foreign-application"]);
  });

  it("refuses a target that is the current version", () => {
    expect(refusals({ appSpec: { ...facts().appSpec, targetVersion: "1" } })).toEqual(["identical-versions"]);
  });

  it("refuses a target that does not exist", () => {
    expect(refusals({ target: undefined })).toEqual(["version-missing"]);
  });

  it.each(["Pending", "Inactive", "Failed", "Unknown"] as const)("refuses a target that is %s", (state) => {
    expect(refusals({ target: versionInfo("2", { state }) })).toEqual(["version-not-active"]);
  });

  it("refuses when the alias is not where the AppSpec says", () => {
    expect(refusals({ alias: { ...facts().alias, functionVersion: "9" } })).toEqual(["alias-moved"]);
  });

  it("refuses when the alias is split", () => {
    expect(refusals({ alias: { ...facts().alias, weights: { 2: 0.1 } } })).toEqual(["alias-split"]);
  });

  it("refuses a policy that is missing, broken or another function's", () => {
    expect(refusals({ policy: undefined })).toEqual(["policy-missing"]);
    expect(refusals({ policy: policy({ guardMinutes: -1 }) })).toEqual(["policy-invalid"]);
    expect(refusals({ policy: policy({ functionName: "payments" }) })).toEqual(["policy-invalid"]);
  });

  it("refuses a function that is less ready than its policy asks for, with what earns most", () => {
    const [refusal, ...others] = admit(facts({ policy: policy({ minimumReadiness: 60 }) })).refusals;
    expect(others).toEqual([]);
    expect(refusal).toMatchObject({ code: "not-ready", message: "readiness is 20, and the policy asks for 60" });
    expect(refusal?.advice).toContain("testing/smoke-tests (policy.smokeTests)");
    expect(refusal?.advice).toContain("goaround ready --function-name checkout --alias live");
    expect(refusals({ policy: policy({ minimumReadiness: 20 }) })).toEqual([]);
  });

  it("names all problems of a broken policy", () => {
    const [refusal] = admit(facts({ policy: policy({ guardMinutes: -1, blockers: [""] }) })).refusals;
    expect(refusal?.message).toMatch(/blockers\[0\].*guardMinutes/);
  });

  it("refuses on a red blocker, and only on a red one", () => {
    const withBlocker = policy({ blockers: ["db"] });
    expect(refusals({ policy: withBlocker, alarmStates: { db: "ALARM" } })).toEqual(["blocker-red"]);
    expect(refusals({ policy: withBlocker, alarmStates: { db: "INSUFFICIENT_DATA" } })).toEqual([]);
  });

  it("refuses when blockers cannot be read, and does not care when there are none", () => {
    expect(refusals({ policy: policy({ blockers: ["db"] }), alarmStates: undefined })).toEqual([
      "monitoring-unavailable",
    ]);
    expect(refusals({ alarmStates: undefined })).toEqual([]);
  });

  it("notes a blocker that does not exist", () => {
    const { admitted, findings } = admit(facts({ policy: policy({ blockers: ["db"] }) }));
    expect([admitted, findings[0]?.code]).toEqual([true, "blocker-missing"]);
  });

  it("lets a release through while the function's own alarm is red, and notes it", () => {
    const { admitted, findings } = admit(facts({ alarmStates: { own: "ALARM" } }));
    expect([admitted, findings[0]]).toEqual([true, expect.objectContaining({ code: "own-alarm-red", alarm: "own" })]);
  });

  it("refuses an artifact that is known bad by code and configuration, not by number", () => {
    const bad = { version: "7", at: "2026-01-01", reason: "error-rate", deploymentId: "d-0" };
    const record = (key: string) => ({
      functionName: "checkout",
      alias: "live",
      lastKnownGood: undefined,
      knownBad: { [key]: bad },
    });
    expect(refusals({ aliasRecord: record("sha-2/config-2") })).toEqual(["known-bad"]);
    expect(refusals({ aliasRecord: record("sha-2/config-9") })).toEqual([]);
  });

  it("lists all refusals, each with what to do", () => {
    const all = admit(
      facts({ target: undefined, policy: undefined, alias: { ...facts().alias, functionVersion: "9" } }),
    );
    expect(all.refusals.map((refusal) => refusal.code)).toEqual(["version-missing", "alias-moved", "policy-missing"]);
    expect(all.refusals.every((refusal) => refusal.advice.length > 0)).toBe(true);
  });
});
