import { countingFlags } from "../flag-metrics.ts";
import { flag } from "../flags.ts";

interface Input {
  /** Rows with a header line, comma-separated. */
  csv?: string;
  records?: Record<string, unknown>[];
}

interface Output {
  records: Record<string, string | number | boolean | null>[];
  rejected: { index: number; reason: string }[];
}

/** Normalises records: keys in snake case, numbers and booleans typed; with the flag on, duplicates are dropped too. */
async function processDocument(input: Input): Promise<Output> {
  const rows: Record<string, unknown>[] = input.records ?? parseCsv(input.csv ?? "");
  const distinct = (await flag("enable_enhanced_processing")).enabled;
  const seen = new Set<string>();
  const output: Output = { records: [], rejected: [] };
  rows.forEach((row, index) => {
    const record = Object.fromEntries(Object.entries(row).map(([key, value]) => [snakeCase(key), typed(value)]));
    const identity = JSON.stringify(record);
    if (Object.values(record).every((value) => value === null)) output.rejected.push({ index, reason: "empty" });
    else if (distinct && seen.has(identity)) output.rejected.push({ index, reason: "duplicate" });
    else output.records.push(record);
    seen.add(identity);
  });
  return output;
}

export const handler = countingFlags(processDocument);

function parseCsv(text: string): Record<string, string>[] {
  const [header = "", ...lines] = text.split(/\r?\n/).filter((line) => line !== "");
  const keys = header.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(keys.map((key, i) => [key, cells[i] ?? ""]));
  });
}

const snakeCase = (key: string) =>
  key
    .trim()
    .replace(/([a-z\d])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z\d]+/g, "_")
    .toLowerCase();

function typed(value: unknown): string | number | boolean | null {
  if (typeof value === "number" || typeof value === "boolean") return value;
  const text = String(value ?? "").trim();
  if (text === "") return null;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
