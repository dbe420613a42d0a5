import { beforeEach, describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, minute, released, responder, stateEvent } from "./respond-scene.ts";
import { FUNCTION, ID, runWork, silent } from "./scene.ts";

const LATER = "d-RELEASE02";
const THIRD = "d-RELEASE03";

let ports: FakePorts;
let send: ReturnType<typeof responder>["send"];
const serving = () => ports.functions.functions.get(FUNCTION)!.aliases.get("live")!.functionVersion;
const moves = () => ports.functions.calls.of("moveAlias");

/** Version 2 is in its guard time; version 3 has had a tenth of the traffic from 12:20:20 on, and it is 12:22. */
beforeEach(async () => {
  ports = await released({ flags: [] });
  ({ send } = responder(ports));
  ports.functions.given(FUNCTION, ["1", "2", "3"], "live", "2");
  ports.clock.set(minute("20:00"));
  ports.deployments.given({ deploymentId: LATER, functionName: FUNCTION, alias: "live", from: "2", to: "3" });
  const event = { DeploymentId: LATER, LifecycleEventHookExecutionId: "execution-1" };
  await runWork(ports, createPreTraffic(ports, "dev", silent), { event, hook: "BeforeAllowTraffic" });
  ports.deployments.shifted(LATER, minute("20:20"));
  ports.functions.setAlias(FUNCTION, "live", "2", { 3: 0.1 });
  ports.clock.set(minute("22:00"));
});

const goesRed = async () => {
  ports.monitoring.states.set(ALIAS_ALARM, "ALARM");
  await send(alarmEvent(ALIAS_ALARM, "ALARM", ports.clock.now().toISOString()));
};
/** A person stops the later release. */
const stop = async () => {
  await ports.deployments.stopWithRollback(LATER);
  await send(stateEvent("STOP", LATER));
};

describe("an alarm of a version in its guard time that turns red while a later release is open", () => {
  it("is held against the version when the later release has ended, red as it still is", async () => {
    await goesRed();
    expect(serving()).toBe("2");
    await stop();
    expect(serving()).toBe("1");
    expect(ports.ledger.releases.get(ID)).toMatchObject({ outcome: "rolled-back", actor: "respond" });
    expect(ports.notifier.sent.map(({ data }) => [data.canaryVersion, data.outcome])).toEqual([
      ["3", "rolled-back"],
      ["2", "rolled-back"],
    ]);
  });

  it("is held against it once, however often the end is told", async () => {
    await goesRed();
    await ports.deployments.stopWithRollback(LATER);
    await Promise.all([send(stateEvent("STOP", LATER)), send(stateEvent("STOP", LATER))]);
    expect(moves()).toHaveLength(1);
  });

  it("is the later release's, when it recovers without it", async () => {
    await goesRed();
    void ports.clock.sleep(150_000).then(() => ports.monitoring.states.set(ALIAS_ALARM, "OK"));
    await stop();
    expect(ports.clock.now() >= minute("27:00")).toBe(true);
    expect([serving(), moves()]).toEqual(["2", []]);
  });

  it("is the later release's also when it turns red right after that was stopped, and recovers", async () => {
    await stop();
    ports.clock.advance(60_000);
    void ports.clock.sleep(60_000).then(() => ports.monitoring.states.set(ALIAS_ALARM, "OK"));
    await goesRed();
    expect([serving(), moves()]).toEqual(["2", []]);
  });

  it("is left to a third release that has begun meanwhile, and held against the version when that has ended", async () => {
    await goesRed();
    void ports.clock.sleep(120_000).then(() => {
      ports.deployments.given({ deploymentId: THIRD, functionName: FUNCTION, alias: "live", from: "2", to: "3" });
    });
    await stop();
    expect([serving(), moves()]).toEqual(["2", []]);
    await ports.deployments.stopWithRollback(THIRD);
    await send(stateEvent("STOP", THIRD));
    expect(serving()).toBe("1");
  });

  it("is only told while the guard is disarmed", async () => {
    await goesRed();
    ports.ledger.environment.disarmed["*"] = {
      ...{ reason: "drill", by: "alice", at: minute("20:00").toISOString(), until: minute("59:00").toISOString() },
    };
    await stop();
    expect([serving(), moves()]).toEqual(["2", []]);
    expect(ports.notifier.sent.at(-1)?.data.trouble).toContain("the version is bad and the guard is disarmed by alice");
  });
});
