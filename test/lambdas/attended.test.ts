import { describe, expect, it } from "vitest";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import { parsePolicy } from "../../lib/contract/policy.ts";
import { flagStates } from "../../lib/core/release/flag-document.ts";
import { newRecord } from "../../lib/core/release/release-facts.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts } from "../fakes/monitoring.ts";
import { ALIAS_ALARM, alarmEvent, minute, responder, VERSION_ALARM } from "./respond-scene.ts";
import { FLAGS, FUNCTION, GROUP, policyOf, scene } from "./scene.ts";

const RELEASE = "s-ABCDEF123";

/** Release 1 → 2 that a command has given 10 % at 12:00; it is 12:06, and the command shows no sign of life any more. */
function attended(policy: Partial<PolicyInput> = {}): FakePorts {
  const ports = scene(policy);
  ports.deployments.end("d-RELEASE01", "Succeeded");
  const parsed = parsePolicy(
    policyOf({
      ...policy,
      staged: {
        stages: [
          { percent: 10, minutes: 50 },
          { percent: 100, minutes: 0 },
        ],
      },
    }),
  );
  const release = {
    ...newRecord({
      deployment: { deploymentId: RELEASE, application: "goaround-dev", group: GROUP, creator: "an operator" },
      appSpec: { functionName: FUNCTION, alias: "live", currentVersion: "1", targetVersion: "2", hooks: {} },
      target: undefined,
      policy: parsed,
      now: minute("00:00"),
    }),
    canaryCodeSha256: "sha-2",
    canaryConfigurationHash: "config-2",
    staged: {
      handedOverAt: minute("00:00").toISOString(),
      steps: [{ percent: 10, at: minute("00:00").toISOString(), judged: 0 }],
    },
    attended: { owner: "gone", actor: "an operator", term: 1, beatAt: minute("00:00").toISOString() },
  };
  ports.ledger.releases.set(RELEASE, release);
  ports.ledger.aliases.set(`${FUNCTION}:live`, {
    functionName: FUNCTION,
    alias: "live",
    lastKnownGood: {
      version: "1",
      codeSha256: "sha-1",
      configurationHash: "config-1",
      at: "2026-03-01T00:00:00Z",
      deploymentId: "d-BEFORE001",
    },
    lastReleaseId: "d-BEFORE001",
    knownBad: {},
    releases: [
      {
        deploymentId: RELEASE,
        baselineVersion: "1",
        canaryVersion: "2",
        outcome: "open",
        openedAt: release.openedAt,
        closedAt: undefined,
      },
    ],
  });
  ports.functions.setAlias(FUNCTION, "live", "1", { 2: 0.1 });
  ports.flags.given({ new_api: true, other: true }, new Date("2026-03-01T00:00:00.000Z"));
  ports.clock.set(minute("06:00"));
  return ports;
}

const whole = { functionVersion: "1", weights: {} };
const aliasOf = async (ports: FakePorts) => {
  const { functionVersion, weights } = await ports.functions.getAlias(FUNCTION, "live");
  return { functionVersion, weights };
};

describe("an alarm while a command drives a release", () => {
  it("of the canary puts the alias back and switches the flags off, although nobody drives it any more", async () => {
    const ports = attended({ flags: FLAGS });
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(await aliasOf(ports)).toEqual(whole);
    expect(ports.deployments.calls.of("stopWithRollback")).toEqual([]);
    expect(flagStates(ports.flags.current!.document)).toMatchObject({ new_api: false, other: true });
    const record = ports.ledger.releases.get(RELEASE)!;
    expect(record).toMatchObject({ outcome: "rolled-back", actor: "respond", closedAt: expect.any(String) });
    const alias = ports.ledger.aliases.get(`${FUNCTION}:live`)!;
    expect(alias.knownBad["sha-2/config-2"]).toMatchObject({ deploymentId: RELEASE, reason: "alarm" });
    expect(alias.releases).toMatchObject([{ deploymentId: RELEASE, outcome: "rolled-back" }]);
    expect(ports.notifier.sent.map(({ subject }) => subject)).toEqual(["checkout: version 2 rolled back (dev)"]);
    expect(ports.notifier.sent[0]!.lines.join()).not.toContain("no longer agrees with its stack");
  });

  it("heard again does nothing more, and finishes what was cut off", async () => {
    const ports = attended();
    const { send } = responder(ports);
    ports.ledger.calls.fail("updateRelease");
    await expect(send(alarmEvent(VERSION_ALARM), "request-1")).rejects.toThrow("the ledger does not know");
    expect(await aliasOf(ports)).toEqual(whole);
    ports.ledger.calls.heal("updateRelease");
    await send(alarmEvent(VERSION_ALARM), "request-1");
    expect(ports.ledger.releases.get(RELEASE)).toMatchObject({ outcome: "rolled-back" });
    await send(alarmEvent(VERSION_ALARM), "request-2");
    expect(ports.functions.calls.of("moveAlias")).toHaveLength(1);
    expect(ports.notifier.sent).toHaveLength(1);
  });

  it("of the whole alias has both versions compared, and takes back a canary that is worse", async () => {
    const ports = attended();
    ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 60 : 540, version === "2" ? 80 : 0);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual(whole);
    expect(ports.ledger.releases.get(RELEASE)).toMatchObject({ outcome: "rolled-back", verdict: { kind: "rollback" } });
  });

  it("of the whole alias moves nothing when both versions fail alike", async () => {
    const ports = attended();
    ports.monitoring.perMinute = ({ version }) => counts(version === "2" ? 60 : 540, 30);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: { 2: 0.1 } });
  });

  it("of another version, or before there is a share, moves nothing", async () => {
    const ports = attended();
    await responder(ports).send(alarmEvent(VERSION_ALARM.replace(".v2", ".v3")));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: { 2: 0.1 } });
    ports.functions.setAlias(FUNCTION, "live", "1");
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.ledger.releases.get(RELEASE)!.outcome).toBe("open");
  });

  it("acts in guard time's way between the last stage and the end of the books", async () => {
    const ports = attended();
    ports.functions.setAlias(FUNCTION, "live", "2");
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(await aliasOf(ports)).toEqual(whole);
  });

  it("is only told where automatic rollback is switched off", async () => {
    const ports = attended({ automaticRollback: false });
    await responder(ports).send(alarmEvent(VERSION_ALARM));
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: { 2: 0.1 } });
    expect(ports.notifier.sent).toMatchObject([{ severity: "critical" }]);
  });
});
