import type { ManualRollback, RehearsalResult, ReleaseResult } from "./result.ts";
import { offset, type TimelineEvent } from "./timeline.ts";

/** Prints the timeline as it happens: time since the start of the current release, and what happened. */
export function linePrinter(write: (line: string) => void): (event: TimelineEvent) => void {
  let startMs: number | undefined;
  return (event) => {
    if (event.kind === "release") startMs = event.atMs;
    write(`${startMs === undefined ? "      " : offset(event.atMs, startMs).padStart(6)}  ${event.text}\n`);
  };
}

const seconds = (value: number | null) => (value === null ? "–" : `${value} s`);

function rows(release: ReleaseResult): [string, string][] {
  const { times, requests, alias } = release;
  const weights = Object.entries(alias.weights).map(([version, weight]) => `, ${weight} on ${version}`);
  return [
    ["artifact", release.artifact],
    ["outcome", `${release.outcome}${release.outcome === release.expected ? "" : ` (expected ${release.expected})`}`],
    ["fault", seconds(times.faultAtSeconds)],
    ["detected", seconds(times.detectedAtSeconds)],
    ["decided", seconds(times.decidedAtSeconds)],
    ["traffic restored", seconds(times.restoredAtSeconds)],
    ["requests", `${requests.total}, ${requests.failed} failed (${requests.failedOnCanary} on the canary)`],
    ["failed after restore", String(requests.afterRestore)],
    ["alias", `version ${alias.functionVersion}${weights.join("")}`],
    ["stack", release.stackStatus],
    ["compared by", release.evidence ?? "–"],
    ["findings", release.findings.join(", ") || "–"],
    ["notifications", String(release.notifications.length)],
  ];
}

/** The closing table: one column a release. Times count from the start of its shift. */
export function summaryTable(result: RehearsalResult & { manualRollback?: ManualRollback }): string {
  const columns = result.releases.map(rows);
  const labels = columns[0]?.map(([label]) => label) ?? [];
  const width = Math.max(...labels.map((label) => label.length));
  const widths = columns.map((column) => Math.max(...column.map(([, value]) => value.length)));
  const lines = labels.map((label, i) =>
    [label.padEnd(width), ...columns.map((column, c) => (column[i]?.[1] ?? "").padEnd(widths[c] ?? 0))]
      .join("   ")
      .trimEnd(),
  );
  const flags = Object.entries(result.flags).map(([flag, on]) => `${flag} ${on ? "on" : "off"}`);
  const verdict = result.asExpected
    ? `as expected: ${result.outcome}`
    : `NOT as expected: ${result.differences.join("; ")}`;
  return [
    "",
    `Scenario ${result.scenario}, seed ${result.seed}, function ${result.function}`,
    ...lines,
    `${"flags".padEnd(width)}   ${flags.join(", ") || "–"}`,
    ...(result.manualRollback
      ? [
          `${"by hand".padEnd(width)}   ${result.manualRollback.command}`,
          `${"".padEnd(width)}   → exit ${result.manualRollback.exitCode}, alias on version ${result.manualRollback.alias.functionVersion}`,
        ]
      : []),
    "",
    `${verdict} (${result.tookSeconds.virtual} s of virtual time in ${result.tookSeconds.real} s)`,
    "",
  ].join("\n");
}
