import { type HealthyCell, type RegressionCell, trafficName } from "./cells.ts";
import { atTheEnd, type Measured, standing, VALID, validAt, worstOf } from "./compare.ts";
import type { CostRow } from "./cost.ts";
import { DETECTORS } from "./detectors.ts";
import type { JudgeCell } from "./judge-cells.ts";
import { METHODS } from "./judge-trial.ts";
import { bars, scatter } from "./plots.ts";
import { badServed, meanDelay, medianDelay, shareDetected, type Tally, upperBound } from "./tally.ts";

export interface Results {
  regressions: Measured<RegressionCell>[];
  unreachable: number;
  healthy: Measured<HealthyCell>[];
  judge: Measured<JudgeCell>[];
  cost: CostRow[];
  runs: number;
  wallMinutes: number;
  cpuMinutes: number;
}

const percent = (value: number, digits = 2) => `${(100 * value).toFixed(digits)} %`;
const seconds = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
const folded = (title: string, text: string) => `<details><summary>${title}</summary>\n\n${text}\n\n</details>`;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const names = DETECTORS.map(({ name }) => name);
const fewAndMany = (rows: readonly { tallies: Tally[] }[]) => {
  const runs = rows.map(({ tallies }) => tallies[0]!.runs);
  return [...new Set([Math.min(...runs), Math.max(...runs)])].join(" to ");
};

