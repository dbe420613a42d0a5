import { expect, it } from "vitest";
import { policySchema } from "../../lib/contract/policy.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { recordKill } from "../../lib/core/release/killed-flags.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { Harness } from "./harness.ts";

const FLAGS = { applicationId: "flags", environmentId: "dev", profileId: "router", flags: ["new_api"] };

/** A release of `orders` that was rolled back, with what it left. */
async function leftBehind(harness: Harness, more: Partial<ReleaseRecord>): Promise<void> {
  harness.guarded("orders", "1");
  const appSpec = JSON.stringify({
    version: 0.0,
    Resources: [
      {
        orders: {
          Type: "AWS::Lambda::Function",
          Properties: { Name: "orders", Alias: "live", CurrentVersion: "1", TargetVersion: "2" },
        },
      },
    ],
  });
  const { deployments, functions, ledger } = harness.ports;
  const deploymentId = await deployments.create({
    application: "goaround-dev",
    group: "orders-deployment-group",
    configuration: "CodeDeployDefault.LambdaAllAtOnce",
    appSpec,
    description: "",
  });
  Object.assign(deployments.deployments.get(deploymentId)!, { status: "Stopped" });
  const alias = await functions.getAlias("orders", "live");
  await functions.moveAlias({ functionName: "orders", alias: "live", version: "1", revisionId: alias.revisionId });
  await ledger.updateRelease(deploymentId, {
    functionName: "orders",
    alias: "live",
    outcome: "rolled-back",
    openedAt: "2026-03-02T11:00:00.000Z",
    policy: policySchema.parse({ schemaVersion: 1, functionName: "orders", alias: "live", deploymentGroup: "g" }),
    flags: [],
    ...more,
  });
}

const repair = (harness: Harness) => harness.run(doctor, "--functions", "orders", "--repair", "--json");
const codes = (document: Record<string, unknown>, of: string) =>
  (document[of] as { code: string }[]).map(({ code }) => code);

it("doctor switches off the flags that a rolled-back release has left on, and holds them off", async () => {
  const harness = new Harness();
  harness.ports.flags.given({ new_api: true, other: true });
  await leftBehind(harness, { flags: [FLAGS] });
  const ran = await repair(harness);
  expect(codes(ran.json(), "repaired")).toEqual(["flags-not-code"]);
  expect(ran.exitCode).toBe(0);
  expect(harness.ports.flags.values()).toEqual({ new_api: false, other: true });
  expect(Object.values((await harness.ports.ledger.getEnvironment()).killedFlags)).toMatchObject([{ flag: "new_api" }]);
});

it("doctor switches a killed flag off that somebody has switched on past the guard", async () => {
  const harness = new Harness();
  harness.ports.flags.given({ new_api: true });
  await leftBehind(harness, { outcome: "promoted", flags: [FLAGS] });
  const { flags } = harness.ports;
  await recordKill(harness.ports, { target: flags.target, flags: ["new_api"], by: "respond", reason: "x", version: 1 });
  const ran = await repair(harness);
  expect(codes(ran.json(), "repaired")).toEqual(["killed-flag-on"]);
  expect(flags.values()).toEqual({ new_api: false });
});

it("doctor enables the alarm actions that a kill which was cut off has left disabled", async () => {
  const harness = new Harness();
  harness.ports.monitoring.states.set("red-monitor", "ALARM");
  await harness.ports.monitoring.setAlarmActions(["red-monitor"], false);
  await leftBehind(harness, { disabledAlarms: ["red-monitor"] });
  const ran = await repair(harness);
  expect(codes(ran.json(), "repaired")).toEqual(["alarm-actions-disabled"]);
  expect(await harness.ports.monitoring.alarmActions(["red-monitor"])).toEqual({ "red-monitor": true });
  expect((await repair(harness)).json()).toMatchObject({ findings: [] });
});

it("doctor removes the subscription filter of a release that is over, and nobody else's", async () => {
  const harness = new Harness();
  const filters = new Set(["goaround-dev-d-GONE", "theirs"]);
  harness.ports.subscriptions.filters.set("/aws/lambda/orders", filters);
  await leftBehind(harness, {});
  const ran = await repair(harness);
  expect(codes(ran.json(), "repaired")).toEqual(["log-filter-left"]);
  expect([...filters]).toEqual(["theirs"]);
  expect((await repair(harness)).json()).toMatchObject({ findings: [] });
});

