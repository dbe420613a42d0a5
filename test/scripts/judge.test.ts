import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { command as judge } from "../../scripts/judge.ts";
import { Harness } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "judge-"));
let files = 0;
function file(content: unknown, suffix = ".json"): string {
  const path = join(folder, `trace-${files++}${suffix}`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const blocks = (n: number, canaryErrors: number, baselineErrors: number) =>
  Array.from({ length: n }, () => ({
    seconds: 60,
    canary: { requests: 60, errors: canaryErrors },
    baseline: { requests: 540, errors: baselineErrors },
  }));
const run = (...argv: string[]) => new Harness().run(judge, ...argv);

const document = { schemaVersion: 1, functionName: "f", alias: "live", deploymentGroup: "g" };

describe("judge", () => {
  it("gives verdict, time, reasons, budget and looks in one document", async () => {
    const ran = await run("--trace", file({ share: 0.1, blocks: blocks(5, 0, 0) }), "--json");
    expect(ran.json()).toMatchObject({ verdict: "promote", look: 5, decidedAtSeconds: 300, budget: { total: 0.01 } });
    const [first] = (ran.json() as { looks: { effect: unknown }[] }).looks;
    expect(first!.effect).toMatchObject({ difference: 0, low: expect.any(Number), high: expect.any(Number) });
    const bad = await run("--trace", file({ share: 0.1, blocks: blocks(5, 9, 1) }));
    expect(bad.stdout).toContain("rollback at look 1 (60 s)");
    expect(bad.stdout).toContain("more-errors: 9 of 60 canary requests failed");
  });

  it("takes a policy, and refuses a wrong one and options of the error test", async () => {
    const trace = file({ share: 0.1, blocks: blocks(5, 9, 1) });
    const strict = file({ ...document, checks: { falseRollbackPercent: 0.1 } });
    expect((await run("--trace", trace, "--policy", strict, "--json")).json()).toMatchObject({
      budget: { errors: 0.0006 },
    });
    expect(await run("--trace", trace, "--policy", file({ ...document, chekcs: {} }))).toMatchObject({ exitCode: 2 });
    expect(await run("--trace", trace, "--alpha", "0.01")).toMatchObject({ exitCode: 2 });
  });
});

describe("judge --errors-only", () => {
  it("replays the reference boundaries and says when it decided", async () => {
    const trace = file({ share: 0.1, blocks: [...blocks(2, 1, 5), ...blocks(2, 4, 2)] });
    const ran = await run("--trace", trace, "--errors-only", "--method", "ces", "--json");
    expect(ran.exitCode).toBe(0);
    const document = ran.json() as { looks: { boundary: number; spent: number }[] };
    expect(document).toMatchObject({ verdict: "rollback", look: 4, decidedAtSeconds: 240 });
    expect(document.looks.map((look) => look.boundary)).toEqual([4, 5, 7, 8]);
    expect(document.looks[0]?.spent).toBeCloseTo(0.00117042, 8);
  });

  it("is inconclusive where errors show nothing", async () => {
    const ran = await run("--trace", file({ share: 0.1, blocks: blocks(5, 0, 6) }), "--errors-only", "--json");
    expect(ran.json()).toMatchObject({ verdict: "inconclusive", look: null, decidedAtSeconds: null, method: "ces" });
  });

  it("takes the e-process for thin traffic, chosen before any error is seen", async () => {
    const thin = { seconds: 60, canary: { requests: 1, errors: 1 }, baseline: { requests: 9, errors: 0 } };
    const trace = file({ share: 0.1, blocks: Array.from({ length: 10 }, () => thin) });
    const ran = await run("--trace", trace, "--errors-only", "--json");
    expect(ran.json()).toMatchObject({ verdict: "rollback", method: "e-process", look: 3 });
  });

  it("prints a table for people", async () => {
    const ran = await run(
      "--trace",
      file({ share: 0.1, blocks: blocks(3, 12, 1) }),
      "--errors-only",
      "--alpha",
      "0.001",
    );
    expect(ran.stdout).toContain("rollback at look 1 (60 s)");
    expect(ran.stdout).toContain("12 of 60 canary requests failed");
  });

  it("exits 2, names the place and decides nothing when the trace is wrong", async () => {
    const wrong = file({ share: 0.1, blocks: blocks(1, 61, 0) });
    const ran = await run("--trace", wrong, "--errors-only");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("blocks[0].canary.errors: 61 errors of 60 requests");
    expect((await run("--trace", wrong, "--errors-only", "--json")).json()).toMatchObject({ ok: false, exitCode: 2 });
    expect((await run("--trace", join(folder, "none.json"), "--errors-only")).exitCode).toBe(2);
    expect((await run("--trace", wrong, "--method", "guess", "--errors-only")).exitCode).toBe(2);
    expect((await run("--trace", wrong, "--alpha", "2", "--errors-only")).exitCode).toBe(2);
  });

  it("names line and column of what is no JSON, and refuses what contradicts itself", async () => {
    const nan = file('{"share": 0.1,\n "blocks": [{"seconds": 60, "canary": {"requests": NaN}}]}');
    expect((await run("--trace", nan)).stderr).toContain("line 2, column 52: is not JSON");
    expect((await run("--trace", file(""))).stderr).toContain("is empty");
    const one = blocks(1, 3, 0)[0]!;
    const environments = { a: { requests: 50, errors: 2 }, b: { requests: 11, errors: 12 } };
    const wrong = file({ share: 0.1, blocks: [{ ...one, canary: { ...one.canary, environments } }] });
    const ran = await run("--trace", wrong);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("blocks[0].canary.environments.b.errors: 12 errors of 11 requests");
    expect(ran.stderr).toContain("blocks[0].canary.environments: 61 requests of the environments, 60 in all");
    expect(ran.stderr).toContain("blocks[0].canary.environments: 14 errors of the environments, 3 in all");
  });

  it("tells a bad environment from the version, where the trace has counts by environment", async () => {
    const one = blocks(1, 30, 5)[0]!;
    const environments = { a: { requests: 30, errors: 30 }, b: { requests: 30, errors: 0 } };
    const told = { ...one, canary: { ...one.canary, environments } };
    expect((await run("--trace", file({ share: 0.1, blocks: [one] }), "--json")).json()).toMatchObject({
      verdict: "rollback",
    });
    const ran = await run("--trace", file({ share: 0.1, blocks: [told, told] }), "--json");
    const { verdict, reasons } = ran.json() as { verdict: string; reasons: { code: string }[] };
    expect([verdict, reasons[0]!.code]).toEqual(["hold", "one-environment"]);
  });

  it("reads CSV, which needs the share", async () => {
    const head = "seconds,canary requests,canary errors,baseline requests,baseline errors\n";
    const csv = file(`${head}60,60,12,540,1\n`, ".csv");
    expect((await run("--trace", csv, "--share", "0.1", "--errors-only", "--json")).json()).toMatchObject({
      verdict: "rollback",
    });
    expect((await run("--trace", csv, "--errors-only")).stderr).toContain("--share");
  });
});

describe("judge --plan", () => {
  const ask = (rps: string, minutes: string, ...more: string[]) =>
    run("--plan", "--rps", rps, "--baseline-error", "0.001", "--share", "0.1", "--minutes", minutes, ...more);

  it("tells what a release would find, the same every time", async () => {
    const ran = await ask("10", "10", "--json");
    const { rows, advice } = ran.json() as {
      rows: { canaryRate: number; detected: number; seconds: number; limitSeconds: number }[];
      advice: string[];
    };
    expect(rows.map(({ canaryRate }) => canaryRate)).toEqual([0.006, 0.02, 0.05, 0.2, 1]);
    for (const [i, row] of rows.entries())
      if (i > 0) expect(row.detected).toBeGreaterThanOrEqual(rows[i - 1]!.detected);
    expect(rows[3]).toMatchObject({ detected: 1 });
    expect(rows[2]!.limitSeconds).toBeGreaterThan(50);
    expect(advice).toEqual([]);
    expect((await ask("10", "10", "--json")).stdout).toBe(ran.stdout);
  });

  it("advises when the window is blind", async () => {
    const ran = await ask("0.02", "5");
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("every verdict will be inconclusive");
    expect(ran.stdout).toMatch(/blind to .* shift for \d+ minutes/);
  });

  it("looks as often as the watch does, by the log or by metrics", async () => {
    const byMetrics = file({ ...document, signals: { source: "metrics" } });
    expect((await ask("10", "10")).stdout).toContain("a look every 10 s");
    expect((await ask("10", "10", "--policy", byMetrics)).stdout).toContain("a look every 60 s");
  });

  it("asks for what it needs", async () => {
    expect((await run("--plan", "--rps", "10")).stderr).toContain("--baseline-error");
    expect(await run()).toMatchObject({ exitCode: 2 });
    expect(await ask("10", "10", "--errors-only")).toMatchObject({ exitCode: 2 });
  });
});