export function page({
  regressions,
  unreachable,
  healthy,
  judge,
  cost,
  runs,
  wallMinutes,
  cpuMinutes,
}: Results): string {
  const assumed = healthy.filter(({ cell }) => !cell.clustered);
  const clustered = healthy.filter(({ cell }) => cell.clustered);
  const worst = worstOf(assumed);
  const ratios = regressions.map(({ cell, tallies }) => meanDelay(tallies[0]!) / cell.floor);
  const compared = regressions.map(({ cell, tallies }) => standing(tallies, validAt(cell, assumed)));
  const count = (how: string) => compared.filter((one) => one?.how === how).length;
  const ends = regressions.map(({ cell, tallies }) => atTheEnd(cell, tallies));
  const at = (end: string) => ends.filter((one) => one === end).length;
  const endsWith = (how: string) => compared.filter((one, i) => one?.how === how && ends[i] !== undefined).length;
  const open = compared.filter((_, i) => ends[i] === undefined);
  const everywhere = names.filter((_, i) => i > 1 && worst[i]! <= VALID);
  const steady = judge.filter(({ cell }) => cell.healthy && !cell.fault);
  const top = (i: number) => Math.max(...assumed.map(({ tallies }) => upperBound(tallies[i]!)));
  return `# Judge: how soon, and how often wrongly

Written by \`npm run bench -- judge\`: two processes, ${wallMinutes.toFixed(0)} minutes of wall time on a machine that others used too,
${cpuMinutes.toFixed(0)} minutes of CPU time. Every method saw the same random traffic: **${runs} runs a regression cell, ${fewAndMany(assumed)} a
healthy row**. The error test by itself, alpha 1 %, unless it says "whole judge". Delays leave out the time CloudWatch
needs to publish. A run without a rollback counts with its whole horizon.

- **False rollbacks**: at most **${percent(worst[0]!)}** at 10 s looks and ${percent(worst[1]!)} at 60 s, over ${assumed.length} healthy rows; highest 95 % upper bound ${percent(Math.max(top(0), top(1)))}.
- **Delay** at 10 s looks over max(limit, one look, 3 canary errors): **${mean(ratios).toFixed(2)} in the mean, ${Math.max(...ratios).toFixed(2)} at worst**, over ${regressions.length} cells.
- **Bad requests served**, against the best peer with at most ${percent(VALID, 1)} false rollbacks in the healthy rows of the same traffic and
  share: fewer in ${count("ahead")} of ${regressions.length} cells (${percent(count("ahead") / regressions.length, 0)}), the same within 0.5 % in ${count("level")}, more in ${count("behind")}${compared.includes(undefined) ? `, nobody to compare with in ${compared.filter((one) => one === undefined).length}` : ""}.
- **Why level**: ${at("look")} cells are decided at the first look in 99.5 % of runs or more, and in ${at("failures")} the mean delay is within 3 % of the
  look that brings the least number of failures that is evidence by the share alone (share^k below alpha: 2 at a share of 1 %,
  3 at 10 %, 7 at 50 %). There no spending of alpha is sooner: ahead in ${endsWith("ahead")}, level in ${endsWith("level")}, behind in ${endsWith("behind")}.
  **In the other ${open.length} cells ours is ahead in ${open.filter((one) => one?.how === "ahead").length}.**
- Read strictly, a valid peer keeps to ${percent(VALID, 1)} in every healthy row: ${everywhere.length === 0 ? "there is none" : everywhere.join(", ")}.
- ${unreachable} further cells are left out: no test could find their regression within 20 minutes.
- **One execution environment that goes bad** is told from the version where errors are counted by environment, and blamed
  on the version where they are not, as in CloudWatch's metrics (below).

${scatter(regressions, ratios)}

${bars(names, worst, VALID)}

## Where ours is not ahead

${table(
  ["cell", "ours, bad requests", "best valid peer", "its bad requests"],
  regressions.flatMap(({ cell, tallies }, i) =>
    compared[i]?.how === "behind"
      ? [
          [
            cell.key,
            badServed(tallies[0]!).toFixed(2),
            names[compared[i].best]!,
            badServed(tallies[compared[i].best]!).toFixed(2),
          ],
        ]
      : [],
  ),
)}

At a share of 1 %, one failed canary request without another failure is "p < 1 %" to Fisher's test; ours waits for a
second one on purpose.

## What is added to CES

Cells up to 1 request/s, mean delay over the floor: the judge ${mean(sparse(regressions).map(({ cell, tallies }) => meanDelay(tallies[0]!) / cell.floor)).toFixed(2)}, CES alone ${mean(sparse(regressions).map(({ cell, tallies }) => meanDelay(tallies.at(-1)!) / cell.floor)).toFixed(2)}; worst ${Math.max(...sparse(regressions).map(({ cell, tallies }) => meanDelay(tallies[0]!) / cell.floor)).toFixed(2)} and ${Math.max(...sparse(regressions).map(({ cell, tallies }) => meanDelay(tallies.at(-1)!) / cell.floor)).toFixed(2)}. Worst healthy row there: ${percent(worstTally(sparse(assumed), 0))} and ${percent(worstTally(sparse(assumed), -1))}. Above that traffic both are the same test ([decision 30](../decisions/0030-sequential-judge.md)).

## One execution environment goes bad

In each of these releases one of 12 environments (2 of the canary, 10 of the baseline) fails everything from a random
moment on, whatever its version. Requests then fail together, which no test of request counts allows for: the rate of false
rollbacks is about the canary's part of the environments, times how often such a fault happens during a release (one
release in 100: 0.2 % at most). CloudWatch's counts do not tell environments apart:

${table(
  ["release with such a fault", ...names],
  clustered.map(({ cell, tallies }) => [cell.name, ...names.map((_, i) => percent(shareDetected(tallies[i]!), 1))]),
)}

Counts by environment do. With them the judge rolls back for errors only when the canary is worse without any one of its
environments, and waits two minutes at most, where traffic is thin, for enough requests of the others to tell
([decision 57](../decisions/0057-one-bad-environment.md)). Whole judge, looks of 60 s; what it costs in delay stands in the
table after this one.

${table(
  ["release with such a fault", "runs", "told", "not told", "told, upper bound"],
  judge
    .filter(({ cell }) => cell.name.includes("environments fails"))
    .map(({ cell, tallies }) => [
      cell.name,
      String(tallies[0]!.runs),
      percent(shareDetected(tallies[0]!)),
      percent(shareDetected(tallies[1]!), 1),
      percent(upperBound(tallies[0]!)),
    ]),
)}

## The whole judge, minute by minute

All streams together (errors, three latency thresholds, the fixed rules) on one budget of 1 %; share 0.1, ten minutes,
lognormal durations. Part rolled back, mean delay in seconds. **${fewAndMany(steady)} runs a healthy row, ${fewAndMany(judge.filter(({ cell }) => !cell.healthy))} a
regression**: at most **${percent(Math.max(...steady.map(({ tallies }) => shareDetected(tallies[0]!))))}** of harmless releases rolled back, highest 95 % upper bound ${percent(Math.max(...steady.map(({ tallies }) => upperBound(tallies[0]!))))}. Late: a
tenth of a minute's requests is published in each of the next three minutes, a twentieth in the two after; each look reads
ten minutes again, in any order, some twice. The p99 of a minute is drawn apart from the counts above the thresholds.

${table(
  ["release", ...METHODS.map(({ name }) => name), "ours, upper bound"],
  [...steady, ...judge.filter(({ cell }) => !cell.healthy)].map(({ cell, tallies }) => [
    `${cell.healthy ? "healthy: " : ""}${cell.name}`,
    ...METHODS.map((_, i) => `${percent(shareDetected(tallies[i]!))}, ${seconds(meanDelay(tallies[i]!))}`),
    cell.healthy ? percent(upperBound(tallies[0]!)) : "",
  ]),
)}

## Cost

The whole judge with three latency thresholds and 1 % errors, 10 s looks, one process. CPU time; each look three times,
of which the least counts (other programs use the machine). Memory held: the heap after the last look, garbage
collected, beyond what it was before the first.

${table(
  [
    "requests/s",
    "hours",
    "CPU ms a look, mean",
    "CPU ms a look, most",
    "looks/s",
    "state, KB",
    "compacted, KB",
    "memory held, MB",
  ],
  cost.map((one) => [
    String(one.requestsPerSecond),
    String(one.hours),
    one.millisecondsPerLook.toFixed(2),
    one.slowest.toFixed(1),
    (1000 / one.millisecondsPerLook).toFixed(0),
    (one.stateBytes / 1000).toFixed(0),
    (one.compactBytes / 1000).toFixed(1),
    one.heldMegabytes.toFixed(1),
  ]),
)}

## All rows

${folded(
  "False rollbacks",
  table(
    ["healthy release", "runs", "ours, upper bounds", ...names],
    assumed.map(({ cell, tallies }) => [
      cell.name,
      String(tallies[0]!.runs),
      `${percent(upperBound(tallies[0]!))}, ${percent(upperBound(tallies[1]!))}`,
      ...names.map((_, i) => percent(shareDetected(tallies[i]!))),
    ]),
  ),
)}

${folded(
  "Regressions: share detected, mean and median delay in seconds, failed canary requests served",
  table(
    ["cell", "limit s", "ratio to limit", "ratio to floor", "against the best valid peer", ...names],
    regressions.map(({ cell, tallies }, i) => [
      cell.key,
      seconds(cell.limit),
      (meanDelay(tallies[0]!) / cell.limit).toFixed(2),
      ratios[i]!.toFixed(2),
      compared[i] ? `${compared[i].how} (${names[compared[i].best]})` : "none",
      ...names.map((_, d) => outcome(tallies[d]!)),
    ]),
  ),
)}

Traffic as in ${trafficName(1 / 60)}: Poisson requests, split at random by the share, each failing by itself. From 10 requests/s on ten healthy
releases share one traffic and differ in which requests failed; bounds allow for it.
`;
}

const outcome = (tally: Tally) =>
  `${percent(shareDetected(tally), 0)}, ${seconds(meanDelay(tally))}, ${seconds(medianDelay(tally))}, ${badServed(tally).toFixed(1)}`;

const sparse = <Cell extends { sparse: boolean }>(rows: readonly Measured<Cell>[]) =>
  rows.filter(({ cell }) => cell.sparse);

const worstTally = (rows: readonly { tallies: Tally[] }[], at: number) =>
  Math.max(...rows.map(({ tallies }) => shareDetected(tallies.at(at)!)));
