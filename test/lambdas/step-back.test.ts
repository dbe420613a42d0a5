import { describe, expect, it } from "vitest";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { counts } from "../fakes/monitoring.ts";
import { ALIAS_ALARM, alarmEvent, released, responder } from "./respond-scene.ts";
import { FUNCTION } from "./scene.ts";

const aliasOf = (ports: FakePorts) => {
  const { functionVersion, weights } = ports.functions.functions.get(FUNCTION)!.aliases.get("live")!;
  return { functionVersion, weights };
};
const shares = (ports: FakePorts) =>
  ports.functions.calls.of("splitAlias").map((split) => (split as { share: number }).share);
const back = { functionVersion: "1", weights: {} };

describe("a rollback in the guard time that the policy wants in steps", () => {
  it("gives the version that is left less and less, and then nothing", async () => {
    const ports = await released({ rollbackStepSeconds: 30 });
    const before = ports.clock.now().getTime();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(shares(ports)).toEqual([0.75, 0.5, 0.25]);
    expect(aliasOf(ports)).toEqual(back);
    expect(ports.clock.now().getTime() - before).toBeGreaterThanOrEqual(90_000);
  });

  it("takes the rest at once when the version that is left is over its limits beside the other", async () => {
    const ports = await released({ rollbackStepSeconds: 60 });
    ports.monitoring.perMinute = ({ version }) => counts(300, version === "2" ? 30 : 0);
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(shares(ports).length).toBeLessThan(3);
    expect(aliasOf(ports)).toEqual(back);
  });

  it("keeps to its steps when both versions fail alike, and when nothing can be read", async () => {
    const alike = await released({ rollbackStepSeconds: 60 });
    alike.monitoring.perMinute = () => counts(300, 30);
    await responder(alike).send(alarmEvent(ALIAS_ALARM));
    expect(shares(alike)).toHaveLength(3);
    const blind = await released({ rollbackStepSeconds: 60 });
    blind.monitoring.calls.fail("versionCounts");
    await responder(blind).send(alarmEvent(ALIAS_ALARM));
    expect(shares(blind)).toHaveLength(3);
  });

  it("goes on where a run was cut off", async () => {
    const ports = await released({ rollbackStepSeconds: 30 });
    const send = responder(ports).send;
    ports.functions.calls.fail("moveAlias", throttled(), 1);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toMatchObject({ code: "throttled" });
    expect(aliasOf(ports).weights).toEqual({ 2: 0.25 });
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(aliasOf(ports)).toEqual(back);
    expect(shares(ports)).toHaveLength(3);
  });

  it("goes at once when a step is refused, and without being asked for steps", async () => {
    const refused = await released({ rollbackStepSeconds: 30 });
    refused.functions.calls.fail("splitAlias");
    await responder(refused).send(alarmEvent(ALIAS_ALARM));
    expect(aliasOf(refused)).toEqual(back);
    const plain = await released();
    await responder(plain).send(alarmEvent(ALIAS_ALARM));
    expect(shares(plain)).toEqual([]);
  });
});
