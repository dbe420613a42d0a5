import { describe, expect, it } from "vitest";
import { policySchema } from "../../../lib/contract/policy.ts";
import type { DeploymentInfo } from "../../../lib/core/ports.ts";
import { type DoctorFacts, diagnose } from "../../../lib/core/release/doctor.ts";
import type { ReleaseRecord } from "../../../lib/core/release/records.ts";

const NOW = new Date("2026-03-01T12:00:00Z");
const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const info = (version: string) => ({
  version,
  codeSha256: `sha-${version}`,
  configurationHash: `config-${version}`,
  lastModified: "",
  state: "Active" as const,
});
const good = (version: string) => {
  const { codeSha256, configurationHash } = info(version);
  return { version, codeSha256, configurationHash, at: "2026-02-01T00:00:00Z", deploymentId: "d-GOOD" };
};
const bad = (version: string) => ({
  [`sha-${version}/config-${version}`]: {
    version,
    at: "2026-03-01T00:00:00Z",
    reason: "error-rate",
    deploymentId: "d-B",
  },
});
const FLAGS = { applicationId: "app", environmentId: "dev", profileId: "flags" };

function deployment(changes: Partial<DeploymentInfo> = {}): DeploymentInfo {
  return {
    deploymentId: "d-1",
    application: "goaround-dev",
    group: "g",
    configuration: undefined,
    status: "InProgress",
    creator: "CloudFormation",
    appSpec: "",
    description: undefined,
    createdAt: undefined,
    completedAt: undefined,
    error: undefined,
    rollbackDeploymentId: undefined,
    rollbackTriggeringDeploymentId: undefined,
    externalId: undefined,
    ...changes,
  };
}

function release(changes: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    deploymentId: "d-1",
    functionName: "orders",
    alias: "live",
    application: "goaround-dev",
    group: "g",
    creator: "CloudFormation",
    baselineVersion: "1",
    canaryVersion: "2",
    canaryCodeSha256: "sha-2",
    canaryConfigurationHash: "config-2",
    policy: policySchema.parse({ schemaVersion: 1, functionName: "orders", alias: "live", deploymentGroup: "g" }),
    flags: [],
    rollbackThresholdPercent: undefined,
    temporaryAlarms: [],
    openedAt: "2026-03-01T11:00:00Z",
    shiftStartedAt: undefined,
    closedAt: undefined,
    outcome: "promoted",
    verdict: undefined,
    reason: undefined,
    actor: undefined,
    ...changes,
  };
}

/** A sound alias on version 2, unless `changes` say otherwise. */
function facts(changes: Partial<DoctorFacts> = {}, alias: Partial<DoctorFacts["alias"]> = {}): DoctorFacts {
  return {
    now: NOW,
    alias: {
      functionName: "orders",
      alias: "live",
      functionVersion: "2",
      weights: {},
      revisionId: "r",
      arn: "a",
      ...alias,
    },
    versions: ["1", "2", "3"].map(info),
    hasProvisionedConcurrency: false,
    record: { functionName: "orders", alias: "live", lastKnownGood: good("2"), knownBad: {} },
    stack: {
      stackName: "app",
      status: "UPDATE_COMPLETE",
      logicalId: "Alias",
      recordedVersion: "2",
      problem: undefined,
    },
    open: undefined,
    attended: undefined,
    newest: undefined,
    lastSuccess: { deploymentId: "d-0", functionName: "orders", alias: "live", version: "2" },
    where: { application: "goaround-dev", group: "g" },
    releases: [],
    flagsOn: [],
    killedButOn: [],
    flagContents: [],
    alarmActions: {},
    leftFilters: [],
    policy: { document: undefined, template: undefined },
    log: undefined,
    ...changes,
  };
}

const found = (changes: Partial<DoctorFacts>, alias?: Partial<DoctorFacts["alias"]>) =>
  diagnose(facts(changes, alias)).map(({ code, severity, repair }) => ({ code, severity, repair }));
const openSince = (name: string, minutes: number) => ({
  deployment: deployment(),
  target: {
    targetId: "t",
    functionName: "orders",
    alias: "live",
    currentVersion: "1",
    targetVersion: "2",
    targetVersionWeightPercent: 0,
    lifecycleEvents: [{ name, status: "InProgress", startedAt: minutesAgo(minutes), endedAt: undefined }],
  },
});

