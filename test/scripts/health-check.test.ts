import { describe, expect, it } from "vitest";
import { command } from "../../scripts/rollback.ts";
import { counts } from "../fakes/monitoring.ts";
import { Harness } from "./harness.ts";

const check = (harness: Harness, ...more: string[]) =>
  harness.run(command, "--action", "health-check", "--functions", "checkout", ...more);

function serving(errorPercent = 0): Harness {
  const harness = new Harness();
  harness.guarded("checkout", "3");
  harness.ports.monitoring.perMinute = () => counts(100, errorPercent);
  return harness;
}

describe("health-check", () => {
  it("prints version, figures and alarms on stdout and exits 0 when all is well", async () => {
    const harness = serving();
    harness.ports.monitoring.states.set("goaround-dev-checkout.live.error-rate", "OK");
    const ran = await check(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("checkout:live  HEALTHY  version 3");
    expect(ran.stdout).toContain("600 requests, 0 % errors, 50 ms average, 200 ms p99");
    expect(ran.stdout).toContain("alarms: none of 1 red\n");
  });

  it("names the function that was meant when only its last part was given", async () => {
    const harness = new Harness();
    harness.guarded("shop-dev-checkout", "3");
    const ran = await harness.run(command, "--action", "health-check", "--functions", "checkout");
    expect(ran.exitCode).toBe(4);
    expect(ran.stderr).toContain("what to do: Did you mean shop-dev-checkout? Check the name");
  });

  it("exits 1 for an error rate of 1 % or more, with figures and limit", async () => {
    const ran = await check(serving(2));
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain("version 3: 2 % errors (12 of 600); the limit is 1 %");
    expect(ran.stderr).toContain("--action rollback-function --function-name checkout");
  });

  it("exits 1 for a red alarm of the function, not for one of a version that serves no more", async () => {
    const harness = serving();
    harness.ports.monitoring.states.set("goaround-dev-checkout.live.error-rate.v2", "ALARM");
    expect((await check(harness)).exitCode).toBe(0);
    harness.ports.monitoring.states.set("goaround-dev-checkout.live.error-rate.v3", "ALARM");
    expect((await check(harness)).exitCode).toBe(1);
  });

  it("gives each red alarm a line of its own, counts the others, and lists all with --verbose", async () => {
    const harness = serving();
    const { states } = harness.ports.monitoring;
    for (const check of ["duration", "p99", "throttles"]) states.set(`goaround-dev-checkout.live.${check}`, "OK");
    states
      .set("goaround-dev-checkout.live.error-rate", "ALARM")
      .set("goaround-dev-checkout.live.error-rate.v3", "ALARM");
    states.set("goaround-dev-checkout.live.p99.v3", "INSUFFICIENT_DATA");
    const alarms = ({ stdout }: { stdout: string }) => stdout.split("\n").slice(3, -1);
    const red = [
      "    ALARM             goaround-dev-checkout.live.error-rate",
      "    ALARM             goaround-dev-checkout.live.error-rate.v3",
    ];
    expect(alarms(await check(harness))).toEqual(["  alarms: 2 of 6 red, 1 without data", ...red]);
    expect(alarms(await check(harness, "--verbose"))).toHaveLength(7);
  });

  it("prints figures of the document with at most three decimals", async () => {
    const harness = serving();
    harness.ports.monitoring.perMinute = () => ({ ...counts(100), averageDurationMs: 100 / 3 });
    expect((await check(harness, "--json")).json()).toMatchObject({
      functions: [{ total: { averageDurationMs: 33.333 } }],
    });
  });

  it("says how long it took, although the services' time is hours ahead", async () => {
    const harness = serving();
    const { monitoring, clock } = harness.ports;
    const { aliasCounts } = monitoring;
    harness.stopwatch = () => 0;
    monitoring.aliasCounts = (...args) => {
      clock.set(new Date(clock.now().getTime() + 9 * 3_600_000));
      return aliasCounts.apply(monitoring, args);
    };
    expect((await check(harness)).stderr).toContain("healthy: checkout (0 s)");
  });

  it("says first what is wrong", async () => {
    const { stdout } = await check(serving(2));
    expect(stdout.split("\n")[1]).toBe("  - version 3: 2 % errors (12 of 600); the limit is 1 %");
  });

  it("calls no traffic neither healthy nor unhealthy", async () => {
    const harness = new Harness();
    harness.guarded("checkout", "3");
    const ran = await check(harness, "--json");
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({ code: "no-data", functions: [{ status: "no-data" }] });
    expect(ran.json().message).toContain("neither healthy nor unhealthy");
  });

  it("finds an alias that is split although nothing is being released", async () => {
    const harness = serving();
    harness.ports.functions.setAlias("checkout", "live", "3", { 4: 0.1 });
    const ran = await check(harness);
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain("the alias is split between versions");
    expect(ran.stdout).toContain("version 3 with 10 % on version 4");
  });

  it("names the deployment that is running and does not mind its weights", async () => {
    const harness = serving();
    harness.releasing();
    const ran = await check(harness);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("deployment d-000000004 is running");
  });

  it("checks all functions although one does not exist, and exits 4 for that one", async () => {
    const harness = serving();
    const ran = await harness.run(command, "--action", "health-check", "--functions", "nope", "checkout", "--json");
    expect(ran.exitCode).toBe(4);
    expect(ran.json()).toMatchObject({
      functions: [{ functionName: "checkout", status: "healthy" }],
      failures: [{ functionName: "nope", code: "function-missing" }],
    });
  });

  it("exits 8 when monitoring cannot be read: that is not health", async () => {
    const harness = serving();
    harness.ports.monitoring.calls.fail("aliasCounts");
    expect((await check(harness)).exitCode).toBe(8);
  });

  it("measures the average duration against the policy", async () => {
    const harness = serving();
    harness.guarded("checkout", "3", { checks: { maxAverageDurationMs: 40 } });
    const ran = await check(harness);
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain("50 ms on average; the policy's limit is 40 ms");
  });
});
