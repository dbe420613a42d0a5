import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTrace } from "../../lib/contract/trace.ts";
import { parseTraceCsv } from "../../lib/contract/trace-csv.ts";

const side = (requests: number, errors: number) => ({ requests, errors });
const block = (changes: object = {}) => ({ seconds: 10, canary: side(60, 2), baseline: side(540, 4), ...changes });
const trace = (...blocks: unknown[]) => ({ share: 0.1, blocks });

function problems(value: unknown): string[] {
  const parsed = parseTrace(typeof value === "string" ? value : JSON.stringify(value));
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe("trace", () => {
  it("takes what the documentation shows", () => {
    expect(parseTrace(JSON.stringify(trace(block())))).toMatchObject({ ok: true, trace: { share: 0.1 } });
    const full = block({
      canary: { ...side(60, 2), slow: [30, 6, 1], coldStarts: 3 },
      baseline: { ...side(540, 4), slow: [270, 54, 5], coldStarts: 0 },
    });
    expect(problems(trace(full))).toEqual([]);
  });

  it.each([
    [
      "errors over requests",
      trace(block(), block({ canary: side(5, 7) })),
      "blocks[1].canary.errors: 7 errors of 5 requests",
    ],
    ["a negative count", trace(block({ baseline: side(-1, 0) })), "blocks[0].baseline.requests"],
    ["a fraction", trace(block({ baseline: side(10, 0.5) })), "blocks[0].baseline.errors: must be a whole number"],
    ["NaN", '{"share": 0.1,\n "blocks": [{"seconds": NaN}]}', "is not JSON"],
    [
      "infinity",
      '{"share": 0.1, "blocks": [{"seconds": 1e999, "canary": {"requests":1,"errors":0}, "baseline": {"requests":1,"errors":0}}]}',
      "blocks[0].seconds",
    ],
    ["no block", trace(), "blocks: holds no block"],
    ["an empty file", " ", "is empty"],
    ["a share of everything", { share: 1, blocks: [block()] }, "share"],
    ["an unknown key", trace(block({ weight: 1 })), "blocks[0]"],
    ["a look of no time", trace(block({ seconds: 0 })), "blocks[0].seconds"],
    ["text for a number", trace(block({ seconds: "10" })), "blocks[0].seconds"],
    [
      "slow counts that rise",
      trace(block({ canary: { ...side(9, 0), slow: [1, 2] }, baseline: { ...side(9, 0), slow: [1, 1] } })),
      "blocks[0].canary.slow[1]",
    ],
    [
      "thresholds on one side only",
      trace(block({ canary: { ...side(9, 0), slow: [1] } })),
      "blocks[0].baseline.slow: 0 thresholds",
    ],
    [
      "more cold starts than requests",
      trace(block({ canary: { ...side(9, 0), coldStarts: 10 } })),
      "blocks[0].canary.coldStarts",
    ],
    ["too many blocks", trace(...Array.from({ length: 100_001 }, () => 0)), "100000"],
    ["no object", "[]", "expected object"],
  ])("refuses %s with the place", (_, value, expected) => {
    expect(problems(value).join("\n")).toContain(expected);
  });

  it("never throws, whatever it is given", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTrace(text)));
    fc.assert(fc.property(fc.json(), (text) => void parseTrace(text)));
    const cell = fc.oneof(
      fc.string(),
      fc.constantFrom("canary requests", "baseline errors", "2026-01-01 00:00:00", '"', "1e9"),
    );
    const rows = fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 6 });
    fc.assert(fc.property(rows, (lines) => void parseTraceCsv(lines.map((line) => line.join()).join("\n"), 0.1)));
  });
});

describe("trace from CSV", () => {
  const simple =
    "seconds,canary requests,canary errors,baseline requests,baseline errors\n10,60,2,540,4\n10,61,0,539,5\n";

  it("reads counts line by line", () => {
    expect(parseTraceCsv(simple, 0.1)).toEqual({
      ok: true,
      trace: { share: 0.1, blocks: [block(), block({ canary: side(61, 0), baseline: side(539, 5) })] },
    });
  });

  it("reads an export of the CloudWatch console: head lines, times, empty cells, gaps", () => {
    const exported = [
      'Full label,"checkout, canary Invocations",canary Errors,baseline Invocations,baseline Errors,canary InitDuration count',
      'Label,"checkout, canary Invocations",canary Errors,baseline Invocations,baseline Errors,canary cold starts',
      "Unit,Count,Count,Count,Count,Count",
      "Period,60,60,60,60,60",
      "2026/03/01 10:00:00,60,2,540,,3",
      "2026/03/01 10:01:00,60,,540,4,",
      "2026/03/01 10:04:00,60.0,0,540,4,0",
    ].join("\r\n");
    const parsed = parseTraceCsv(exported, 0.1);
    expect(parsed).toMatchObject({ ok: true });
    if (!parsed.ok) return;
    expect(parsed.trace.blocks.map(({ seconds }) => seconds)).toEqual([60, 180, 60]);
    expect(parsed.trace.blocks[0]).toMatchObject({
      canary: { requests: 60, errors: 2, coldStarts: 3 },
      baseline: { errors: 0 },
    });
  });

  it.each([
    ["errors over requests", simple.replace("10,60,2", "10,60,61"), "line 2 canary.errors"],
    ["text", simple.replace("540", "many"), 'line 2, column "baseline requests": "many" is no number'],
    ["a column that is missing", simple.replace("baseline errors", "other"), 'no column "baseline errors"'],
    ["the same column twice", simple.replace("baseline errors", "canary errors"), "the same count"],
    [
      "times that go back",
      "time,canary requests,canary errors,baseline requests,baseline errors\n2026-01-01T00:01:00Z,1,0,1,0\n2026-01-01T00:00:00Z,1,0,1,0",
      "line 3: is not later",
    ],
    ["no head", "10,60,2,540,4", "no line names the columns"],
    ["no data", "seconds,canary requests,canary errors,baseline requests,baseline errors", "holds no line"],
  ])("refuses %s with the line", (_, text, expected) => {
    const parsed = parseTraceCsv(text, 0.1);
    const found = parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
    expect(found.join("\n")).toContain(expected);
  });
});