describe("diagnose", () => {
  it("finds nothing wrong with a sound alias", () => expect(diagnose(facts())).toEqual([]));

  describe("weights", () => {
    it("gives a split alias to the known good version, also when that is the additional one", () => {
      expect(found({}, { functionVersion: "3", weights: { "2": 0.1 } })).toEqual([
        { code: "alias-split", severity: "broken", repair: { do: "make-whole", version: "2" } },
      ]);
    });

    it("gives a split alias to the version that is not known bad, where none of both is known good", () => {
      const record = { functionName: "orders", alias: "live", lastKnownGood: undefined, knownBad: bad("3") };
      const [split] = diagnose(facts({ record }, { functionVersion: "3", weights: { "2": 0.1 } }));
      expect(split).toMatchObject({ code: "alias-split", repair: { version: "2" } });
    });

    it("clears a weight of 0 without a change of traffic", () => {
      expect(found({}, { weights: { "1": 0 } })).toEqual([
        { code: "residual-weights", severity: "broken", repair: { do: "make-whole", version: "2" } },
      ]);
    });

    it("leaves a weight of 1.0 to Lambda while the alias has provisioned concurrency", () => {
      expect(found({ hasProvisionedConcurrency: true }, { weights: { "1": 1 } })).toEqual([
        { code: "provisioned-concurrency-moving", severity: "note", repair: undefined },
      ]);
    });

    it("takes the version of a weight of 1.0 for the one that serves where there is none", () => {
      const [split] = diagnose(facts({}, { functionVersion: "3", weights: { "2": 1 } }));
      expect(split).toMatchObject({ code: "alias-split", repair: { do: "make-whole", version: "2" } });
    });

    it("says nothing of an alias that CodeDeploy is moving", () => {
      const open = openSince("AllowTraffic", 5);
      const stack = { ...facts().stack!, recordedVersion: "1" };
      expect(found({ open, stack }, { functionVersion: "1", weights: { "2": 0.1 } })).toEqual([]);
    });
  });

  describe("what CloudFormation and CodeDeploy hold", () => {
    it("repairs the group's revision before the stack's record", () => {
      expect(found({}, { functionVersion: "1" })).toEqual([
        {
          code: "alias-not-appspec",
          severity: "broken",
          repair: { do: "mark-revision", application: "goaround-dev", group: "g", from: "2", version: "1" },
        },
        {
          code: "alias-not-template",
          severity: "broken",
          repair: { do: "reconcile-stack", stackName: "app", logicalId: "Alias", version: "1" },
        },
      ]);
    });

    it("never writes down a known bad version", () => {
      const record = { ...facts().record!, knownBad: bad("3") };
      expect(found({ record }, { functionVersion: "3" })).toEqual([
        { code: "serving-known-bad", severity: "broken", repair: undefined },
        { code: "alias-not-appspec", severity: "broken", repair: undefined },
        { code: "alias-not-template", severity: "broken", repair: undefined },
      ]);
    });

    it("does not mind a last revision of another alias", () => {
      const lastSuccess = { ...facts().lastSuccess!, alias: "beta", version: "1" };
      expect(found({ lastSuccess })).toEqual([]);
    });

    it("waits for a stack that is being updated", () => {
      const stack = { ...facts().stack!, status: "UPDATE_IN_PROGRESS", recordedVersion: "1" };
      expect(found({ stack })).toEqual([]);
    });

    it.each([
      ["UPDATE_ROLLBACK_FAILED", "continue-update-rollback"],
      ["UPDATE_FAILED", "rollback-stack"],
      ["ROLLBACK_COMPLETE", "describe-stack-events"],
      ["ROLLBACK_FAILED", "describe-stack-events"],
      ["DELETE_FAILED", "describe-stack-events"],
    ])("names what CloudFormation takes from a stack in %s", (status, command) => {
      const [stuck] = diagnose(facts({ stack: { ...facts().stack!, status } }));
      expect(stuck?.command).toBe(`aws cloudformation ${command} --stack-name app`);
    });

    it("tells of a stack that takes no update, and nothing of what it records: that cannot be repaired before", () => {
      const stack = { ...facts().stack!, status: "UPDATE_ROLLBACK_FAILED", recordedVersion: "1" };
      expect(found({ stack })).toEqual([{ code: "stack-stuck", severity: "broken", repair: undefined }]);
    });

    it("tells of a template that does not tell the version", () => {
      const stack = { ...facts().stack!, recordedVersion: undefined };
      expect(found({ stack })).toEqual([{ code: "template-unreadable", severity: "note", repair: undefined }]);
    });
  });

  describe("targets", () => {
    it("takes what serves for the last known good where that is deleted", () => {
      const record = { ...facts().record!, lastKnownGood: good("9") };
      expect(found({ record })).toEqual([
        { code: "missing-target", severity: "broken", repair: { do: "remember-good", version: "2" } },
      ]);
    });

    it("tells that what the version that serves has replaced is deleted, with what there is", () => {
      const releases = [
        { deploymentId: "d-1", baselineVersion: "1", canaryVersion: "2", flags: [] } as unknown as ReleaseRecord,
      ];
      expect(found({ releases })).toEqual([]);
      const [missing] = diagnose(facts({ releases, versions: ["2", "3"].map(info) }));
      expect(missing).toMatchObject({ code: "missing-target", severity: "note", repair: undefined });
      expect(missing?.message).toMatch(/version 1 .* does not exist: a rollback .* nowhere to go\. Candidates: 3/);
    });

    it("leaves it to a person while the alias is split", () => {
      const record = { ...facts().record!, lastKnownGood: good("9") };
      const missing = diagnose(facts({ record }, { weights: { "1": 0.5 } })).find(
        ({ code }) => code === "missing-target",
      );
      expect(missing?.repair).toBeUndefined();
    });
  });

  describe("flags", () => {
    const undone = release({ deploymentId: "d-2", outcome: "rolled-back", flags: [{ ...FLAGS, flags: ["a", "b"] }] });

    it("finds those of a rolled-back release that are on", () => {
      expect(found({ releases: [undone], flagsOn: [{ ...FLAGS, flags: ["a", "c"] }] })).toEqual([
        {
          code: "flags-not-code",
          severity: "broken",
          repair: {
            do: "switch-flags-off",
            reference: { ...FLAGS, flags: ["a"] },
            reason: "release d-2 is rolled back",
          },
        },
      ]);
    });

    it("does not mind those that a later release names too", () => {
      const later = release({ deploymentId: "d-3", flags: [{ ...FLAGS, flags: ["a"] }] });
      expect(found({ releases: [later, undone], flagsOn: [{ ...FLAGS, flags: ["a"] }] })).toEqual([]);
    });

    it("does not mind flags of a release that went well", () => {
      const fine = { ...undone, outcome: "promoted" as const };
      expect(found({ releases: [fine], flagsOn: [{ ...FLAGS, flags: ["a"] }] })).toEqual([]);
    });
  });

  describe("hooks", () => {
    const stop = { do: "stop-deployment", deploymentId: "d-1" };

    it("are silent once no Lambda can be running any more", () => {
      expect(found({ open: openSince("BeforeAllowTraffic", 15) })).toEqual([]);
      expect(found({ open: openSince("BeforeAllowTraffic", 17) })).toEqual([
        { code: "hook-silent", severity: "broken", repair: stop },
      ]);
    });

    it("that the guard holds for a bake or stages get the time for that", () => {
      const handedOverAt = "2026-03-01T12:00:00.000Z";
      const baking = [release({ outcome: "open", handedOverAt })];
      const staged = [release({ outcome: "open", staged: { handedOverAt, steps: [] } })];
      for (const [releases, hook] of [
        [baking, "AfterAllowTraffic"],
        [staged, "BeforeAllowTraffic"],
      ] as const) {
        expect(found({ releases, open: openSince(hook, 56) })).toEqual([]);
        expect(found({ releases, open: openSince(hook, 58) })).toEqual([
          { code: "hook-silent", severity: "broken", repair: stop },
        ]);
      }
    });

    it("that have opened the record and handed nothing over get no more than a Lambda's time", () => {
      const releases = [release({ outcome: "open" })];
      expect(found({ releases, open: openSince("BeforeAllowTraffic", 17) })).toMatchObject([{ code: "hook-silent" }]);
    });

    it("that died without a decision are told, those that decided are not", () => {
      const newest = deployment({ status: "Failed", error: { code: "HOOK_EXECUTION_FAILURE", message: "" } });
      expect(found({ newest })).toEqual([{ code: "hook-silent", severity: "note", repair: undefined }]);
      expect(found({ newest, releases: [release({ preTrafficStatus: "Failed" })] })).toEqual([]);
    });
  });

  describe("alarms", () => {
    it("that a kill has silenced and left so are enabled again, others are only told", () => {
      const releases = [release({ disabledAlarms: ["m1", "m2"] })];
      expect(found({ releases, alarmActions: { m1: false, m2: true, other: false } })).toEqual([
        {
          code: "alarm-actions-disabled",
          severity: "broken",
          repair: { do: "enable-alarm-actions", alarms: ["m1"], deploymentId: "d-1" },
        },
        { code: "alarm-actions-disabled", severity: "note", repair: undefined },
      ]);
    });
  });

  it("names a command that can be pasted for every finding", () => {
    const record = { ...facts().record!, lastKnownGood: good("9"), knownBad: bad("1") };
    for (const { command } of diagnose(facts({ record }, { functionVersion: "3", weights: { "1": 0.5 } }))) {
      expect(command).toMatch(/^(goaround|aws) /);
    }
  });
});
