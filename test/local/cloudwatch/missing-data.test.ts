import { describe, expect, it } from "vitest";
import { decideState } from "../../../lib/local/services/cloudwatch/missing-data.ts";

/** The two tables of "How CloudWatch alarms handle missing data": points, then missing, ignore, breaching, notBreaching. */
const TABLES: { m: number; rows: [string, string, string, string, string][] }[] = [
  {
    m: 3,
    rows: [
      ["0 - X - X", "OK", "OK", "OK", "OK"],
      ["0 - - - -", "OK", "OK", "OK", "OK"],
      ["- - - - -", "INSUFFICIENT_DATA", "keep", "ALARM", "OK"],
      ["0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"],
      ["- - X - -", "ALARM", "keep", "ALARM", "OK"],
    ],
  },
  {
    m: 2,
    rows: [
      ["0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"],
      ["0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"],
      ["0 - X - -", "OK", "OK", "ALARM", "OK"],
      ["- - - - 0", "OK", "OK", "ALARM", "OK"],
      ["- - - X -", "ALARM", "keep", "ALARM", "OK"],
    ],
  },
];

const POINT: Record<string, boolean | undefined> = { "0": false, X: true, "-": undefined };

describe("an alarm with 3 evaluation periods", () => {
  for (const { m, rows } of TABLES) {
    for (const [points, ...expected] of rows) {
      (["missing", "ignore", "breaching", "notBreaching"] as const).forEach((treatment, column) => {
        it(`of which ${m} must breach, over "${points}" with ${treatment}, decides ${expected[column]}`, () => {
          const range = points.split(" ").map((point) => POINT[point]);
          expect(decideState(range, { evaluationPeriods: 3, datapointsToAlarm: m, treatment })).toBe(expected[column]);
        });
      });
    }
  }
});