it("doctor leaves the subscription filter of another alias's open release, which logs to the same group", async () => {
  const harness = new Harness();
  await leftBehind(harness, {});
  harness.releasing();
  harness.ports.subscriptions.filters.set("/aws/lambda/orders", new Set(["goaround-dev-d-000000004"]));
  expect((await repair(harness)).json()).toMatchObject({ findings: [] });
  harness.ports.deployments.deployments.get("d-000000004")!.status = "Succeeded";
  expect(codes((await repair(harness)).json(), "repaired")).toEqual(["log-filter-left"]);
});

it.each(["always", "during-release"] as const)(
  "doctor looks whether another function that logs to the group asks for its permanent filter: %s",
  async (logs) => {
    const harness = new Harness();
    await leftBehind(harness, {});
    harness.guarded("invoices", "1", { signals: { source: "logs", logs } });
    const { versions } = harness.ports.functions.functions.get("invoices")!;
    versions.set("1", { ...versions.get("1")!, logGroup: "/aws/lambda/orders" });
    const filters = new Set(["goaround-dev-always"]);
    harness.ports.subscriptions.filters.set("/aws/lambda/orders", filters);
    await repair(harness);
    expect(filters.size).toBe(logs === "always" ? 1 : 0);
  },
);

it("doctor takes what serves for the last known good where that was deleted", async () => {
  const harness = new Harness();
  await leftBehind(harness, {});
  harness.known("orders", "9");
  const ran = await repair(harness);
  expect(codes(ran.json(), "repaired")).toEqual(["missing-target"]);
  expect((await harness.ports.ledger.getAlias("orders", "live"))?.lastKnownGood?.version).toBe("1");
});

it("doctor records a rollback that the ledger did not hear of, so that its version is refused", async () => {
  const harness = new Harness();
  const record = { baselineVersion: "1", canaryVersion: "2", outcome: "promoted" as const };
  await leftBehind(harness, { ...record, closedAt: "2026-03-02T11:05:00.000Z" });
  const ran = await repair(harness);
  expect(codes(ran.json(), "repaired")).toContain("rollback-unrecorded");
  const { ledger } = harness.ports;
  const known = (await ledger.getAlias("orders", "live"))!;
  expect(Object.values(known.knownBad)).toMatchObject([{ version: "2" }]);
  expect(known.rollbacks).toMatchObject([{ to: "1", left: ["2"] }]);
  expect([...ledger.releases.values()]).toMatchObject([{ outcome: "rolled-back" }]);
  expect(codes((await repair(harness)).json(), "findings")).not.toContain("rollback-unrecorded");
});

/** `orders` is split and nothing releases it; `aaa`, which comes first, has something that is in the way. */
async function twoAliases(spoil: (harness: Harness) => unknown): Promise<Harness> {
  const harness = new Harness();
  harness.guarded("aaa", "1");
  await leftBehind(harness, { outcome: "promoted" });
  harness.ports.functions.setAlias("orders", "live", "1", { 2: 0.1 });
  await spoil(harness);
  return harness;
}

it("doctor repairs the other aliases where one cannot be looked at, such as one whose stack is being created", async () => {
  const harness = await twoAliases(({ ports }) => ports.functions.functions.get("aaa")!.aliases.delete("live"));
  const looked = await harness.run(doctor, "--all", "--json");
  expect(looked.exitCode).toBe(1);
  expect(codes(looked.json(), "findings")).toEqual(["not-examined", "alias-split"]);
  const ran = await harness.run(doctor, "--all", "--repair", "--json");
  expect(ran.exitCode).toBe(5);
  expect(codes(ran.json(), "repaired")).toEqual(["alias-split"]);
  expect(ran.json()).toMatchObject({
    message: expect.stringContaining("left: not-examined of aaa:live"),
    remaining: [{ code: "not-examined", message: "function aaa has no alias live" }],
  });
  expect(harness.alias("orders")).toEqual({ functionVersion: "1", weights: {} });
});

