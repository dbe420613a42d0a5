import { describe, expect, it } from "vitest";
import { killFlags } from "../../lambdas/respond/kill-flags.ts";
import type { Response } from "../../lambdas/respond/responder.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { type FakePorts, fakePorts } from "../fakes/index.ts";
import { FLAGS, ID, silent } from "./scene.ts";

const release = { deploymentId: ID, flags: FLAGS };

function start(): FakePorts {
  const ports = fakePorts();
  ports.flags.given({ new_api: true, other: true });
  return ports;
}

const kill = (ports: FakePorts) => {
  const receivedAt = ports.clock.now();
  const at = new Date(receivedAt.getTime() + 600_000);
  const signal = new AbortController().signal;
  const response: Response = {
    ports,
    environment: "dev",
    log: silent,
    emit: () => {},
    requestId: "r",
    receivedAt,
    at,
    signal,
  };
  return killFlags(response, release, "test");
};

/** Somebody deploys `values` at their own pace. */
async function deploys(ports: FakePorts, description: string): Promise<number> {
  const document = { version: "1", flags: {}, values: { new_api: { enabled: true } } };
  const version = await ports.flags.createVersion(ports.flags.target, document, description);
  return ports.flags.deploy(ports.flags.target, version, "slow", description);
}

describe("switching flags off", () => {
  it("deploys the deployed content with the flag off by the kill strategy, and leaves the rest as it is", async () => {
    const ports = start();
    const [result] = await kill(ports);
    expect(result).toMatchObject({ switchedOff: ["new_api"], failure: undefined, seconds: 1 });
    expect(ports.flags.values()).toEqual({ new_api: false, other: true });
    expect(ports.flags.calls.of("deploy")).toEqual([
      expect.objectContaining({ strategy: "goaround-dev-kill", description: expect.stringMatching(/^goaround:/) }),
    ]);
  });

  it("makes no version when the flag is off already", async () => {
    const ports = start();
    ports.flags.given({ new_api: false });
    expect(await kill(ports)).toMatchObject([{ switchedOff: [], alreadyOff: ["new_api"], failure: undefined }]);
    expect(ports.flags.calls.of("createVersion")).toEqual([]);
  });

  it("has nothing to do where no flags were ever deployed", async () => {
    const ports = fakePorts();
    expect(await kill(ports)).toMatchObject([{ switchedOff: [], failure: undefined }]);
  });

  it("stops a deployment of ours first, and works from what is deployed then", async () => {
    const ports = start();
    const number = await deploys(ports, "goaround: enable new_api");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"] }]);
    expect(ports.flags.calls.of("stopDeployment")).toEqual([expect.objectContaining({ number })]);
    expect(ports.flags.values().new_api).toBe(false);
  });

  it("waits for a stranger's deployment that ends soon, and does not stop it", async () => {
    const ports = start();
    ports.flags.slowMs = 20_000;
    await deploys(ports, "a colleague's");
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"] }]);
    expect(ports.flags.calls.of("stopDeployment")).toEqual([]);
  });

  it("does not stop a stranger's deployment that goes on, and says who holds the environment", async () => {
    const ports = start();
    await deploys(ports, "a colleague's");
    const [result] = await kill(ports);
    expect(result?.failure).toContain("a colleague's");
    expect(ports.flags.calls.of("stopDeployment")).toEqual([]);
  });

  it("looks again when somebody starts a deployment between its look and its own", async () => {
    const ports = start();
    ports.flags.calls.fail("deploy", new GoaroundError("conflict", "dependency", "another one runs"), 1);
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
  });

  it("silences red monitors for the deployment only", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red", "unknown-yet", "green");
    ports.monitoring.states.set("red", "ALARM").set("unknown-yet", "INSUFFICIENT_DATA").set("green", "OK");
    ports.flags.redMonitors = () =>
      ["red", "unknown-yet"].filter((name) => ports.monitoring.actionsEnabled.get(name) !== false);
    expect(await kill(ports)).toMatchObject([{ switchedOff: ["new_api"], failure: undefined }]);
    expect(ports.monitoring.calls.of("setAlarmActions")).toEqual([
      { names: ["red", "unknown-yet"], enabled: false },
      { names: ["red", "unknown-yet"], enabled: true },
    ]);
    expect(ports.ledger.releases.get(ID)?.disabledAlarms).toEqual([]);
  });

  it("lets the monitors speak again when the kill fails", async () => {
    const ports = start();
    ports.flags.monitorNames.push("red");
    ports.monitoring.states.set("red", "ALARM");
    ports.flags.calls.fail("deploy");
    const [result] = await kill(ports);
    expect(result?.failure).toContain("Rate exceeded");
    expect(ports.monitoring.actionsEnabled.get("red")).toBe(true);
  });

  it("says so at once when AppConfig rolls the kill back", async () => {
    const ports = start();
    const startedAt = ports.clock.now().getTime();
    ports.flags.redMonitors = () => ["surprise"];
    const [result] = await kill(ports);
    expect(result?.failure).toContain("ROLLED_BACK");
    expect(ports.clock.now().getTime() - startedAt).toBeLessThan(5000);
  });

  it("goes on with the next profile when one fails, and writes down how each went", async () => {
    const ports = start();
    const missing = { ...FLAGS[0]!, profileId: "nope" };
    const { flags } = ports;
    const signal = new AbortController().signal;
    const now = ports.clock.now();
    const response = {
      ports,
      environment: "dev",
      log: silent,
      emit: () => {},
      requestId: "r",
      receivedAt: now,
      at: now,
      signal,
    };
    const results = await killFlags(response, { deploymentId: ID, flags: [missing, FLAGS[0]!] }, "test");
    expect(results.map((result) => result.failure)).toEqual(["there is no profile nope", undefined]);
    expect(flags.values().new_api).toBe(false);
    expect(ports.ledger.releases.get(ID)?.flagResults).toEqual(results);
  });
});
