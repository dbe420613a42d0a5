import { type Policy, parsePolicy } from "../../lib/contract/policy.ts";
import { parseTrace, type Trace } from "../../lib/contract/trace.ts";
import { parseTraceCsv } from "../../lib/contract/trace-csv.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { readInput } from "../cli/files.ts";

/** Reads recorded counts. Throws a usage error that lists everything that is wrong, with its place. */
export function loadTrace(file: string, share: number | undefined): Trace {
  const document = readInput(file);
  const isCsv = /\.csv$/i.test(file);
  if (isCsv && share === undefined) {
    throw new GoaroundError("usage", "operator", `${file}: a CSV file does not tell the canary's share of traffic`, {
      advice: "Add --share, such as --share 0.1.",
    });
  }
  if (!isCsv && share !== undefined) {
    throw new GoaroundError("usage", "operator", "--share goes with CSV; a JSON trace has its own", {
      advice: "Leave --share out.",
    });
  }
  const parsed = isCsv ? parseTraceCsv(document, share!) : parseTrace(document);
  if (parsed.ok) return parsed.trace;
  throw new GoaroundError("usage", "operator", `${file} is no valid trace:\n${listed(parsed.problems)}`, {
    advice: "Nothing was decided. See --help for the form.",
  });
}

/** A policy document, or the defaults. Throws a usage error that lists everything that is wrong. */
export function loadPolicy(file: string | undefined): Policy {
  const nobody = { schemaVersion: 1, functionName: "any", alias: "live", deploymentGroup: "any" };
  const parsed = parsePolicy(file === undefined ? JSON.stringify(nobody) : readInput(file));
  if (parsed.ok) return parsed.policy;
  throw new GoaroundError("usage", "operator", `${file} is no valid policy:\n${listed(parsed.problems)}`, {
    advice: "Nothing was decided.",
  });
}

/** One line for each problem. */
const listed = (problems: readonly { path: string; message: string }[]): string =>
  problems.map(({ path, message }) => `  ${path || "(document)"}: ${message}`).join("\n");
