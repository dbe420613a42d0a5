import { expect, it } from "vitest";
import { emitTo } from "../../lambdas/runtime/metrics.ts";

it("a metric is one line of CloudWatch's embedded format with the environment as its only dimension", () => {
  const lines: string[] = [];
  emitTo(
    "dev",
    () => new Date(1_772_452_800_000),
    (line) => lines.push(line),
  )("rollbackDurationSeconds", 12.5);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.endsWith("\n")).toBe(true);
  expect(JSON.parse(lines[0]!)).toEqual({
    _aws: {
      Timestamp: 1_772_452_800_000,
      CloudWatchMetrics: [
        {
          Namespace: "Goaround",
          Dimensions: [["Environment"]],
          Metrics: [{ Name: "RollbackDurationSeconds", Unit: "Seconds" }],
        },
      ],
    },
    Environment: "dev",
    RollbackDurationSeconds: 12.5,
  });
});
