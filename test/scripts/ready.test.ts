import { describe, expect, it } from "vitest";
import type { Readiness } from "../../lib/core/release/readiness.ts";
import { command as guard } from "../../scripts/guard.ts";
import { command as ready } from "../../scripts/ready.ts";
import { DoctorScene } from "./doctor-scene.ts";
import { Harness } from "./harness.ts";

const order = { reason: "incident 7", by: "alice", at: "2026-03-02T11:00:00.000Z", until: "2026-03-02T13:00:00.000Z" };

interface Told {
  functionName: string;
  admitted: boolean;
  refusals: { code: string; advice: string }[];
  noted: { code: string }[];
  rollbackPlan: string[];
  readiness: Readiness;
}

/** Version 4 serves, which a release brought. */
function scene(policy: Record<string, unknown> = {}): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "4", policy);
  harness.known("checkout", "3");
  harness.ports.functions.given("checkout", ["$LATEST", "3", "4"], "live", "4");
  return harness;
}

async function look(harness: Harness, ...more: string[]) {
  const ran = await harness.run(ready, "--function-name", "checkout", "--json", ...more);
  const document = ran.json() as { functions: Told[]; code: string; message: string; warnings: string[] };
  return { exitCode: ran.exitCode, ...document, told: document.functions[0]! };
}

const missing = ({ readiness }: Told) =>
  readiness.areas.flatMap(({ checks }) => checks.filter(({ isMet }) => !isMet).map(({ name }) => name));

