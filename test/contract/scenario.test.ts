import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseScenario, scenarioJsonSchema } from "../../lib/contract/scenario.ts";

const published = new URL("../../lib/contract/scenario.schema.json", import.meta.url);

const scenario = (changes: object) =>
  JSON.stringify({
    name: "mine",
    description: "A scenario.",
    releases: [{ expected: "promoted" }],
    expected: { outcome: "promoted" },
    ...changes,
  });

describe("a scenario", () => {
  it("has its schema as JSON Schema, for editors", () => {
    expect(JSON.parse(readFileSync(published, "utf8"))).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
  });

  it("lists all its problems with their places", () => {
    const parsed = parseScenario(
      scenario({
        traffic: [{ atSeconds: 0, requestsPerSecond: -1 }],
        releases: [{ canary: { phases: [{ errorRate: 2 }] }, expected: "promoted" }],
        outage: [],
      }),
    );
    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.path || problem.message)).toEqual([
      expect.stringContaining("traffic"),
      "releases[0].canary.phases[0].errorRate",
      expect.stringContaining("outage"),
    ]);
  });

  it("expects of its last release what it expects of the whole", () => {
    const parsed = parseScenario(scenario({ expected: { outcome: "failed" } }));
    expect(parsed).toMatchObject({ ok: false, problems: [{ path: "expected.outcome" }] });
  });
});
