import { comparisonTable } from "../../scripts/rehearse/compare.ts";
import { PLAIN_ALARMS } from "../../scripts/rehearse/plain-alarms.ts";
import { HARMLESS, type JobResult, ONSET, type Release } from "./jobs.ts";

/** Metric period, publication lag and what a decision may take on top. Seconds. */
const PERIOD = 60;
const LAG = 60;
const DECIDING = 15;
/** CodeDeploy's lag after a stop, as modelled, and what restoring may take on top. Seconds. */
const STOP_LAG = 10;
const RESTORING = 5;

const GUARDS = [undefined, ...PLAIN_ALARMS.map(({ name }) => name)];
const nameOf = (alarm: string | undefined) => alarm ?? "**Goaround**";

/** Nearest rank; null for no values. */
export function quantile(values: readonly number[], q: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

export const seconds = (value: number | null) => (value === null ? "–" : `${Math.round(value)} s`);
export const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

export const between = (
  releases: readonly Release[],
  from: "firstFailureAtSeconds" | "decidedAtSeconds",
  to: "decidedAtSeconds" | "restoredAtSeconds",
): number[] =>
  releases.flatMap(({ times }) => {
    const [start, end] = [times[from], times[to]];
    return start === null || end === null ? [] : [end - start];
  });

/** Of those that got traffic: after a rollback the cooldown refuses the next ones of the same world. */
export const rolledBack = (releases: readonly Release[]) => {
  const begun = releases.filter(({ outcome }) => outcome !== "blocked");
  return `${begun.filter(({ outcome }) => outcome === "rolled-back").length} of ${begun.length}`;
};

export function page(results: readonly JobResult[]): string {
  const releasesOf = (scenario: string, alarm: string | undefined) =>
    results.flatMap((result) =>
      result.kind === "releases" && result.scenario === scenario && result.alarm === alarm ? result.done : [],
    );
  const guards = GUARDS.filter((alarm) => releasesOf(ONSET, alarm).length > 0);
  const comparisons = results
    .flatMap((result) => (result.kind === "comparison" ? [result.comparison] : []))
    .sort((a, b) => (a.scenario < b.scenario ? -1 : 1));
  const ours = releasesOf(ONSET, undefined);
  const decided = between(ours, "firstFailureAtSeconds", "decidedAtSeconds");
  const restored = between(ours, "decidedAtSeconds", "restoredAtSeconds");
  const check = (what: string, value: number | null, limit: number) => [
    what,
    seconds(value),
    seconds(limit),
    value !== null && value <= limit ? "yes" : "**no**",
  ];
  return `# The watch: from a fault to restored traffic

Written by \`npm run bench -- watch\` from releases on the local AWS, up to twenty after another in a world. Goaround compares the
versions by minute metrics here (\`signals.source: metrics\`); by the log, which is the default, it is sooner: see
[release.md](release.md). Metrics come by the minute, ${LAG} s after its end; CodeDeploy needs ${STOP_LAG} s to begin its rollback
after a stop. Both are parameters of the local AWS and not verified on AWS.

## A fault of the canary

10 requests/s, 10 % of them on the canary, errors 0 → 20 % at a moment between 5 s and 235 s of a shift of ten minutes;
${ours.length} onsets. Times count from the first failing request.

${table(
  ["Goaround", "measured", "limit", "met"],
  [
    check("decided, median (a period, the lag and 15 s)", quantile(decided, 0.5), PERIOD + LAG + DECIDING),
    check("decided, p95 (one period more)", quantile(decided, 0.95), 2 * PERIOD + LAG + DECIDING),
    check(
      "restored after the decision, median (CodeDeploy's 10 s and 5 s)",
      quantile(restored, 0.5),
      STOP_LAG + RESTORING,
    ),
    check("the same, worst", quantile(restored, 1), STOP_LAG + RESTORING),
  ],
)}

${table(
  ["guarded by", "rolled back", "decided, median", "p95", "restored, median", "p95", "requests failed, mean"],
  guards.map((alarm) => {
    const releases = releasesOf(ONSET, alarm);
    const decision = between(releases, "firstFailureAtSeconds", "decidedAtSeconds");
    const restore = between(releases, "firstFailureAtSeconds", "restoredAtSeconds");
    return [
      nameOf(alarm),
      rolledBack(releases),
      seconds(quantile(decision, 0.5)),
      seconds(quantile(decision, 0.95)),
      seconds(quantile(restore, 0.5)),
      seconds(quantile(restore, 0.95)),
      (releases.reduce((sum, { failed }) => sum + failed, 0) / releases.length).toFixed(1),
    ];
  }),
)}

A decision needs a minute that is over and published: what begins late in one is seen with the next. The first minute of a
shift, of which only a part was split, is not compared.

## Harmless releases taken back

${table(
  ["guarded by", ...HARMLESS],
  guards.map((alarm) => [nameOf(alarm), ...HARMLESS.map((scenario) => rolledBack(releasesOf(scenario, alarm)))]),
)}

The policy's budget for that is 1 % (\`falseRollbackPercent\`). The same releases, and many more, are simulated with the guard's own
code: see [release.md](release.md).
${comparisons.length === 0 ? "" : everyScenario(comparisons)}`;
}

const everyScenario = (comparisons: Parameters<typeof comparisonTable>[0]) => `
## Every scenario, beside plain alarms

One run of each (\`goaround rehearse --compare\`), seed 1. In brackets: the outcome that is expected of Goaround. Plain alarms
know neither flags nor smoke tests: what they cannot do shows as another outcome, not as a fault of theirs.

\`\`\`
${comparisonTable(comparisons)}\`\`\`
`;
