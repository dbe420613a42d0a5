import { MUST, type ReleaseCell, releaseCells } from "./cells.ts";
import type { CheckResult } from "./check.ts";
import { checkSection } from "./check-section.ts";
import { STOP_LAGS } from "./lags.ts";
import { METHODS, OURS, ownWith, PEERS, USUAL_ALARMS } from "./methods.ts";
import type { Source } from "./ours.ts";
import { COLUMNS, costSection, gridSection, harmlessSection, scenarioSection } from "./sections.ts";
import { exactInterval, mean, quantile, ratioOfMeans, type Tally, type Work } from "./tally.ts";
import { percent, seconds, shareWithInterval, table } from "./text.ts";

export interface Measured {
  cell: ReleaseCell;
  /** By method. */
  tallies: Tally[];
  work: Record<Source, Work>;
}

export interface Results {
  measured: Measured[];
  checked: CheckResult[];
  cpuMinutes: number;
}

const runsOf = (rows: readonly Measured[]) => {
  const runs = [...new Set(rows.map(({ tallies }) => tallies[0]!.runs))].sort((a, b) => a - b);
  return runs.length > 1 ? `${runs[0]} to ${runs.at(-1)}` : String(runs[0] ?? 0);
};

export function page({ measured, checked, cpuMinutes }: Results): string {
  const kind = (wanted: ReleaseCell["kind"]) => measured.filter(({ cell }) => cell.kind === wanted);
  const harmless = measured.filter(({ cell }) => cell.harmless && !cell.shared);
  const missing = releaseCells().length - measured.length;
  return `# A release under every guard

Written by \`npm run bench -- release\`; ${cpuMinutes.toFixed(0)} minutes of CPU time. One stream of requests, faults and lags for each seed, seen by all:
**${runsOf(kind("must"))} releases a row of which figures are asked, ${runsOf([...kind("scenario"), ...kind("grid")])} a row of the scenarios and the grid,
${runsOf(kind("harmless"))} a harmless row${missing > 0 ? `; ${missing} rows are missing, because the run was stopped before them` : ""}.** Simulated: [what is real and what is modelled](#what-is-real-and-what-is-modelled), and
[how it compares with the local AWS](#beside-the-local-aws).

![Requests that fail until traffic is restored, by method](release.svg)

${mustTable(measured, harmless)}

## A fault of the canary, method by method

${kind("must")
  .map((row) => `### ${row.cell.key}\n\n${methodTable(row, harmless)}`)
  .join("\n\n")}

