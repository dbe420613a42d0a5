import { trafficName } from "../judge/cells.ts";
import { METHODS, OURS, PEERS } from "./methods.ts";
import { watchUsd } from "./money.ts";
import type { Measured } from "./page.ts";
import { exactInterval, mean, quantile } from "./tally.ts";
import { folded, percent, seconds, shareWithInterval, table } from "./text.ts";

/** Methods that have a column or row of their own. */
export const COLUMNS: readonly number[] = [OURS.clears, OURS.logs, OURS.metrics, ...PEERS];
/** Ours once, where only the verdict counts. */
const DECIDERS: readonly number[] = [OURS.clears, OURS.metrics, ...PEERS];

const deciderName = (i: number) => {
  const { name, ours } = METHODS[i]!;
  return ours ? `**Goaround on ${ours.source}**` : name;
};

export const scenarioSection = (rows: readonly Measured[]) => `## The rehearsal's scenarios about traffic

Each with the sample app's 10 % for 5 minutes, \`one-bad-environment\` with half of the traffic. Taken back; requests that failed on the canary, mean; restored, median, from the
first failed request (from the beginning of the slowness in \`performance-degradation\`). Harmless scenarios show what is taken back
wrongly; Lambda's metrics do not tell execution environments apart, and whoever reads only them blames the version.

${table(
  ["guarded by", ...rows.map(({ cell }) => `${cell.key}${cell.harmless ? " (harmless)" : ""}`)],
  COLUMNS.map((i) => [
    METHODS[i]!.ours ? `**${METHODS[i]!.name}**` : METHODS[i]!.name,
    ...rows.map(({ cell, tallies }) => {
      const { runs, back, failed, restore } = tallies[i]!;
      if (cell.harmless) return percent(back / runs);
      const told = quantile(restore, 0.5);
      return `${percent(back / runs)}, ${mean(failed).toFixed(1)} failed${told === undefined ? "" : `, ${seconds(told)}`}`;
    }),
  ]),
)}`;

export function harmlessSection(rows: readonly Measured[]): string {
  const worst = (i: number) =>
    rows.map(({ tallies }) => tallies[i]!).reduce((a, b) => (b.back / b.runs > a.back / a.runs ? b : a));
  return `## Good releases taken back

No version is at fault in any of these ${rows.length} rows. Worst row of each method, with its exact 95 % interval; all rows are folded below.

${table(
  ["guarded by", "worst row", "rows above 1 %"],
  DECIDERS.map((i) => {
    const { back, runs } = worst(i);
    const above = rows.filter(({ tallies }) => tallies[i]!.back > 0.01 * tallies[i]!.runs).length;
    return [deciderName(i), shareWithInterval(back, runs), `${above} of ${rows.length}`];
  }),
)}

${folded(
  "All harmless rows",
  table(
    ["release", "runs", "on logs, 95 %", "on metrics, 95 %", "left the log for metrics", ...DECIDERS.map(deciderName)],
    rows.map(({ cell, tallies, work }) => [
      cell.key,
      String(tallies[0]!.runs),
      ...[OURS.clears, OURS.metrics].map((i) => {
        const { low, high } = exactInterval(tallies[i]!.back, tallies[i]!.runs);
        return `${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)} %`;
      }),
      percent(work.logs.left / work.logs.runs),
      ...DECIDERS.map((i) => percent(tallies[i]!.back / tallies[i]!.runs)),
    ]),
  ),
)}`;
}

/** Differences of so many failed requests, of the mean, are none. */
const LEVEL = 0.005;

