import type { Outcome, Scenario } from "../../lib/contract/scenario.ts";
import { PLAIN_ALARMS, withPlainAlarm } from "./plain-alarms.ts";
import type { RehearsalResult } from "./result.ts";
import { type RunOptions, runScenario } from "./run-scenario.ts";

/** One way to guard a release, over all seeds of one scenario. */
export interface Contender {
  name: string;
  /** Outcome → how many runs ended so. */
  outcomes: Partial<Record<Outcome, number>>;
  /** Mean over the runs. */
  requestsFailed: number;
  /** Seconds from the fault to whole traffic on the old version; mean over the runs that had both, null without any. */
  restoreSeconds: number | null;
  /** Runs that took a release back which should have stayed. */
  falseRollbacks: number;
  runs: number;
}

export interface Comparison {
  scenario: string;
  expected: Outcome;
  contenders: Contender[];
}

/** Outcomes of a scenario in which the code is to stay. */
const STAYS: ReadonlySet<Outcome> = new Set(["promoted", "flags-off"]);

/**
 * The same scenario in the same world, once with the guard and once for each usual alarm without it. Always through
 * CloudFormation's API: the templates of the others are rewritten.
 */
export async function compare(
  scenario: Scenario,
  options: Omit<RunOptions, "seed" | "deployWith">,
  seeds: readonly number[],
): Promise<Comparison & { asExpected: boolean }> {
  let asExpected = true;
  const run = async (name: string, template?: RunOptions["template"]) => {
    const results: RehearsalResult[] = [];
    for (const seed of seeds) {
      options.onProgress?.(`${scenario.name}, seed ${seed}: ${name}`);
      results.push(await runScenario(scenario, { ...quiet(options), seed, deployWith: "api", template }));
    }
    return results;
  };
  const ours = await run("Goaround");
  asExpected = ours.every((result) => result.asExpected);
  const contenders = [summarise("Goaround", ours, scenario)];
  for (const alarm of PLAIN_ALARMS) {
    const results = await run(alarm.name, (template) => withPlainAlarm(template, alarm));
    contenders.push(summarise(alarm.name, results, scenario));
  }
  return { scenario: scenario.name, expected: scenario.expected.outcome, contenders, asExpected };
}

const quiet = ({ onProgress: _, onEvent: __, ...rest }: Omit<RunOptions, "seed" | "deployWith">) => rest;

function summarise(name: string, results: readonly RehearsalResult[], scenario: Scenario): Contender {
  const outcomes: Contender["outcomes"] = {};
  for (const { outcome } of results) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const restores = results.flatMap(({ times: { faultAtSeconds, restoredAtSeconds } }) =>
    faultAtSeconds === null || restoredAtSeconds === null ? [] : [restoredAtSeconds - faultAtSeconds],
  );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    name,
    outcomes,
    requestsFailed: Math.round(mean(results.map(({ requests }) => requests.failed))),
    restoreSeconds: restores.length === 0 ? null : Math.round(mean(restores)),
    falseRollbacks: STAYS.has(scenario.expected.outcome) ? (outcomes["rolled-back"] ?? 0) : 0,
    runs: results.length,
  };
}

/** One line a contender, scenarios apart; failed requests and times are means over the seeds. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const header = ["scenario", "guarded by", "outcome", "requests failed", "fault to restored", "false rollbacks"];
  const rows = comparisons.flatMap(({ scenario, expected, contenders }) =>
    contenders.map((contender, i) => [
      i === 0 ? scenario : i === 1 ? `  (${expected})` : "",
      contender.name,
      Object.entries(contender.outcomes)
        .map(([outcome, times]) => (contender.runs === 1 ? outcome : `${times} × ${outcome}`))
        .join(", "),
      String(contender.requestsFailed),
      contender.restoreSeconds === null ? "–" : `${contender.restoreSeconds} s`,
      contender.falseRollbacks === 0 ? "–" : `${contender.falseRollbacks} of ${contender.runs}`,
    ]),
  );
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === 3 || column === 4 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  return `${[line(header), ...rows.map(line)].join("\n")}\n`;
}
