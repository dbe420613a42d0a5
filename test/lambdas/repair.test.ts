import { describe, expect, it } from "vitest";
import type { FakePorts } from "../fakes/index.ts";
import { minute, responder, shifting, stateEvent } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

/** Version 0 served before 1; the deployment of 2 has failed with a bad verdict, and CodeDeploy does not roll it back. */
async function leftAlone(weights?: Record<string, number>): Promise<FakePorts> {
  const ports = await shifting({ smokeTests: [{ name: "health" }] });
  const { versions } = ports.functions.functions.get(FUNCTION)!;
  versions.set("0", { ...versions.get("1")!, version: "0", codeSha256: "sha-0", configurationHash: "config-0" });
  const point = { version: "0", codeSha256: "sha-0", configurationHash: "config-0", at: "t", deploymentId: "d-0" };
  const known = ports.ledger.aliases.get(`${FUNCTION}:live`)!;
  known.rollbackPoints = [...(known.rollbackPoints ?? []), point];
  ports.deployments.shifted(ID, minute("00:20"), minute("01:20"));
  ports.functions.setAlias(FUNCTION, "live", weights ? "1" : "2", weights);
  ports.deployments.rollsBack = false;
  ports.deployments.end(ID, "Stopped", { code: "ALARM_ACTIVE", message: "An alarm is active." });
  return ports;
}

const end = (ports: FakePorts) => responder(ports).send(stateEvent("STOP"));
const aliasOf = (ports: FakePorts) => ports.functions.functions.get(FUNCTION)!.aliases.get("live")!;
const failing = (...versions: string[]) => {
  return ({ qualifier }: { qualifier: string }) => (versions.includes(qualifier) ? { functionError: "Unhandled" } : {});
};
const asked = (ports: FakePorts) =>
  (ports.functions.calls.of("invoke") as { qualifier: string }[]).map(({ qualifier }) => qualifier);

describe("an alias that CodeDeploy left on a bad version", () => {
  it("goes back to the baseline when that answers its smoke tests", async () => {
    const ports = await leftAlone();
    await end(ports);
    expect(asked(ports)).toContain("1");
    expect(aliasOf(ports)).toMatchObject({ functionVersion: "1", weights: {} });
  });

  it.each<[string, (ports: FakePorts) => void]>([
    [
      "fails its smoke test",
      (ports) => {
        ports.functions.respond = failing("1");
      },
    ],
    ["does not exist any more", (ports) => void ports.functions.functions.get(FUNCTION)!.versions.delete("1")],
    [
      "is known bad",
      (ports) => {
        const entry = { version: "1", at: "2026-03-01T00:00:00Z", reason: "error-rate", deploymentId: "d-1" };
        ports.ledger.aliases.get(`${FUNCTION}:live`)!.knownBad = { "sha-1/config-1": entry };
      },
    ],
  ])("goes to the version before the baseline when that %s", async (_, change) => {
    const ports = await leftAlone();
    change(ports);
    await end(ports);
    expect(aliasOf(ports)).toMatchObject({ functionVersion: "0", weights: {} });
    expect(ports.notifier.sent[0]?.data).toMatchObject({ outcome: "rolled-back", trouble: null });
  });

  it("stays where it is when no version is known to work, and people hear what was tried", async () => {
    const ports = await leftAlone();
    ports.functions.respond = failing("0", "1");
    await end(ports);
    expect(ports.functions.calls.of("moveAlias")).toEqual([]);
    expect(ports.notifier.sent[0]?.data.trouble).toContain("version 1 the smoke test");
    expect(ports.notifier.sent[0]?.data.trouble).toContain("version 0 the smoke test");
  });

  it("gives all traffic to a baseline that still serves without asking it first", async () => {
    const ports = await leftAlone({ 2: 0.5 });
    ports.functions.respond = failing("1");
    const moved = new Promise<number>((resolve) => {
      const { moveAlias } = ports.functions;
      ports.functions.moveAlias = (move) => {
        resolve(asked(ports).filter((version) => version === "1").length);
        return moveAlias.call(ports.functions, move);
      };
    });
    await end(ports);
    expect(await moved).toBe(0);
    expect(aliasOf(ports)).toMatchObject({ functionVersion: "1", weights: {} });
  });
});