it("doctor repairs the other aliases where a repair of one fails, and names it", async () => {
  const harness = await twoAliases(({ ports }) => {
    ports.functions.setAlias("aaa", "live", "1", { 2: 0.1 });
    const moveAlias = ports.functions.moveAlias.bind(ports.functions);
    ports.functions.moveAlias = (move) =>
      move.functionName === "aaa"
        ? Promise.reject(new GoaroundError("throttled", "dependency", "slow down"))
        : moveAlias(move);
  });
  const ran = await harness.run(doctor, "--all", "--repair", "--json");
  expect(ran.exitCode).toBe(5);
  expect(ran.json()).toMatchObject({
    failed: [{ functionName: "aaa", alias: "live", code: "alias-split", error: "throttled", message: "slow down" }],
    repaired: [{ functionName: "orders", code: "alias-split" }],
    remaining: [{ functionName: "aaa", code: "alias-split" }],
  });
  expect(harness.alias("orders").weights).toEqual({});
  const alone = await harness.run(doctor, "--functions", "aaa", "--repair", "--json");
  expect(alone.exitCode).toBe(8);
});

it("doctor fails as the look did where no alias can be looked at", async () => {
  const harness = await twoAliases(({ ports }) => {
    for (const { aliases } of ports.functions.functions.values()) aliases.delete("live");
  });
  const ran = await harness.run(doctor, "--all", "--json");
  expect(ran.exitCode).toBe(4);
  expect(ran.json()).toMatchObject({ code: "alias-missing" });
});

it("doctor does not write an alias whose deployment has begun since it looked", async () => {
  const harness = new Harness();
  await leftBehind(harness, { outcome: "promoted" });
  const { deployments, functions } = harness.ports;
  functions.setAlias("orders", "live", "1", { 2: 0.1 });
  const openDeployments = harness.discovery.openDeployments.bind(harness.discovery);
  let looks = 0;
  harness.discovery.openDeployments = () => {
    // One look to find it, one before the repair; then somebody releases version 3.
    if (++looks === 3) {
      deployments.given({ deploymentId: "d-NEXT", functionName: "orders", alias: "live", from: "1", to: "3" });
    }
    return openDeployments();
  };
  const ran = await repair(harness);
  expect(ran.exitCode).toBe(6);
  expect(ran.json()).toMatchObject({ message: "deployment d-NEXT has begun meanwhile" });
  expect(harness.alias("orders")).toEqual({ functionVersion: "1", weights: { 2: 0.1 } });
});

it.each([
  ["has been moved", ({ functions }: Harness["ports"]) => functions.setAlias("orders", "live", "3")],
  ["has been split", ({ functions }: Harness["ports"]) => functions.setAlias("orders", "live", "1", { 3: 0.1 })],
  [
    "is being released",
    ({ deployments }: Harness["ports"]) =>
      deployments.given({ deploymentId: "d-NEXT", functionName: "orders", alias: "live", from: "1", to: "3" }),
  ],
] as const)("doctor does not execute a change set for an alias that %s since it was made", async (_, meanwhile) => {
  const harness = new Harness();
  await leftBehind(harness, { outcome: "promoted" });
  harness.discovery.stacks.set("orders", "app");
  const Alias = { Type: "AWS::Lambda::Alias", Properties: { FunctionVersion: "2" } };
  const done: string[] = [];
  harness.stacks = {
    alias: async () => ({
      ...{ stackName: "app", status: "UPDATE_COMPLETE", logicalId: "Alias" },
      ...{ recordedVersion: "2", problem: undefined },
    }),
    template: async () => JSON.stringify({ Resources: { Alias } }),
    propose: async () => {
      meanwhile(harness.ports);
      const change = { logicalId: "Alias", action: "SyncWithActual", replaces: false, names: ["FunctionVersion"] };
      return { changeSet: "one", changes: [change] };
    },
    discard: async (changeSet) => void done.push(`discard ${changeSet}`),
    execute: async (changeSet) => void done.push(`execute ${changeSet}`),
    status: async () => ({ status: "UPDATE_COMPLETE", reason: undefined }),
  };
  const ran = await harness.run(doctor, "--functions", "orders", "--only", "alias-not-template", "--repair", "--json");
  expect(ran.exitCode).toBe(6);
  expect(ran.json().message).toContain("alias live of orders changes");
  expect(done).toEqual(["discard one"]);
});
