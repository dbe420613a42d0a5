import { describe, expect, it } from "vitest";
import { flagHashes } from "../../lib/adapters/flag-hashes.ts";
import { artifactOf, promoted, putBackTo } from "../../lib/core/release/ledger-rules.ts";
import { flagDocument } from "../fakes/flags.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, released, responder, stateEvent } from "./respond-scene.ts";
import { FLAGS, FUNCTION, ID } from "./scene.ts";

const aliasOf = (ports: FakePorts) => ports.ledger.aliases.get(`${FUNCTION}:live`);
const flagsOf = (ports: FakePorts) => aliasOf(ports)?.lastKnownGood?.flags;
const succeeded = (ports: FakePorts) => responder(ports).send(stateEvent("SUCCESS"));
const ended = { new_api: true, other: true };

describe("what a release that ended well is remembered with", () => {
  it("is the flag content that is deployed then, by version and hash, once", async () => {
    const ports = await released();
    await succeeded(ports);
    const { applicationId, environmentId, profileId } = FLAGS[0]!;
    const recorded = {
      ...{ applicationId, environmentId, profileId, version: 1, deploymentNumber: 0, deploymentId: ID },
      ...flagHashes(flagDocument(ended)),
      at: expect.any(String),
    };
    expect(flagsOf(ports)).toEqual([recorded]);
    // An event that comes again hours later.
    ports.flags.given({ new_api: false, other: true });
    await succeeded(ports);
    expect(flagsOf(ports)).toEqual([recorded]);
  });

  it("is no content of flags where it names none, or its version is not the last known good", async () => {
    const none = await released({ flags: [] });
    await succeeded(none);
    expect(flagsOf(none)).toBeUndefined();
    expect(none.flags.calls.of("deployed")).toEqual([]);
    const ports = await released();
    await ports.ledger.changeAlias(FUNCTION, "live", (record) => ({
      lastKnownGood: { ...record!.lastKnownGood!, version: "1" },
    }));
    await succeeded(ports);
    expect(flagsOf(ports)).toBeUndefined();
  });

  it("is the content with its waiting flags on, once those are", async () => {
    const ports = await released({ flags: [{ ...FLAGS[0]!, enableAfterRelease: ["new_api"] }] });
    ports.flags.given({ new_api: false, other: true });
    await succeeded(ports);
    expect(flagsOf(ports)).toMatchObject([flagHashes(flagDocument({ new_api: false, other: true }))]);
    const event = { source: "goaround.watch", "detail-type": "Flag Enabling", detail: { deploymentId: ID } };
    await responder(ports).send(event);
    await ports.clock.sleep(ports.flags.slowMs + 1000);
    await responder(ports).send(event);
    expect(flagsOf(ports)).toMatchObject([flagHashes(flagDocument(ended))]);
  });

  it("holds nothing up where AppConfig fails or hangs, and the release is closed", async () => {
    const ports = await released();
    ports.flags.calls.fail("deployed");
    await succeeded(ports);
    ports.flags.calls.heal("deployed");
    ports.flags.calls.hang("resolve");
    await succeeded(ports);
    expect(aliasOf(ports)?.lastKnownGood?.deploymentId).toBe(ID);
    expect(flagsOf(ports)).toBeUndefined();
  });

  it("stays with the version: a later release's rollback point has it, and a rollback brings it back", async () => {
    const ports = await released();
    await succeeded(ports);
    const flags = flagsOf(ports);
    const info = (version: string) => ({
      ...{ version, codeSha256: `sha-${version}`, configurationHash: `config-${version}` },
      ...{ lastModified: "", state: "Active" as const },
    });
    const known = aliasOf(ports)!;
    expect(artifactOf(known, info("2"))).toEqual({
      ...{ version: "2", codeSha256: "sha-2", configurationHash: "config-2", flags },
    });
    expect(artifactOf(known, info("1")).flags).toBeUndefined();
    const point = { ...artifactOf(known, info("2")), at: "2026-03-03T12:00:00.000Z", deploymentId: "d-NEXT" };
    const later = { ...known, lastKnownGood: { ...point, version: "3", codeSha256: "sha-3", flags: [] } };
    const back = putBackTo({ ...later, rollbackPoints: [point] }, info("2"), "d-NEXT", ports.clock.now());
    expect(back.lastKnownGood).toMatchObject({ version: "2", deploymentId: "d-NEXT", flags });
  });

  it("is not lost where the release is closed a second time, nor given to another release", async () => {
    const ports = await released();
    await succeeded(ports);
    const release = ports.ledger.releases.get(ID)!;
    const again = (deploymentId: string) =>
      promoted(aliasOf(ports), { ...release, deploymentId }, ports.clock.now()).lastKnownGood?.flags;
    expect(again(ID)).toEqual(flagsOf(ports));
    expect(again("d-OTHER")).toBeUndefined();
  });

  it("is kept when an alarm in guard time takes the alias back to what was good before", async () => {
    const ports = await released();
    const before = { ...aliasOf(ports)!.rollbackPoints![0]!, flags: [{ ...recordedBefore }] };
    await ports.ledger.changeAlias(FUNCTION, "live", () => ({ rollbackPoints: [before] }));
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(ports)?.lastKnownGood).toMatchObject({ version: "1", flags: [recordedBefore] });
  });
});

const recordedBefore = {
  ...{ applicationId: "flags", environmentId: "dev", profileId: "router", version: 7, deploymentNumber: 9 },
  ...{ definitionsSha256: "d", valuesSha256: "v", at: "2026-02-01T00:00:00.000Z", deploymentId: "d-BEFORE" },
};
