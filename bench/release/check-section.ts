import type { CheckResult } from "./check.ts";
import { mean, quantile } from "./tally.ts";
import { seconds, table } from "./text.ts";

/** How far the simulation may be from the local AWS: so many seconds in the median, and such a part of failed requests. */
const SECONDS_APART = 5;
const PART_APART = 0.25;

export function checkSection(checked: readonly CheckResult[]): string {
  const of = (kind: CheckResult["kind"]) => checked.filter((one) => one.kind === kind).flatMap(({ done }) => done);
  const [local, simulated] = [of("local"), of("simulated")];
  const title = "## Beside the local AWS\n";
  if (local.length === 0 || simulated.length === 0) return `${title}\nNot run this time (\`--check N\`).\n`;
  const found = (runs: typeof local) => `${runs.filter(({ restore }) => restore !== null).length} of ${runs.length}`;
  const figures = (name: "decide" | "restore", q: number) =>
    [local, simulated].map((runs) =>
      quantile(
        runs.flatMap((one) => one[name] ?? []),
        q,
      ),
    );
  const failed = [local, simulated].map((runs) => mean(runs.map((one) => one.failed)));
  const row = (what: string, [a, b]: (number | undefined)[], apart?: number) => [
    what,
    seconds(a),
    seconds(b),
    apart === undefined
      ? ""
      : a !== undefined && b !== undefined && Math.abs(a - b) <= apart
        ? `within ${apart} s`
        : `**not within ${apart} s**`,
  ];
  const part = Math.abs(failed[0]! - failed[1]!) / failed[1]!;
  return `${title}
The first row again where everything runs: the hooks, the watch and the responder in their Lambdas on the local AWS, which answers
calls at once, with CodeDeploy's lag of 10 s and without own clearing; and as it is simulated here under the same conditions.

${table(
  ["", "local AWS", "simulated", "stated difference"],
  [
    ["taken back", found(local), found(simulated), ""],
    row("decided, median", figures("decide", 0.5), SECONDS_APART),
    row("decided, p95", figures("decide", 0.95)),
    row("restored, median", figures("restore", 0.5), SECONDS_APART),
    row("restored, p95", figures("restore", 0.95)),
    [
      "requests failed, mean",
      failed[0]!.toFixed(1),
      failed[1]!.toFixed(1),
      part <= PART_APART ? `within ${100 * PART_APART} %` : `**not within ${100 * PART_APART} %**`,
    ],
  ],
)}
`;
}
