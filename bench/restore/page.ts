import type { GuardName, JobResult, Release } from "../watch/jobs.ts";
import { between, quantile, rolledBack, seconds, table } from "../watch/page.ts";
import { CALL_MS, type TimedCall } from "./path.ts";

/** Releases under one guard and one lag. */
interface Row {
  guard: GuardName;
  stopLagSeconds: number;
  done: Release[];
}

const rowsOf = (result: JobResult): Row[] =>
  result.kind === "releases"
    ? result.guards!.map((guard) => ({
        guard,
        stopLagSeconds: result.stopLagSeconds!,
        done: result.done.filter((release) => release.guard === guard),
      }))
    : [];

export function page(results: readonly JobResult[], calls: readonly TimedCall[]): string {
  const rows = results
    .flatMap(rowsOf)
    .sort((a, b) => a.guard.localeCompare(b.guard) || a.stopLagSeconds - b.stopLagSeconds);
  const lastMs = Math.max(...calls.map(({ toMs }) => toMs));
  const askedMs = calls.find(({ call }) => call === "lambda Invoke")!.toMs;
  return `# From the first failing request to restored traffic

Written by \`npm run bench -- restore\` from releases on the local AWS, with everything that runs on AWS: 10 requests/s, 10 % of
them on the canary, errors 0 → 20 % at a moment between 5 s and 235 s of the shift, the same moments in each row; the log takes
5 s to arrive, and calls take no time in the first table. Both lags, of the log and of CodeDeploy after a stop, are
parameters of the local AWS: **neither is verified on AWS**.

${table(
  ["judged by", "CodeDeploy's lag", "rolled back", "decided, median", "slowest", "restored, median", "slowest"],
  rows.map(({ guard, stopLagSeconds, done }) => {
    const decided = between(done, "firstFailureAtSeconds", "decidedAtSeconds");
    const restored = between(done, "firstFailureAtSeconds", "restoredAtSeconds");
    const figures = [decided, restored].flatMap((times) => [quantile(times, 0.5), quantile(times, 1)]);
    return [guard, seconds(stopLagSeconds), rolledBack(done), ...figures.map(seconds)];
  }),
)}

Times count from the first failing request. "Own clearing" is the policy's \`clearWeightsAfterSeconds: 0\`: the responder takes
the canary's share away once CodeDeploy has taken the stop. A row has few releases, because each of them is run whole; 95th
percentiles over thousands of onsets, with calls that take time, are [simulated](release.md#the-lag-after-a-stop).

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