export function gridSection(rows: readonly Measured[], harmless: readonly Measured[]): string {
  const wrong = (i: number, { cell }: Measured) => {
    const traffic = trafficOf(cell.scenario.traffic);
    const same = harmless.filter((row) => trafficOf(row.cell.scenario.traffic) === traffic);
    return Math.max(0, ...same.map(({ tallies }) => tallies[i]!.back / tallies[i]!.runs));
  };
  const failed = ({ tallies }: Measured, i: number) => mean(tallies[i]!.failed);
  const compared = rows.map((row) => {
    const valid = PEERS.filter((i) => wrong(i, row) <= 0.01);
    const best = (among: readonly number[]) =>
      among.reduce<number | undefined>(
        (a, b) => (a === undefined || failed(row, b) < failed(row, a) ? b : a),
        undefined,
      );
    const how = (peer: number | undefined) => {
      if (peer === undefined) return "alone";
      const [ours, theirs] = [failed(row, OURS.clears), failed(row, peer)];
      return ours < theirs * (1 - LEVEL) ? "ahead" : ours <= theirs * (1 + LEVEL) ? "level" : "behind";
    };
    const [any, sound] = [best(PEERS), best(valid)];
    return { row, any, sound, againstAny: how(any), againstSound: how(sound) };
  });
  const count = (key: "againstAny" | "againstSound", how: string) => compared.filter((one) => one[key] === how).length;
  const behind = compared.filter(
    ({ againstAny, againstSound }) => againstAny === "behind" || againstSound === "behind",
  );
  const peer = ({ row }: (typeof compared)[number], i: number | undefined) =>
    i === undefined
      ? "none"
      : `${METHODS[i]!.name}: ${failed(row, i).toFixed(1)}, wrong in up to ${percent(wrong(i, row))}`;
  return `## Traffic, share and size of the fault

${rows.length} rows: errors 0.1 % on the baseline and so many points more on the canary, from a moment between 5 s and 235 s of ten minutes on. Requests
failed on logs with own clearing, against the best peer of those that take back at most 1 % in every harmless row of the same
traffic: **fewer in ${count("againstSound", "ahead")}, the same in ${count("againstSound", "level")}, more in ${count("againstSound", "behind")}, no such peer in ${count("againstSound", "alone")}**. Against the best of all peers, whatever they take back
wrongly: fewer in ${count("againstAny", "ahead")}, the same in ${count("againstAny", "level")}, more in ${count("againstAny", "behind")}.

Where a peer serves fewer failed requests than ours:

${table(
  ["release", "ours", "best of all peers", "best that takes back at most 1 %"],
  behind.map((one) => [
    one.row.cell.key,
    failed(one.row, OURS.clears).toFixed(1),
    peer(one, one.any),
    peer(one, one.sound),
  ]),
)}

${folded(
  "All rows of the grid: taken back, restored (median), requests failed (mean)",
  table(
    ["release", ...COLUMNS.map((i) => METHODS[i]!.name)],
    rows.map(({ cell, tallies }) => [
      cell.key,
      ...COLUMNS.map((i) => {
        const { runs, back, early, restore, failed: each } = tallies[i]!;
        return `${percent((back - early) / runs)}, ${seconds(quantile(restore, 0.5))}, ${mean(each).toFixed(1)}`;
      }),
    ]),
  ),
)}`;
}

const trafficOf = (traffic: Measured["cell"]["scenario"]["traffic"]) =>
  Array.isArray(traffic) ? traffic[0]!.requestsPerSecond : traffic.requestsPerSecond;

export function costSection(harmless: readonly Measured[], must: readonly Measured[]): string {
  const healthy = harmless.filter(({ cell }) => cell.key.endsWith(", errors 0.1 %"));
  const usd = (value: number) => `$${value.toFixed(4)}`;
  return `## What watching costs

AWS dollars for following one release with 10 % for the time of its shift, from what was counted here: metrics asked for, batches
counted, writes and reads of the ledger, turns and their waiting. Hooks, responder, sweep and bake depend on no traffic and come on
top: [$0.005 for a release that is promoted](cost.md#one-release). Prices and assumptions as there. A plain alarm costs nothing for a
release and $0.10 a month for each metric that it reads; loops and Kayenta run on servers of their own, which are not counted.

${table(
  ["release", "on logs", "batches counted", "looks", "on metrics", "metrics asked for", "looks"],
  [...healthy, ...must].map(({ cell, work: { logs, metrics } }) => [
    `${cell.kind === "must" ? "" : "promoted: "}${cell.kind === "must" ? cell.key : trafficName(trafficOf(cell.scenario.traffic))}`,
    usd(watchUsd(logs, "logs")),
    (logs.batches / logs.runs).toFixed(0),
    (logs.looks / logs.runs).toFixed(0),
    usd(watchUsd(metrics, "metrics")),
    (metrics.asked / metrics.runs).toFixed(0),
    (metrics.looks / metrics.runs).toFixed(0),
  ]),
)}`;
}
