import { type ParsedTrace, type TraceProblem, validateTrace } from "./trace.ts";

/**
 * Counts as a spreadsheet or the CloudWatch console exports them: any head of lines whose first cell is no time
 * (`Full label`, `Label`, `Unit`, `Period` …), then one line a period: its start (or a column `seconds`) and one column a
 * count. The last head line with columns of both versions names them, by the words that people use:
 * `canary invocations`, `baseline Errors`, `canary cold starts`, `canary slow 1`. Empty cells are zero: CloudWatch has no
 * datapoint where nothing happened.
 */

type Measure = "requests" | "errors" | "coldStarts" | { slow: number };
interface Column {
  name: string;
  side: "canary" | "baseline";
  measure: Measure;
}
interface Row {
  line: number;
  cells: string[];
}

const DEFAULT_PERIOD_SECONDS = 60;

/** `share` is the canary's share of traffic, 0 to 1, which no export has. Never throws. */
export function parseTraceCsv(document: string, share: number): ParsedTrace {
  const rows = readRows(document);
  const isData = ({ cells }: Row) => /^\d/.test(cells[0] ?? "");
  const head = rows.filter((row) => !isData(row));
  const data = rows.filter(isData);
  const labels = head.findLast(({ cells }) => /canary/i.test(cells.join()) && /baseline/i.test(cells.join()));
  if (!labels) return refuse("line 1", "no line names the columns: canary and baseline, requests and errors");
  if (data.length === 0) return refuse("", "holds no line that begins with a time or a number of seconds");
  const problems: TraceProblem[] = [];
  const columns = labels.cells.map((name, i) => (i === 0 ? undefined : columnOf(name)));
  for (const [i, column] of columns.entries()) {
    const name = labels.cells[i]!;
    if (i > 0 && name !== "" && !column) {
      problems.push({ path: `line ${labels.line}, column "${name}"`, message: "is no count that a trace has" });
    }
    const twin = column && columns.findIndex((other) => other && sameCount(other, column));
    if (twin !== undefined && twin !== i) {
      problems.push({ path: `line ${labels.line}, column "${name}"`, message: "the same count as a column before it" });
    }
  }
  for (const needed of REQUIRED) {
    if (!columns.some((column) => column && sameCount(column, needed))) {
      problems.push({ path: `line ${labels.line}`, message: `no column "${needed.name}"` });
    }
  }
  const seconds = secondsOf(labels, head, data, problems);
  const blocks = data.map((row, i) => ({ seconds: seconds[i]!, ...sidesOf(row, columns, problems) }));
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, 20) };
  const result = validateTrace({ share, blocks });
  if (result.ok) return result;
  const lineOf = (path: string) =>
    path.replace(/^blocks\[(\d+)\]\.?/, (_, i) => `line ${data[Number(i)]!.line} `).trim();
  return { ok: false, problems: result.problems.map(({ path, message }) => ({ path: lineOf(path), message })) };
}

const REQUIRED: Column[] = (["canary", "baseline"] as const).flatMap((side) =>
  (["requests", "errors"] as const).map((measure) => ({ name: `${side} ${measure}`, side, measure })),
);

const sameCount = (a: Column, b: Column) =>
  a.side === b.side && JSON.stringify(a.measure) === JSON.stringify(b.measure);

function columnOf(name: string): Column | undefined {
  const isCanary = /canary/i.test(name);
  if (isCanary === /baseline/i.test(name)) return undefined;
  const side = isCanary ? "canary" : "baseline";
  const slow = /slow\D*(\d*)/i.exec(name);
  if (slow) {
    const threshold = Number(slow[1] || 1);
    return threshold >= 1 && threshold <= 10 ? { name, side, measure: { slow: threshold - 1 } } : undefined;
  }
  if (/cold|init/i.test(name)) return { name, side, measure: "coldStarts" };
  if (/error/i.test(name)) return { name, side, measure: "errors" };
  if (/request|invocation|sample/i.test(name)) return { name, side, measure: "requests" };
  return undefined;
}

function sidesOf(row: Row, columns: (Column | undefined)[], problems: TraceProblem[]) {
  const empty = () => ({
    requests: 0,
    errors: 0,
    slow: undefined as number[] | undefined,
    coldStarts: undefined as number | undefined,
  });
  const sides = { canary: empty(), baseline: empty() };
  if (row.cells.length > columns.length) {
    problems.push({ path: `line ${row.line}`, message: `${row.cells.length} cells, the head has ${columns.length}` });
  }
  for (const [i, column] of columns.entries()) {
    if (!column) continue;
    const text = row.cells[i] ?? "";
    const value = text === "" ? 0 : Number(text);
    if (!/^[-+.\deE]*$/.test(text) || !Number.isFinite(value)) {
      problems.push({
        path: `line ${row.line}, column "${column.name}"`,
        message: `"${text.slice(0, 40)}" is no number`,
      });
      continue;
    }
    const side = sides[column.side];
    if (typeof column.measure === "string") side[column.measure] = value;
    else {
      side.slow ??= [];
      side.slow[column.measure.slow] = value;
    }
  }
  return sides;
}

/** Length of each block: a column of seconds, else from one start to the next; the last is as long as the shortest. */
function secondsOf(labels: Row, head: Row[], data: Row[], problems: TraceProblem[]): number[] {
  if (/^seconds$/i.test(labels.cells[0] ?? "")) return data.map(({ cells }) => Number(cells[0]));
  const times = data.map(({ line, cells }) => {
    const text = cells[0]!.replaceAll("/", "-").replace(" ", "T");
    const time = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
    if (Number.isNaN(time)) problems.push({ path: `line ${line}`, message: `"${cells[0]}" is no time` });
    return time / 1000;
  });
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  for (const [i, gap] of gaps.entries()) {
    if (gap <= 0) problems.push({ path: `line ${data[i + 1]!.line}`, message: "is not later than the line before it" });
  }
  const stated = Number(head.find(({ cells }) => /^period/i.test(cells[0] ?? ""))?.cells[1]);
  const last = stated > 0 ? stated : Math.min(...gaps.slice(0, 1000), Number.POSITIVE_INFINITY);
  return [...gaps, Number.isFinite(last) ? last : DEFAULT_PERIOD_SECONDS];
}

/** Cells by line; quotes may hold commas, and two of them stand for one. */
function readRows(document: string): Row[] {
  return document
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((text, i) => ({ line: i + 1, text }))
    .filter(({ text }) => text.trim() !== "")
    .map(({ line, text }) => ({
      line,
      cells: [...`${text},`.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*,/g)].map((match) =>
        (match[1]?.replaceAll('""', '"') ?? match[2] ?? "").trim(),
      ),
    }));
}

const refuse = (path: string, message: string): ParsedTrace => ({ ok: false, problems: [{ path, message }] });
