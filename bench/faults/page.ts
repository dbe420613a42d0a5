import { rowsOf } from "./table.ts";
import { DEFAULT_RUNS, type Tally } from "./tally.ts";

export interface Measured {
  tallies: ReadonlyMap<string, Tally>;
  /** Wall time, undefined where it was not one run, and time of all processors. */
  minutes: number | undefined;
  cpuMinutes: number;
  /** One of so many runs was made. */
  every: number;
  /** Of each random experiment that takes a number. */
  runs: number;
}

/** The page that a run of all experiments writes. */
export function page({ tallies, minutes, cpuMinutes, every, runs }: Measured): string {
  const experiments = [...tallies].map(([name, { runs, failures, duplicates, most }]) => [
    `\`${name}\``,
    String(runs),
    String(failures.length),
    name === "metrics" ? "" : String(duplicates.length),
    most.seconds === undefined ? "" : `${Math.round(most.seconds)} s`,
    most.notifications === undefined ? "" : String(most.notifications),
  ]);
  const options = [every > 1 ? " --quick" : "", runs === DEFAULT_RUNS ? "" : ` --runs ${runs}`].join("");
  const some = every > 1 ? `: one of ${every} runs` : "";
  return `# Rollbacks under faults

Written by \`npm run bench -- faults${options}\` in ${minutes === undefined ? "several sittings" : `${minutes.toFixed(1)} minutes`} by two processes on a machine that others used too,
${cpuMinutes.toFixed(1)} minutes of CPU${some}. Whole rollbacks by the responder (alarm in the shift, verdict of the watch, alarm in guard
time, release of a group) and by the commands (rollback-function in the shift and after it, stop-deployment,
rollback-flags, rollback-group), in process on the local AWS's rules and in virtual time. Kills, throttling, 5xx, lost
replies, slow and absent answers and stale reads strike at each call; then Lambda tries again, or the operator runs the
command again. The end must be the target: the alias whole, flags off, journal closed, books written, people told. The
services' rules are those of [the local AWS](../fidelity.md), and everyone here may do everything (the rehearsals run with the app's own roles):
nothing has been run against a real account.

One row for each failure that a release guard must survive. \`Code\` in the last column names an experiment of this
command; files are tests of \`npm test\`, which runs a twentieth of each experiment too (test/bench/faults-share.test.ts).

${table(["#", "failure", "asked", "measured", "how"], rowsOf(tallies))}

${table(["experiment", "runs", "did not end as they must", "effects had twice", "longest", "most notifications"], experiments)}

An event that fails three times is in the dead-letter queue. In the throttled experiments people deliver it again, 26
minutes later: what a run that died had claimed is free after 25.
${misses(tallies)}`;
}

function misses(tallies: ReadonlyMap<string, Tally>): string {
  const lines = [...tallies].flatMap(([name, { failures }]) => failures.map((line) => `- \`${name}\`: ${line}`));
  return lines.length > 0 ? `\nDid not end as they must:\n\n${lines.join("\n")}\n` : "";
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
