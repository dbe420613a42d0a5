import type { Experiment } from "./experiments.ts";
import { emptyTally, type Tally } from "./tally.ts";

export interface Measured {
  tallies: ReadonlyMap<string, Tally>;
  minutes: number;
  /** One of so many runs was made. */
  every: number;
}

const ELSEWHERE = "not by this command; see the tests of";
const NOT_MEASURED = "**gap**: not measured by this command yet";

/** The page that a run of all experiments writes. */
export function page({ tallies, minutes, every }: Measured): string {
  const of = (name: Experiment) => tallies.get(name) ?? emptyTally();
  const well = (name: Experiment) => {
    const { runs, failures } = of(name);
    return `${runs - failures.length} of ${runs} end at the target`;
  };
  const single = of("single");
  const some = of("throttled-30");
  const ratio = ({ sum }: Tally) => ((sum.attempts ?? 0) / Math.max(1, sum["calls needed"] ?? 0)).toFixed(2);
  const rows = [
    [
      "throttling of 30 % and 60 % of all attempts",
      "99.9 % and 99 % converge; ≤ 10 attempts a call; ≤ 2 × the calls at 30 %",
      `30 %: ${well("throttled-30")}, ${ratio(some)} × the calls, ≤ ${some.most["attempts of a call"] ?? 0} attempts a call. ` +
        `60 %: ${well("throttled-60")}; **gap**: five attempts a call leave 8 % of calls unanswered, and more attempts would take the levers' time`,
    ],
    [
      "a crash, or any other fault, at any call",
      "every point converges, no effect twice",
      `${well("single")} after the rerun; ${single.duplicates.length} effects had twice; two faults at once: ${well("double")}`,
    ],
    ["events delivered up to 20 times and out of order", "one effective rollback", NOT_MEASURED],
    [
      "two to eight actors, clocks 5 minutes off",
      "one winner, no lost update",
      `${NOT_MEASURED}; the lease has tests of its own`,
    ],
    [
      "a flapping alarm, a rollback that does not cure",
      "≤ 3 tries, one page",
      `${ELSEWHERE} the responder's orders and of the cooldown`,
    ],
    [
      "a hook that crashes, hangs or cannot report",
      "answered within its timeout + 70 s",
      `${ELSEWHERE} the hooks, and the rehearsals hook-crash and hook-hang`,
    ],
    [
      "late, missing or no metrics",
      "no false rollback",
      `${ELSEWHERE} the judge, [watch.md](watch.md) and the rehearsals metrics-late and monitoring-outage`,
    ],
    [
      "a stale revision or read of the alias",
      "no blind overwrite",
      `among the single faults: ${single.sum.stale ?? 0} stale reads`,
    ],
    ["a flag deployment in the way", "free within 60 s, no stranger's is stopped", `${ELSEWHERE} the flag kill`],
    [
      "a target that is deleted, bad, or fails alike",
      "refused before any change",
      `${ELSEWHERE} the rollback plan and of guard time`,
    ],
    ["poison events, forged and replayed calls", "nothing changes", `${ELSEWHERE} the events and of forged calls`],
    [
      "the wrong account or region",
      "refused",
      "the event rules match the account; **gap**: the responder itself does not compare the event's account",
    ],
    [
      "a ledger or a topic that does not answer",
      "the rollback is not held up",
      "among the single faults: every call to either",
    ],
    [
      "a command that is killed",
      "resumed by running it again",
      "among the single faults: `kill` at each call of each command",
    ],
  ];
  const experiments = [...tallies].map(([name, { runs, failures, duplicates, most }]) => [
    name,
    String(runs),
    String(failures.length),
    String(duplicates.length),
    `${Math.round(most.seconds ?? 0)} s`,
    String(most.notifications ?? 0),
  ]);
  return `# Rollbacks under faults

Written by \`npm run bench -- faults${every > 1 ? " --quick" : ""}\` in ${minutes.toFixed(1)} minutes${every > 1 ? `: one of ${every} runs` : ""}. Whole rollbacks by
the responder (alarm in the shift, verdict of the watch, alarm in guard time) and by the commands (rollback-function in
the shift and after it, stop-deployment, rollback-flags), in process on the local AWS's rules and in virtual time. Kills,
throttling, 5xx, lost replies, slow and absent answers and stale reads strike at each call; then Lambda tries again, or
the operator runs the command again. The end must be the target: the alias whole, flags off, journal closed, books
written, people told once or twice. A row that only real AWS can show is not among them: the services' rules are those of
[the local AWS](../fidelity.md).

${table(["failure", "asked", "measured"], rows)}

${table(["experiment", "runs", "did not end as they must", "effects had twice", "longest", "most notifications"], experiments)}

For \`throttled-60\` the column of effects counts runs that one more try without faults did not mend: an event that failed
each time is in the dead-letter queue, and delivered from there it meets the claim of the run that died. **Gap.**
`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
