import * as z from "zod";

/**
 * Recorded counts of a release, look by look, as `goaround judge --trace` reads them. Each block holds what is new since
 * the block before it.
 */

const MAX_BLOCKS = 100_000;
const MAX_TRACE_CHARACTERS = 50_000_000;
const MAX_ENVIRONMENTS = 1000;
/** A file that is wrong throughout would otherwise print itself. */
const MAX_PROBLEMS = 20;

const count = z.number().int("must be a whole number").min(0).max(1e9);

const side = z
  .strictObject({
    requests: count,
    errors: count,
    slow: z
      .array(count)
      .max(10)
      .optional()
      .describe("requests above each latency threshold, the lowest threshold first"),
    coldStarts: count.optional(),
    environments: z
      .record(z.string().min(1).max(512), z.strictObject({ requests: count, errors: count }))
      .optional()
      .describe("the same requests and errors by execution environment, as far as they are known"),
  })
  .superRefine((value, context) => {
    const within = (name: string, amount: number | undefined, path: (string | number)[]) => {
      if (amount !== undefined && amount > value.requests) {
        context.addIssue({ code: "custom", path, message: `${amount} ${name} of ${value.requests} requests` });
      }
    };
    within("errors", value.errors, ["errors"]);
    within("cold starts", value.coldStarts, ["coldStarts"]);
    const environments = Object.entries(value.environments ?? {});
    if (environments.length > MAX_ENVIRONMENTS) {
      const message = `${environments.length} environments, at most ${MAX_ENVIRONMENTS} are allowed`;
      context.addIssue({ code: "custom", path: ["environments"], message });
    }
    for (const [id, { requests, errors }] of environments) {
      if (errors <= requests) continue;
      const message = `${errors} errors of ${requests} requests`;
      context.addIssue({ code: "custom", path: ["environments", id, "errors"], message });
    }
    for (const name of ["requests", "errors"] as const) {
      const sum = environments.reduce((total, [, counts]) => total + counts[name], 0);
      if (sum <= value[name]) continue;
      const message = `${sum} ${name} of the environments, ${value[name]} in all`;
      context.addIssue({ code: "custom", path: ["environments"], message });
    }
    for (const [i, amount] of (value.slow ?? []).entries()) {
      within("slow requests", amount, ["slow", i]);
      if (i > 0 && amount > value.slow![i - 1]!) {
        context.addIssue({
          code: "custom",
          path: ["slow", i],
          message: "more requests above a higher threshold than above a lower one",
        });
      }
    }
  });

const traceSchema = z
  .strictObject({
    share: z.number().gt(0).lt(1).describe("share of traffic the canary was meant to get"),
    blocks: z
      .array(z.strictObject({ seconds: z.number().gt(0).max(86_400), canary: side, baseline: side }))
      .min(1, "holds no block")
      .max(MAX_BLOCKS),
  })
  .superRefine((trace, context) => {
    const expected = trace.blocks[0]?.canary.slow?.length ?? 0;
    for (const [i, block] of trace.blocks.entries()) {
      for (const name of ["canary", "baseline"] as const) {
        const length = block[name].slow?.length ?? 0;
        if (length !== expected) {
          context.addIssue({
            code: "custom",
            path: ["blocks", i, name, "slow"],
            message: `${length} thresholds, the first block has ${expected}`,
          });
        }
      }
    }
  });

export type Trace = z.output<typeof traceSchema>;

export interface TraceProblem {
  /** `blocks[3].canary.errors`, `line 4, column "canary errors"` …; empty for the whole document. */
  path: string;
  message: string;
}

export type ParsedTrace = { ok: true; trace: Trace } | { ok: false; problems: TraceProblem[] };

/** Parses a trace, listing every problem with its place (at most 20 of them). Never throws. */
export function parseTrace(document: string): ParsedTrace {
  if (document.length > MAX_TRACE_CHARACTERS) return refuse("", `is longer than ${MAX_TRACE_CHARACTERS} characters`);
  if (document.trim() === "") return refuse("", "is empty");
  let json: unknown;
  try {
    json = JSON.parse(document.replace(/^\uFEFF/, ""));
  } catch (error) {
    const message = (error as Error).message.replaceAll(/\s+/g, " ");
    return refuse(placeOf(document, error as Error), `is not JSON: ${message}`);
  }
  return validateTrace(json);
}

export function validateTrace(value: unknown): ParsedTrace {
  const result = traceSchema.safeParse(value);
  if (result.success) return { ok: true, trace: result.data };
  const problems = result.error.issues.map((issue) => ({ path: pathOf(issue.path), message: issue.message }));
  const left = problems.length - MAX_PROBLEMS;
  if (left > 0) problems.splice(MAX_PROBLEMS, left, { path: "", message: `and ${left} more problems` });
  return { ok: false, problems };
}

const refuse = (path: string, message: string): ParsedTrace => ({ ok: false, problems: [{ path, message }] });

/** Line and column of a syntax error; the engine tells the offset, or the text around it (V8, Node 20 to 24). */
function placeOf(document: string, { message }: Error): string {
  const told = /at position (\d+)/.exec(message)?.[1];
  const offset = told === undefined ? offsetOfExcerpt(document, message) : Number(told);
  if (offset === undefined) return "";
  const before = document.slice(0, offset).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** V8 shows ten characters before the one that it stumbles over. */
const EXCERPT_BEFORE = 10;

function offsetOfExcerpt(document: string, message: string): number | undefined {
  const shown = /^Unexpected token '(.)', (\.{3})?"(.*)"(?:\.{3})? is not valid JSON$/s.exec(message);
  const [, token, dots, excerpt] = shown ?? [];
  if (token === undefined || excerpt === undefined) return undefined;
  const at = document.indexOf(excerpt);
  if (at < 0) return undefined;
  return dots ? at + EXCERPT_BEFORE : at + Math.max(0, excerpt.indexOf(token));
}

const pathOf = (parts: readonly PropertyKey[]) =>
  parts.map((part, i) => (typeof part === "number" ? `[${part}]` : i ? `.${String(part)}` : String(part))).join("");
