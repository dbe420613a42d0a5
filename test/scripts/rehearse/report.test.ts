import { describe, expect, it } from "vitest";
import { reportPage } from "../../../scripts/rehearse/report.ts";
import type { RehearsalResult } from "../../../scripts/rehearse/result.ts";

const nasty = `<script>alert("x")</script>'&`;
const result: RehearsalResult = {
  scenario: nasty,
  description: nasty,
  seed: 1,
  function: nasty,
  outcome: "promoted",
  expected: "promoted",
  asExpected: false,
  differences: [nasty],
  evidence: "logs",
  steps: {},
  findings: [nasty],
  deployment: { id: nasty, status: nasty, openSeconds: 60, rollbackDeploymentId: nasty },
  baselineVersion: "1",
  canaryVersion: "2",
  alias: { functionVersion: nasty, weights: { [nasty]: 0.1 } },
  stackStatus: nasty,
  notifications: [nasty],
  times: {
    faultAtSeconds: 1,
    firstFailureAtSeconds: 1,
    detectedAtSeconds: 2,
    decidedAtSeconds: 3,
    restoredAtSeconds: null,
  },
  requests: { total: 1, failed: 0, failedOnCanary: 0, afterRestore: 0 },
  flags: { [nasty]: true },
  releases: [],
  events: [{ at: "2026-01-01T00:00:00.000Z", seconds: 0, kind: nasty, text: nasty, detail: {} }],
  traffic: [
    { minuteMs: Date.parse("2026-01-01T00:00:00Z"), version: nasty, requests: 10, errors: 1, meanDurationMs: 5 },
  ],
  tookSeconds: { real: 1, virtual: 2 },
};

describe("report page", () => {
  it("escapes whatever it shows", () => {
    expect(reportPage(result)).not.toMatch(/<script/i);
  });

  it("loads nothing from anywhere and runs no script", () => {
    const page = reportPage(result);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/\b(src|href)=/);
  });
});
