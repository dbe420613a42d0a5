import type { ErrorTestResult } from "../../lib/core/judge/sequential/replay.ts";
import type { JudgeReplay } from "../../lib/core/judge/sequential/replay-judge.ts";

/** The one document of `--json`. */
export function errorTestDocument(result: ErrorTestResult): string {
  const { rollback, decidedAtSeconds, look, looks, method, reasons } = result;
  const verdict = rollback ? "rollback" : "inconclusive";
  return `${JSON.stringify({ verdict, decidedAtSeconds, look, reasons, method, looks }, null, 2)}\n`;
}

export function errorTestText(result: ErrorTestResult): string {
  const { rollback, decidedAtSeconds, look, looks, method, reasons } = result;
  const when = rollback ? `at look ${look} (${decidedAtSeconds} s)` : `after ${looks.length} looks`;
  const rows = looks.map(({ seconds, boundary, canaryErrors, pValue, spent }) => [
    String(seconds),
    String(canaryErrors),
    boundary === null ? "-" : String(boundary),
    spent.toPrecision(3),
    pValue.toPrecision(2),
  ]);
  return `${[
    `verdict   ${rollback ? "rollback" : "inconclusive"} ${when}, by ${method}, errors only`,
    ...reasons.map((reason) => `  ${reason.code}: ${reason.message}`),
    "",
    ...table(["seconds", "canary errors", "boundary", "spent", "p (any time)"], shortened(rows)),
  ].join("\n")}\n`;
}

export function judgeDocument(result: JudgeReplay): string {
  const { verdict, decidedAtSeconds, look, looks, budget } = result;
  const { kind, reasons, findings } = verdict;
  return `${JSON.stringify({ verdict: kind, decidedAtSeconds, look, reasons, findings, budget, looks }, null, 2)}\n`;
}

export function judgeText(result: JudgeReplay): string {
  const { verdict, decidedAtSeconds, look, looks, budget } = result;
  const when = look === null ? `after ${looks.length} looks` : `at look ${look} (${decidedAtSeconds} s)`;
  const rows = looks.map(({ seconds, verdict: kind, canaryErrors, boundary, spent, pValue }) => [
    String(seconds),
    String(canaryErrors),
    boundary === null ? "-" : String(boundary),
    spent.toPrecision(3),
    pValue.toPrecision(2),
    kind,
  ]);
  return `${[
    `verdict   ${verdict.kind} ${when}`,
    ...verdict.reasons.map((reason) => `  ${reason.code}: ${reason.message}`),
    ...verdict.findings.map((finding) => `  finding, ${finding.code}: ${finding.message}`),
    `false rollbacks are limited to ${100 * budget.total} % of releases: errors ${100 * budget.errors}, latency ${100 * budget.latency}, traffic ${100 * budget.share}`,
    "",
    ...table(["seconds", "canary errors", "boundary", "spent", "p (any time)", "verdict"], shortened(rows)),
  ].join("\n")}\n`;
}

const SHOWN_ROWS = 40;

/** The first and the last of many rows. */
function shortened(rows: string[][]): string[][] {
  if (rows.length <= SHOWN_ROWS) return rows;
  const half = SHOWN_ROWS / 2;
  return [...rows.slice(0, half), ["…"], ...rows.slice(-half)];
}

/** Columns of text, as wide as they need to be. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [head, ...rows].map((row) => row.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
}
