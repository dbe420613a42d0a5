import { describe, expect, it } from "vitest";
import { command as deploy } from "../../scripts/deploy.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { command as guard } from "../../scripts/guard.ts";
import { command as policy } from "../../scripts/policy.ts";
import { command as ready } from "../../scripts/ready.ts";
import { command as rollback } from "../../scripts/rollback.ts";
import { Harness } from "./harness.ts";

type Make = typeof rollback;
/** Every place where a function is named. */
const PLACES: [string, Make, (name: string) => string[]][] = [
  ["rollback-function", rollback, (name) => ["--action", "rollback-function", "--function-name", name]],
  ["health-check", rollback, (name) => ["--action", "health-check", "--functions", `payments,${name}`]],
  ["deploy", deploy, (name) => ["--function-name", name, "--version", "4"]],
  ["stages", deploy, (name) => ["--function-name", name, "--version", "4", "--stages", "10:1m,100"]],
  ["doctor", doctor, (name) => ["--functions", "payments", name, "--repair"]],
  ["ready", ready, (name) => ["--function-name", name]],
  ["policy", policy, (name) => ["rollback", name]],
  ["disarm", guard, (name) => ["--action", "disarm", "--function-name", name, "--for", "1h", "--reason", "why"]],
  ["latch", guard, (name) => ["--action", "latch", "--function-name", name, "--reason", "why"]],
];

const ARN = "arn:aws:lambda:eu-central-1:111122223333:function:checkout";
const OWN = [ARN, "111122223333:function:checkout"];
const FOREIGN = [
  "arn:aws:lambda:eu-central-1:999900001111:function:checkout",
  "arn:aws:lambda:us-east-1:111122223333:function:checkout",
  "999900001111:function:checkout",
];
const NO_FUNCTION = [
  `${ARN}:live`,
  "111122223333:function:checkout:3",
  "checkout:live",
  "checkout:$LATEST",
  "check out",
];

describe.each(PLACES)("a function named to %s", (_, make, argv) => {
  const ran = (name: string) => {
    const harness = new Harness();
    harness.guarded("checkout", "3");
    harness.guarded("payments", "3");
    harness.known("checkout", "2");
    harness.known("payments", "3");
    return harness.run(make, ...argv(name), "--dry-run", "--json");
  };

  it("is the same by name, by ARN and by partial ARN", async () => {
    const [byName, ...byArn] = await Promise.all(["checkout", ...OWN].map(ran));
    expect(byName!.exitCode).not.toBe(2);
    const told = (document: Record<string, unknown>) => ({ ...document, cost: undefined, seconds: undefined });
    for (const same of byArn) expect(told(same.json())).toEqual(told(byName!.json()));
  });

  it.each(FOREIGN)("is not %s, which is somewhere else: exit 7", async (name) => {
    const { exitCode, json } = await ran(name);
    expect(exitCode).toBe(7);
    expect(json()).toMatchObject({
      code: "wrong-identity",
      message: expect.stringContaining("function checkout is in"),
    });
  });

  it.each(NO_FUNCTION)("is not %s: exit 2", async (name) => {
    expect((await ran(name)).exitCode).toBe(2);
  });
});

describe("a function named by its ARN", () => {
  it("has its open deployment stopped before the alias is touched", async () => {
    const harness = new Harness();
    harness.releasing();
    harness.known("checkout", "3");
    const ran = await harness.run(rollback, "--action", "rollback-function", "--function-name", ARN);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).not.toContain("not guarded");
    expect(harness.ports.deployments.deployments.get("d-000000004")!.status).toBe("Stopped");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: {} });
  });

  it("keeps its canary's traffic while the doctor repairs", async () => {
    const harness = new Harness();
    harness.releasing();
    harness.known("checkout", "3");
    await harness.run(doctor, "--functions", OWN[1]!, "--repair");
    expect(harness.alias("checkout")).toEqual({ functionVersion: "3", weights: { 4: 0.1 } });
  });

  it("is said to be named with its qualifier", async () => {
    const ran = await new Harness().run(ready, "--function-name", "checkout:live");
    expect(ran.stderr).toContain('the qualifier "live"; give the function alone (checkout)');
  });
});