Seconds from the first failed request: **detected**, the evidence was there (the verdict, the alarm's state); **decided**, the
order to stop was given; **restored**, all traffic was on the old version. **Failed**: requests of the canary, to that time or to
the end of the ten minutes, with the 95 % interval of the mean; what a fault that nobody finds does at 100 % comes on top and is
not counted. **False rollbacks**: share of the releases in all harmless rows below. Ten-second alarms need metrics that the function
writes itself.

## The lag after a stop

How long CodeDeploy goes on after StopDeployment is not documented. Restored (median) and failed requests (mean) by that lag;
alarms stop without it here, which favours them.

${lagTable(kind("must"))}

${scenarioSection(kind("scenario"))}

${harmlessSection(harmless)}

${gridSection(kind("grid"), harmless)}

${costSection(harmless, kind("must"))}

${checkSection(checked)}
${MODEL}`;
}

function mustTable(measured: readonly Measured[], harmless: readonly Measured[]): string {
  const find = (key: string) => measured.find(({ cell }) => cell.key === key);
  const [usual, busy, small] = [find(MUST.usual), find(MUST.busy), find(MUST.small)];
  if (!usual || !busy || !small) return "Not everything that is asked was measured.";
  const ours = usual.tallies[OURS.clears]!;
  const restored = (q: number, limit: number) => {
    const value = quantile(ours.restore, q) ?? Number.POSITIVE_INFINITY;
    return [seconds(value), value <= limit] as const;
  };
  const times = ({ tallies }: Measured, peer: number, least: number) => {
    const { ratio, low, high } = ratioOfMeans(tallies[peer]!.failed, tallies[OURS.clears]!.failed);
    return [`${ratio.toFixed(1)} × (95 %: ${low.toFixed(1)} to ${high.toFixed(1)})`, ratio >= least] as const;
  };
  const within = small.tallies[OURS.clears]!;
  const soon = within.detect.filter((value) => value <= 60).length / within.runs;
  const alarms = PEERS.map((i) => METHODS[i]!.name).flatMap((name, at) =>
    name.startsWith("alarm 5 %") && name.includes("min") ? [small.tallies[PEERS[at]!]!.back] : [],
  );
  const worst = (method: number) => {
    const rows = harmless.map(({ cell, tallies }) => ({ cell, tally: tallies[method]! }));
    return rows.reduce((a, b) => (b.tally.back / b.tally.runs > a.tally.back / a.tally.runs ? b : a));
  };
  const falsely = (method: number) => {
    const { cell, tally } = worst(method);
    const all = harmless.map(({ tallies }) => tallies[method]!);
    const [back, runs] = [all.reduce((sum, one) => sum + one.back, 0), all.reduce((sum, one) => sum + one.runs, 0)];
    // One of a few runs is no rate: a row is above where its interval is, and all are below where that of their sum is.
    const above = all.filter((one) => exactInterval(one.back, one.runs).low > 0.01).length;
    const below = exactInterval(back, runs).high <= 0.01;
    return [
      `${shareWithInterval(back, runs)} over all ${all.length} rows; ${shareWithInterval(tally.back, tally.runs)} in the worst (${cell.key}); ${above} rows surely above`,
      above > 0 ? false : below || undefined,
    ] as const;
  };
  const lastAlarm = worst(USUAL_ALARMS.one);
  const rows: [string, string, readonly [string, boolean | undefined]][] = [
    ["10/s, 10 %, 0 → 20 %, on logs: traffic restored, median", "≤ 25 s", restored(0.5, 25)],
    ["the same, p95", "≤ 40 s", restored(0.95, 40)],
    ["requests failed with the 2-of-2 minute alarm, over ours", "≥ 6 × (goal 8 ×)", times(usual, USUAL_ALARMS.two, 6)],
    ["with the 1-of-1 minute alarm, over ours", "≥ 4 ×", times(usual, USUAL_ALARMS.one, 4)],
    [
      "which takes good releases back",
      "> 1 %",
      [
        `${percent(lastAlarm.tally.back / lastAlarm.tally.runs)} (${lastAlarm.cell.key})`,
        lastAlarm.tally.back / lastAlarm.tally.runs > 0.01,
      ],
    ],
    ["100/s: the 2-of-2 minute alarm, over ours", "≥ 12 ×", times(busy, USUAL_ALARMS.two, 12)],
    [
      "100/s, 0 → 2 %: found within 60 s",
      "≥ 99 %",
      [`${percent(soon)}, p95 ${seconds(quantile(within.detect, 0.95) ?? Number.POSITIVE_INFINITY)}`, soon >= 0.99],
    ],
    [
      "the same by any 5 % minute alarm",
      "never",
      [`${Math.max(...alarms)} of ${small.tallies[0]!.runs}`, Math.max(...alarms) === 0],
    ],
    ["false rollbacks, on logs", "≤ 1 %", falsely(OURS.clears)],
    ["false rollbacks, on metrics", "≤ 1 %", falsely(OURS.metrics)],
  ];
  return `On logs, and clearing the weights itself (policy \`clearWeightsAfterSeconds: 0\`):

${table(
  ["", "asked", "measured", "met"],
  rows.map(([what, asked, [value, met]]) => [
    what,
    asked,
    value,
    met === undefined ? "too few runs to tell" : met ? "yes" : "**no**",
  ]),
)}`;
}

function methodTable({ tallies }: Measured, harmless: readonly Measured[]): string {
  const wrong = (i: number) => {
    const all = harmless.map((row) => row.tallies[i]!);
    return all.reduce((sum, { back }) => sum + back, 0) / all.reduce((sum, { runs }) => sum + runs, 0);
  };
  return table(
    [
      "guarded by",
      "taken back",
      "detected, median",
      "p95",
      "decided, median",
      "p95",
      "restored, median",
      "p95",
      "failed",
      "false rollbacks",
    ],
    COLUMNS.map((i) => {
      const { runs, back, early, detect, decide, restore, failed } = tallies[i]!;
      const time = (values: readonly number[]) => [0.5, 0.95].map((q) => seconds(quantile(values, q)));
      const average = mean(failed);
      const half = 1.96 * Math.sqrt(mean(failed.map((value) => (value - average) ** 2)) / failed.length);
      return [
        METHODS[i]!.ours ? `**${METHODS[i]!.name}**` : METHODS[i]!.name,
        `${percent((back - early) / runs)}${early > 0 ? `, ${percent(early / runs)} before the fault` : ""}`,
        ...time(detect),
        ...time(decide),
        ...time(restore),
        `${average.toFixed(1)} ± ${half.toFixed(1)}`,
        percent(wrong(i)),
      ];
    }),
  );
}

function lagTable(must: readonly Measured[]): string {
  const cell = ({ tallies }: Measured, i: number) =>
    `${seconds(quantile(tallies[i]!.restore, 0.5))}, ${mean(tallies[i]!.failed).toFixed(1)}`;
  const rows = (["logs", "metrics"] as const).flatMap((source) => [
    ...STOP_LAGS.map((lag) => [
      `Goaround on ${source}, ${lag} s`,
      ...must.map((row) => cell(row, ownWith(source, lag))),
    ]),
    [`Goaround on ${source}, clears the weights itself`, ...must.map((row) => cell(row, ownWith(source, "clears")))],
  ]);
  const peers = [USUAL_ALARMS.two, USUAL_ALARMS.one].map((i) => [METHODS[i]!.name, ...must.map((row) => cell(row, i))]);
  return table(["", ...must.map(({ cell }) => cell.key)], [...rows, ...peers]);
}

const MODEL = `
## What is real and what is modelled

Real: the judge and its rules with the policy's defaults, the counting of log records, the looks at the log and at metrics with
their falling back (\`lambdas/watch\`, \`lib/core\`), what becomes of batches that are lost, doubled or late; how an alarm decides over
its data points (\`lib/local\`), and the peers' loops as in [the judge's benchmark](judge.md). Requests below 100/s, and in the
first three rows from 30 s before the fault on, are drawn one by one by the rehearsal's model of a function, written as log records
and read again from them; the others are counted by the second and by log stream (eight of a version at most) and enter as the
counts of a batch, and so does what happens after the log has told all.

Modelled, none of it verified on AWS: Lambda's metrics of a minute are out 60 s after it; log events are at their subscriber 5 s
after they were written, which is once a second, and a stream's batch leaves 5 s after its first event; an alarm is evaluated once a
minute (every 10 s for periods of 10 s) at a second that the seed draws; CodeDeploy looks at its alarms every 10 s and then needs 1 s;
after StopDeployment it goes on for the lag and then needs 1 s. Goaround's own calls take 100 ms each, one after the other, and the
responder starts cold in a second (as [the costs](cost.md) have it): 2 s from the evidence to the stop. Metrics of ten seconds that
a function writes itself are out 5 s after their period. Flagger- and Argo-like loops and Kayenta move weights by themselves, at once.
Alarms hold three minutes of past when the shift begins; one that is red then stops the release, which counts as taken back.
`;