describe("ready", () => {
  it("says that a release would be admitted, how it would be taken back, and changes nothing", async () => {
    const harness = scene({ rollbackStepSeconds: 30, releaseGroup: "shop" });
    const { exitCode, told } = await look(harness);
    expect(exitCode).toBe(0);
    expect(told).toMatchObject({ admitted: true, refusals: [] });
    const plan = told.rollbackPlan.join("\n");
    expect(plan).toContain("all traffic is on version 4 again");
    expect(plan).toContain("alarms put the alias back to version 4, in steps of 30 s");
    expect(plan).toContain("What group shop has released with it goes back too");
    expect(plan).toContain("Without a new release the same command goes to version 3, the last known good");
    for (const calls of [harness.ports.functions.calls, harness.ports.deployments.calls, harness.ports.ledger.calls]) {
      const wrote = calls.log.filter(({ operation }) =>
        /^(move|split|put|change|open|update|create|stop|invoke)/.test(operation),
      );
      expect(wrote).toEqual([]);
    }
  });

  it("says why a release would be refused, and the command that helps", async () => {
    const harness = scene({ blockers: ["db"] });
    harness.ports.monitoring.states.set("db", "ALARM");
    const window = { id: "holidays", scope: "code" as const, functionName: undefined, timeZone: "UTC" };
    const times = { from: "2026-03-01", until: undefined };
    harness.ports.ledger.environment.freezes.push({ ...window, times, reason: "holidays", by: "alice" });
    const { exitCode, code, told } = await look(harness);
    expect([exitCode, code]).toEqual([1, "refused"]);
    expect(told.refusals.map((one) => one.code)).toEqual(["blocker-red", "frozen"]);
    expect(told.refusals[1]?.advice).toContain("goaround guard --action break-glass --function-name checkout");
    const { stdout } = await harness.run(ready, "--function-name", "checkout");
    expect(stdout).toContain("a release would be refused now");
    expect(stdout).toContain("goaround guard --action break-glass --function-name checkout --rules frozen");
  });

  it("takes orders into account, and names what they cost", async () => {
    const harness = scene({ compatibility: { nonRevertible: [{ name: "drop-total", reason: "gone" }] } });
    expect((await look(harness)).told.refusals.map(({ code }) => code)).toEqual(["non-revertible-step"]);
    await harness.run(
      guard,
      ...["--action", "allow-step", "--function-name", "checkout", "--step", "drop-total"],
      "--reason",
      "ok",
    );
    const allowed = await look(harness);
    expect(allowed.told).toMatchObject({
      admitted: true,
      noted: [{ code: "allowed-step" }],
    });
    harness.ports.ledger.environment.breakGlass.push({ ...order, functionName: undefined, rules: [] });
    harness.ports.ledger.environment.disarmed.checkout = order;
    const { told } = await look(harness);
    expect(missing(told)).toEqual(expect.arrayContaining(["no-glass-broken", "automatic"]));
    expect(told.rollbackPlan[0]).toContain("Nothing goes back by itself (the guard is disarmed)");
  });

  it("only notes that what lies there now is known bad: the next release brings something else", async () => {
    const harness = scene();
    harness.bad("checkout", "$LATEST");
    const { exitCode, told } = await look(harness);
    expect(exitCode).toBe(0);
    expect(told.noted.map(({ code }) => code)).toEqual(["known-bad"]);
  });

  it("exits 1 for what the doctor finds broken, and for a deployment that holds the alias", async () => {
    const bad = scene();
    bad.bad("checkout", "4");
    expect(await look(bad)).toMatchObject({ exitCode: 1, code: "findings" });
    const open = new Harness();
    open.releasing();
    open.ports.functions.given("checkout", ["$LATEST", "3", "4"], "live", "3");
    const { exitCode, told } = await look(open);
    expect(exitCode).toBe(1);
    expect(told.refusals).toMatchObject([
      { code: "release-open", advice: "Follow it: goaround deploy --action follow --deployment-id d-000000004" },
    ]);
  });

  it("earns points by what is there, and leaves out what cannot be read", async () => {
    const source = { source: "datadog", query: "sum:x{*}", secretId: "datadog", name: "security_events" };
    const policy = { smokeTests: [{ name: "health", expect: "ok" }], metrics: [source] };
    const harness = scene(policy);
    harness.discovery.confirmed = 0;
    const before = await look(harness);
    expect(missing(before.told)).toEqual(
      expect.arrayContaining(["runbook", "owner", "rollback-tried", "people", "secrets"]),
    );
    harness.discovery.tags = { "goaround:runbook": "https://wiki", "goaround:owner": "shop" };
    harness.discovery.secrets.add("datadog");
    harness.discovery.calls.fail("subscribers");
    harness.ports.ledger.aliases.get("checkout:live")!.rollbacks = [
      {
        id: "1",
        at: "2026-02-20T12:00:00.000Z",
        automatic: false,
        actor: "alice",
        to: "3",
        left: ["2"],
        deploymentId: undefined,
      },
    ];
    const after = await look(harness);
    for (const name of ["runbook", "owner", "rollback-tried", "people", "secrets"]) {
      expect(missing(after.told)).not.toContain(name);
    }
    expect(after.warnings).toEqual([expect.stringContaining("goaround-dev-notifications")]);
    expect(after.told.readiness.score).toBeGreaterThan(before.told.readiness.score);
  });

  it("looks at every guarded function where none is named", async () => {
    const harness = scene();
    harness.guarded("payments", "2");
    const ran = await harness.run(ready, "--json");
    expect((ran.json() as { functions: Told[] }).functions.map(({ functionName }) => functionName)).toEqual([
      "checkout",
      "payments",
    ]);
    expect((await harness.run(ready, "--alias", "live")).exitCode).toBe(2);
    expect((await harness.run(ready, "--function-name", "chekout")).exitCode).toBe(4);
  });

  it("reads all of it on the local AWS", { timeout: 60_000 }, async () => {
    const local = await DoctorScene.start();
    try {
      const ran = await local.run(ready, "--functions", "orders", "--json");
      expect(ran.exitCode).toBe(2);
      const document = (await local.run(ready, "--function-name", "orders", "--json")).json();
      const { functions, warnings } = document as { functions: Told[]; warnings: string[] };
      expect(functions[0]).toMatchObject({ admitted: true });
      expect(functions[0]!.readiness.areas.find(({ area }) => area === "rollback")?.checks).toContainEqual(
        expect.objectContaining({ name: "rollback-point", isMet: true }),
      );
      // No stack of the guard is deployed there.
      expect(warnings).toEqual([expect.stringContaining("goaround-dev-notifications")]);
      const { TopicArn } = await local.call<{ TopicArn: string }>("sns", "CreateTopic", {
        Name: "goaround-dev-notifications",
      });
      await local.call("sns", "Subscribe", {
        TopicArn,
        Protocol: "sqs",
        Endpoint: "arn:aws:sqs:eu-central-1:111122223333:q",
      });
      const again = (await local.run(ready, "--function-name", "orders", "--json")).json() as { functions: Told[] };
      expect(missing(again.functions[0]!)).not.toContain("people");

      const Name = "/goaround/dev/orders/live";
      const { Parameter } = await local.call<{ Parameter: { Value: string } }>("ssm", "GetParameter", { Name });
      const metrics = [{ name: "refused", source: "datadog", query: "sum:x{*}", secretId: "datadog" }];
      const Value = JSON.stringify({ ...(JSON.parse(Parameter.Value) as object), metrics });
      await local.call("ssm", "PutParameter", { Name, Value, Overwrite: true });
      const secret = async () =>
        missing(
          ((await local.run(ready, "--function-name", "orders", "--json")).json() as { functions: Told[] })
            .functions[0]!,
        );
      expect(await secret()).toContain("secrets");
      await local.call("secrets-manager", "CreateSecret", { Name: "datadog", SecretString: "{}" });
      expect(await secret()).not.toContain("secrets");
    } finally {
      await local.aws.close();
    }
  });
});
