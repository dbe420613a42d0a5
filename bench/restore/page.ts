import type { JobResult, ReleasesJob } from "../watch/jobs.ts";
import { between, quantile, rolledBack, seconds, table } from "../watch/page.ts";
import { CALL_MS, type TimedCall } from "./path.ts";

type Row = Extract<JobResult, ReleasesJob>;

/** Seconds from the first failing request to restored traffic that are promised. */
const MEDIAN = 25;
const P95 = 40;

export function page(results: readonly JobResult[], calls: readonly TimedCall[]): string {
  const rows = results
    .flatMap((result): Row[] => (result.kind === "releases" ? [result] : []))
    .sort((a, b) => a.guard!.localeCompare(b.guard!) || a.stopLagSeconds! - b.stopLagSeconds!);
  const lastMs = Math.max(...calls.map(({ toMs }) => toMs));
  const askedMs = calls.find(({ call }) => call === "lambda Invoke")!.toMs;
  return `# From the first failing request to restored traffic

Written by \`npm run bench -- restore\` from releases on the local AWS: 10 requests/s, 10 % of them on the canary, errors
0 → 20 % at a moment between 5 s and 235 s of the shift; the log takes 5 s to arrive, and calls take no time in the first
table. Both lags, of the log and of CodeDeploy after a stop, are parameters of the local AWS: **neither is verified on AWS**.

${table(
  ["judged by", "CodeDeploy's lag", "rolled back", "decided, median", "p95", "restored, median", "p95", "met"],
  rows.map(({ guard, stopLagSeconds, done }) => {
    const decided = between(done, "firstFailureAtSeconds", "decidedAtSeconds");
    const restored = between(done, "firstFailureAtSeconds", "restoredAtSeconds");
    const [median, p95] = [quantile(restored, 0.5), quantile(restored, 0.95)];
    const isMet = median !== null && p95 !== null && median <= MEDIAN && p95 <= P95;
    return [
      guard!,
      seconds(stopLagSeconds!),
      rolledBack(done),
      seconds(quantile(decided, 0.5)),
      seconds(quantile(decided, 0.95)),
      seconds(median),
      seconds(p95),
      isMet ? "yes" : "no",
    ];
  }),
)}

Times count from the first failing request; met: restored within ${MEDIAN} s in the median and ${P95} s at p95. "Own clearing" is the
policy's \`clearWeightsAfterSeconds: 0\`: the responder takes the canary's share away once CodeDeploy has taken the stop.

## Every call on the way

One of these rollbacks with ${CALL_MS} ms for each call [assumed], from the reading of the log that shows the fault until the
alias has no weights: ${lastMs} ms, of which the responder has ${lastMs - askedMs} ms. Computing takes no time here; a responder that has not run
for a while needs about a second more to start [assumed].

${table(
  ["who", "call", "from, ms", "to, ms"],
  calls.map(({ who, call, fromMs, toMs }) => [who, call, String(fromMs), String(toMs)]),
)}

Calls that begin together wait for nothing of each other. The log is read once to see that something failed and has settled,
and once more for what came late; the books are written while the responder is asked. The responder reads deployment, record and orders at once; its claim comes
before the stop, so that the stop is made once, and the alias is read while the stop is asked for.
`;
}
