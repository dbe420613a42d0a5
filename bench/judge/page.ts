import type { CostRow, HealthyRow, RegressionRow } from "./rows.ts";
import type { Outcome } from "./trial.ts";

interface Results {
  rows: RegressionRow[];
  unreachable: number;
  healthy: HealthyRow[];
  cost: CostRow[];
  runs: number;
  healthyRuns: number;
  minutes: number;
}

/** A method whose false rollbacks exceed this in any healthy row is no valid peer. */
const VALID = 0.013;

/** Upper end of the 95 % Wilson interval. */
function upper(share: number, n: number): number {
  const z = 1.96;
  const centre = share + (z * z) / (2 * n);
  return (centre + z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
}

const percent = (value: number, digits = 1) => `${(100 * value).toFixed(digits)} %`;
const seconds = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const traffic = (rate: number) => (rate < 1 ? `${(rate * 60).toFixed(0)}/min` : `${rate}/s`);
const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");

export function page({ rows, unreachable, healthy, cost, runs, healthyRuns, minutes }: Results): string {
  const names = rows[0]!.outcomes.map(({ name }) => name);
  const worst = names.map((_, i) => Math.max(...healthy.map(({ outcomes }) => outcomes[i]!.detected)));
  const peers = names.map((_, i) => i).filter((i) => i > 1 && worst[i]! <= VALID);
  const ratios = rows.map(({ outcomes, floor }) => outcomes[0]!.mean / floor);
  const ahead = rows.filter(({ outcomes }) => peers.every((i) => outcomes[0]!.bad <= outcomes[i]!.bad + 0.05)).length;
  const mean = ratios.reduce((sum, value) => sum + value, 0) / ratios.length;
  const comparison =
    peers.length === 0
      ? `No peer stays at or below ${percent(VALID)} false rollbacks in every row, so the column "fewest bad" compares with nobody.`
      : `Peers with at most ${percent(VALID)} false rollbacks in every row: ${peers.map((i) => names[i]).join(", ")}. Ours has the fewest bad requests (within 0.05) in ${ahead} of ${rows.length} cells (${percent(ahead / rows.length, 0)}).`;
  return `# Judge: how soon, and how often wrongly

Written by \`npm run bench -- judge\` in ${minutes.toFixed(1)} minutes. Error tests only, alpha ${percent(0.01, 0)}; every method saw the same
random traffic: **${runs} runs a regression cell, ${healthyRuns} a healthy row** of 10 minutes${runs < 2000 || healthyRuns < 20_000 ? ". These are fewer than the 2000 and 20000 that a full run has: read single figures with care" : ""}.
Delays leave out the time that CloudWatch needs to publish. A run without a rollback counts with its whole horizon.

- Goaround at 10 s looks: mean delay over max(limit, one look, 3 canary errors) is **${mean.toFixed(2)} in the mean and ${Math.max(...ratios).toFixed(2)} at worst**, over ${rows.length} cells.
- Its highest false-rollback rate in a healthy row is **${percent(worst[0]!, 2)}** (95 % upper bound ${percent(upper(worst[0]!, healthyRuns), 2)}).
- ${comparison}
- ${unreachable} further cells are left out: no test could find their regression within 20 minutes.
- Not measured here: Kayenta's judge, cold starts, faults of single execution environments.

${scatter(rows, ratios)}

## False rollbacks

${table(
  ["healthy release", ...names],
  [
    ...healthy.map(({ name, outcomes }) => [name, ...outcomes.map(({ detected }) => percent(detected, 2))]),
    [
      "**worst (upper bound)**",
      ...worst.map((value) => `${percent(value, 2)} (${percent(upper(value, healthyRuns), 2)})`),
    ],
  ],
)}

${bars(names, worst)}

## Regressions

Each method: share detected, mean and median delay in seconds, failed canary requests served.

${table(
  ["traffic", "share", "baseline → canary", "limit s", "ratio to limit", "ratio to floor", "fewest bad", ...names],
  rows.map(({ conditions, limit, outcomes }, row) => [
    traffic(conditions.requestsPerSecond),
    String(conditions.share),
    `${percent(conditions.baselineRate)} → ${percent(conditions.canaryRate)}`,
    seconds(limit),
    (outcomes[0]!.mean / limit).toFixed(2),
    ratios[row]!.toFixed(2),
    peers.every((i) => outcomes[0]!.bad <= outcomes[i]!.bad + 0.05) ? "yes" : "no",
    ...outcomes.map(cell),
  ]),
)}

## Cost

The whole judge with three latency thresholds and 1 % errors, an hour of 10 s looks, one process.

${table(
  ["requests/s", "ms a look, mean", "ms a look, slowest", "looks/s", "state, bytes", "compacted, bytes"],
  cost.map((one) => [
    String(one.requestsPerSecond),
    one.millisecondsPerLook.toFixed(2),
    one.slowest.toFixed(1),
    (1000 / one.millisecondsPerLook).toFixed(0),
    String(one.stateBytes),
    String(one.compactBytes),
  ]),
)}
`;
}

const cell = ({ detected, mean, median, bad }: Outcome) =>
  `${percent(detected, 0)}, ${seconds(mean)}, ${seconds(median)}, ${bad.toFixed(1)}`;

/** Ratio to the floor over the limit, one dot a cell. */
function scatter(rows: RegressionRow[], ratios: number[]): string {
  const x = (limit: number) => 50 + (Math.log10(Math.max(0.1, limit)) + 1) * 130;
  const y = (ratio: number) => 210 - 80 * Math.min(2.4, ratio);
  const dots = rows.map(
    ({ limit }, i) => `<circle cx="${x(limit).toFixed(0)}" cy="${y(ratios[i]!).toFixed(0)}" r="3"/>`,
  );
  const lines = [1, 1.5, 2].map(
    (ratio) =>
      `<path d="M50 ${y(ratio)}H620" stroke="#999" stroke-dasharray="3"/><text x="20" y="${y(ratio) + 4}">${ratio}</text>`,
  );
  const ticks = [0.1, 1, 10, 100, 1000].map((limit) => `<text x="${x(limit) - 8}" y="228">${limit} s</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 240" width="640" font-size="11" role="img" aria-label="mean delay over the floor, by limit">${lines.join("")}${ticks.join("")}<g fill="#06c" fill-opacity=".6">${dots.join("")}</g></svg>`;
}

/** Worst false-rollback rate of each method. */
function bars(names: string[], worst: number[]): string {
  const rows = names.map((name, i) => {
    const width = Math.max(1, 380 * worst[i]!);
    return `<text x="0" y="${i * 18 + 13}">${name}</text><rect x="200" y="${i * 18 + 3}" width="${width.toFixed(0)}" height="12" fill="${worst[i]! <= VALID ? "#06c" : "#c33"}"/><text x="${(204 + width).toFixed(0)}" y="${i * 18 + 13}">${percent(worst[i]!, 2)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 ${names.length * 18}" width="640" font-size="11" role="img" aria-label="worst false-rollback rate">${rows.join("")}</svg>`;
}
