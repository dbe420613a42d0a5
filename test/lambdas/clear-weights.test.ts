import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { FakePorts } from "../fakes/index.ts";
import { alarmEvent, responder, shifting, VERSION_ALARM } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

const aliasOf = async (ports: FakePorts) => {
  const { functionVersion, weights } = await ports.functions.getAlias(FUNCTION, "live");
  return { functionVersion, weights };
};
const moves = (ports: FakePorts) => ports.functions.calls.of("moveAlias");

/** The deployment is stopped; CodeDeploy leaves the weights where they are. */
async function stop(seconds: number | undefined, prepare: (ports: FakePorts) => void = () => {}) {
  const ports = await shifting({ clearWeightsAfterSeconds: seconds });
  prepare(ports);
  const startMs = ports.clock.now().getTime();
  await responder(ports).send(alarmEvent(VERSION_ALARM));
  expect(ports.deployments.calls.of("stopWithRollback")).toEqual([ID]);
  return { ports, seconds: (ports.clock.now().getTime() - startMs) / 1000 };
}

describe("weights after a stop", () => {
  it("are left to CodeDeploy unless the policy says otherwise", async () => {
    const { ports } = await stop(undefined);
    expect(moves(ports)).toEqual([]);
  });

  it.each([0, 2])("are cleared when they are still there after %i seconds, once, by revision", async (after) => {
    const { ports, seconds } = await stop(after);
    expect(moves(ports)).toEqual([
      { functionName: FUNCTION, alias: "live", version: "1", revisionId: expect.any(String) as string },
    ]);
    expect(await aliasOf(ports)).toEqual({ functionVersion: "1", weights: {} });
    expect(seconds).toBeGreaterThanOrEqual(after);
    expect(seconds).toBeLessThan(after + 2);
  });

  it.each<[string, string, Record<string, number>]>([
    ["CodeDeploy has cleared them", "1", {}],
    ["somebody has moved the alias elsewhere", "7", {}],
    ["traffic is split otherwise", "1", { 7: 0.5 }],
    ["all of it is on the canary", "2", {}],
  ])("are not touched when %s", async (_what, version, weights) => {
    const { ports } = await stop(0, ({ functions }) => functions.setAlias(FUNCTION, "live", version, weights));
    expect(moves(ports)).toEqual([]);
    expect(await aliasOf(ports)).toEqual({ functionVersion: version, weights });
  });

  it("are read again when the alias has changed meanwhile, and left after three times", async () => {
    const changed = () => new GoaroundError("conflict", "dependency", "the revision has changed");
    const once = await stop(0, ({ functions }) => functions.calls.fail("moveAlias", changed(), 1));
    expect(moves(once.ports)).toHaveLength(2);
    expect((await aliasOf(once.ports)).weights).toEqual({});
    const always = await stop(0, ({ functions }) => functions.calls.fail("moveAlias", changed()));
    expect(moves(always.ports)).toHaveLength(3);
  });
});
