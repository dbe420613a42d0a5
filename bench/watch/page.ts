import { PLAIN_ALARMS } from "../../scripts/rehearse/plain-alarms.ts";
import { HARMLESS, type JobResult, ONSET } from "./jobs.ts";

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
function quantile(values: readonly number[], q: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

const seconds = (value: number | null) => (value === null ? "–" : `${Math.round(value)} s`);
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

function since(results: readonly JobResult[], key: "decidedAtSeconds" | "restoredAtSeconds"): number[] {
  return results.flatMap((result) => {
    const at = result[key];
    return at === null || result.firstFailureAtSeconds === null ? [] : [at - result.firstFailureAtSeconds];
  });
}

export function page(results: readonly JobResult[], seeds: number, minutes: number): string {
  const of = (scenario: string, alarm: string | undefined) =>
    results.filter((result) => result.scenario === scenario && result.alarm === alarm);
  const ours = of(ONSET, undefined);
  const decided = since(ours, "decidedAtSeconds");
  const restoring = ours.flatMap(({ decidedAtSeconds, restoredAtSeconds }) =>
    decidedAtSeconds === null || restoredAtSeconds === null ? [] : [restoredAtSeconds - decidedAtSeconds],
  );
  const met = (ok: boolean) => (ok ? "yes" : "**no**");
  const check = (what: string, value: number | null, limit: number) => [
    what,
    seconds(value),
    seconds(limit),
    met(value !== null && value <= limit),
  ];
  return `# The watch: from a fault to restored traffic

Written by \`npm run bench -- watch\` in ${minutes.toFixed(1)} minutes: whole rehearsals on the local AWS, ${seeds} seeds a row. Metrics
come by the minute and ${LAG} s late; CodeDeploy needs ${STOP_LAG} s after a stop (a parameter, not verified on AWS).

## A fault of the canary

10 requests/s, 10 % of them on the canary, errors 0 → 20 % at a moment between 5 s and 235 s of a shift of 10 minutes.
Times count from the first failing request.

${table(
  ["Goaround", "measured", "limit", "met"],
  [
    check("decided, median (a period + the lag + 15 s)", quantile(decided, 0.5), PERIOD + LAG + DECIDING),
    check("decided, p95 (one period more)", quantile(decided, 0.95), 2 * PERIOD + LAG + DECIDING),
    check("restored after the decision, worst (CodeDeploy's lag + 5 s)", quantile(restoring, 1), STOP_LAG + RESTORING),
  ],
)}

${table(
  ["guarded by", "rolled back", "decided, median", "p95", "restored, median", "p95", "requests failed, mean"],
  GUARDS.map((alarm) => {
    const rows = of(ONSET, alarm);
    const [decision, restore] = [since(rows, "decidedAtSeconds"), since(rows, "restoredAtSeconds")];
    return [
      nameOf(alarm),
      `${rows.filter(({ outcome }) => outcome === "rolled-back").length} of ${rows.length}`,
      seconds(quantile(decision, 0.5)),
      seconds(quantile(decision, 0.95)),
      seconds(quantile(restore, 0.5)),
      seconds(quantile(restore, 0.95)),
      (rows.reduce((sum, { failed }) => sum + failed, 0) / rows.length).toFixed(1),
    ];
  }),
)}

## Harmless releases taken back

${table(
  ["guarded by", ...HARMLESS],
  GUARDS.map((alarm) => [
    nameOf(alarm),
    ...HARMLESS.map((scenario) => {
      const rows = of(scenario, alarm);
      return `${rows.filter(({ outcome }) => outcome === "rolled-back").length} of ${rows.length}`;
    }),
  ]),
)}
`;
}
