import type { Experiment } from "./experiments.ts";
import { emptyTally, type Tally } from "./tally.ts";

/** What each experiment gave. */
export type Of = (name: Experiment) => Tally;

export interface Row {
  failure: string;
  asked: string;
  /** What this command measured, or what a test or rehearsal holds. */
  measured: string | ((of: Of) => string);
  /** An experiment of this command in `code`, a test file, a scenario, or another page. */
  how: Row["measured"];
}

export const rowsOf = (tallies: ReadonlyMap<string, Tally>): string[][] => {
  const of: Of = (name) => tallies.get(name) ?? emptyTally();
  return ROWS.map(({ failure, asked, measured, how }, i) => [
    String(i + 1),
    failure,
    asked,
    said(measured, of),
    said(how, of),
  ]);
};

const said = (text: Row["measured"], of: Of) => (typeof text === "string" ? text : text(of));

const ASKED_RUNS = 10_000;
const fewer = ({ runs }: Tally) =>
  runs < ASKED_RUNS
    ? `. ${runs} runs where ${ASKED_RUNS} are asked, which \`--runs ${ASKED_RUNS}\` makes: without it all of this page takes ten minutes on two processors`
    : "";

const well = ({ runs, failures }: Tally) => `${runs - failures.length} of ${runs}`;
const ratio = ({ sum }: Tally) => ((sum.attempts ?? 0) / Math.max(1, sum["calls needed"] ?? 0)).toFixed(2);
const echoes = ({ failures }: Tally) => failures.filter((failure) => failure.endsWith(": echoed")).length;
const most = ({ most }: Tally, name: string) => Math.round(most[name] ?? 0);

/** In the order of the failure modes that a release guard must survive. */
const ROWS: readonly Row[] = [
  {
    failure: "throttling and 5xx of 30 % and 60 % of all attempts",
    asked: "≥ 99.9 % and ≥ 99 % converge; ≤ 10 attempts a call; ≤ 2 × the calls at 30 %",
    measured: (of) =>
      `30 %: ${well(of("throttled-30"))}, ${ratio(of("throttled-30"))} × the calls. 60 %: ${well(of("throttled-60"))}, with the reruns of ` +
      `Lambda and of people and up to five deliveries of the dead-letter queue. ≤ ${most(of("throttled-60"), "attempts of a call")} attempts a call`,
    how: (of) =>
      `\`throttled-30\`, \`throttled-60\`; test/adapters/retries.test.ts; scenario throttled-apis${fewer(of("throttled-60"))}`,
  },
  {
    failure: "a crash, or any other fault, at any call",
    asked: "every point converges; no effect twice",
    measured: (of) =>
      `${well(of("single"))} after the rerun, ${of("single").duplicates.length} with an effect had twice (a release and its group switch the same flags ` +
      `off at once: the same content again); two faults at once: ${well(of("double"))}, ${of("double").duplicates.length} twice`,
    how: "`single` (exhaustive: every call of nine rollbacks, ten faults), `double`",
  },
  {
    failure: "duplicate events",
    asked: "one effective rollback, no further call that changes",
    measured: (of) =>
      `${well(of("repeated"))}, ${of("repeated").duplicates.length} with an effect had twice; ≤ ${most(of("repeated"), "notifications")} notifications (two for a group)`,
    how: (of) => `\`repeated\` (each event 1 to 20 times, some never)${fewer(of("repeated"))}`,
  },
  {
    failure: "concurrent rollbacks",
    asked: "one winner, no lost update; the lease of a dead one free within 60 s",
    measured: (of) =>
      `${well(of("actors"))} end on the target with closed journals; ${of("actors").sum["operators refused"] ?? 0} of ` +
      `${of("actors").sum.operators ?? 0} operators not done in the end; ${of("actors").duplicates.length} with an effect had twice (flags switched off by two at the same moment: the same content). Lease free after 30 s`,
    how: "`actors` (2 to 8: responder, operators, doctor --repair); test/core/release/run-rollback.test.ts",
  },
  {
    failure: "a flapping alarm",
    asked: "≤ 1 rollback per cooldown, ≤ 2 pages an hour",
    measured: (of) =>
      `${well(of("flapping"))}: three rollbacks at least a cooldown apart, then a latch; ≤ ${most(of("flapping"), "pages within an hour")} pages (severity critical) within any hour, ` +
      `the first rollback's and the latch's; ${most(of("flapping"), "notifications")} notifications in six hours, for each rollback is told`,
    how: "`flapping` (six hours, a pipeline that releases again after each rollback)",
  },
  {
    failure: "a hook that crashes, hangs or runs out of memory",
    asked: "Failed in every case, within timeout + 10 s; a hard kill within 2 min",
    measured:
      "the hook itself: Failed before its timeout; a hard kill: within timeout + 70 s, **gap** of 60 s where Lambda keeps the event for its last retry",
    how: "test/lambdas/hook.test.ts, test/lambdas/report-failure.test.ts; scenarios hook-crash, hook-hang, hook-hang-after, watch-lost",
  },
  {
    failure: "the report fails or is made already",
    asked: "nothing unhandled, no endless retry",
    measured:
      "already made counts as done; a deployment that does not exist is not tried again; any other failure goes to the on-failure destination",
    how: "test/lambdas/hook.test.ts, test/adapters/contract.test.ts",
  },
  {
    failure: "late metrics",
    asked: "the verdict as without delay; found within the delay + 2 periods",
    measured: (of) =>
      `0 to 5 min late and shuffled: no false rollback beyond those of punctual figures, found ≤ ${most(of("metrics"), "delayed: minutes to the rollback")} min after the first figures of the fault`,
    how: "`metrics`; scenario metrics-late; [watch.md](watch.md)",
  },
  {
    failure: "missing data",
    asked: "no false rollback; inconclusive, and told",
    measured: (of) =>
      `${of("metrics").sum["false rollbacks"] ?? 0} of ${of("metrics").sum.healthy ?? 0} healthy releases rolled back for gaps, delays or outages ` +
      `(${of("metrics").sum["false rollbacks in clear weather too"] ?? 0} by chance, with full figures too); 10 to 90 % gaps: found ≤ ${most(of("metrics"), "gaps: minutes to the rollback")} min after the first figures`,
    how: "`metrics`; test/core/judge/fixed.test.ts (no evidence never promotes); scenario low-traffic",
  },
  {
    failure: "low traffic",
    asked: "false rollbacks ≤ 1 %; power ≥ 95 % at the table's n",
    measured: "≤ 0.95 % over 75 healthy rows; what a release of a size can find is said beforehand",
    how: "[judge.md](judge.md); `judge --plan`; scenario low-traffic",
  },
  {
    failure: "monitoring is down",
    asked: "no rollback after the release; told within 5 min; held",
    measured: (of) =>
      `down for 1 min to 2 h: no false rollback, a fault found ≤ ${most(of("metrics"), "down: minutes to the rollback")} readable min after its first figures; told after five unseen looks`,
    how: "`metrics`; test/core/release/watch.test.ts; scenario monitoring-outage",
  },
  {
    failure: "a stale revision or read of the alias",
    asked: "no blind overwrite; ≤ 3 reads again",
    measured: (of) =>
      `${of("single").sum.stale ?? 0} stale reads among the single faults, none believed; a write over another revision is refused, read again at most three times`,
    how: "`single`; test/contract-suites/functions.ts, test/lambdas/respond.test.ts",
  },
  {
    failure: "the deployment has ended already",
    asked: "the right way in every case, no error to people",
    measured: (of) =>
      `counts as stopped, then the alias is looked at; lost replies of StopDeployment among ${of("single").runs} single faults`,
    how: "`single`; test/contract-suites/deployments.ts, test/scripts/stop-deployment.test.ts",
  },
  {
    failure: "stopped without rollback: a split alias",
    asked: "found and repaired by one command",
    measured: "found; `doctor --repair` gives all traffic to the known good one",
    how: "test/core/release/doctor.test.ts, test/scripts/doctor-repairs.test.ts",
  },
  {
    failure: "the stack differs after a rollback",
    asked: "found; the next deploy is blocked or reconciled",
    measured: "found; the next deploy fails before any traffic, and succeeds after `doctor --repair`",
    how: "test/scripts/doctor-next-deploy.test.ts, test/scripts/rehearse/reconcile.test.ts",
  },
  {
    failure: "a flag deployment in the way",
    asked: "free within 60 s; no stranger's is stopped silently",
    measured:
      "ours is stopped at once; a stranger's never: after 30 s people are told who holds the environment, and the sweep asks again each minute. Held for 0 to 30 minutes: off within 60 s after it is free, and people hear of it",
    how: "test/lambdas/held-flags.test.ts, test/lambdas/flags-off.test.ts; scenario kill-while-flag-deployment-bakes",
  },
  {
    failure: "the 72 h of AppConfig's revert are over",
    asked: "the right content before and after",
    measured:
      "a kill is never a revert: a new version from what is deployed; rollback-configuration deploys the older version again where the revert is refused",
    how: "test/core/release/flag-document.test.ts, test/local/appconfig/deployments.test.ts; test/scripts/rollback-configuration.test.ts",
  },
  {
    failure: "the target is deleted",
    asked: "refused before any change, exit 4, with candidates",
    measured: "refused with the versions that there are; the responder takes the next best",
    how: "test/core/release/rollback-plan.test.ts, test/core/release/rollback-targets.test.ts",
  },
  {
    failure: "the target is bad too",
    asked: "never on a known bad; 1,000 histories",
    measured: "never on one, whatever the history; smoke tests before any traffic, then the version before",
    how: "test/core/release/rollback-targets.test.ts (generated histories), test/lambdas/respond.test.ts",
  },
  {
    failure: "a rollback that does not cure",
    asked: "≤ 3 tries, then a latch and a page; no more",
    measured: (of) =>
      `≤ ${most(of("flapping"), "rollbacks")} tries, a latch, one page of it, nothing after that in six hours`,
    how: "`flapping`; test/lambdas/orders.test.ts",
  },
  {
    failure: "the baseline is unhealthy too",
    asked: "none blamed on the canary; told",
    measured: "no rollback; the finding is baseline-unhealthy, and the release's flags go off",
    how: "test/core/judge; scenario outage-on-both; test/scripts/rehearse/scenarios.test.ts",
  },
  {
    failure: "a shared dependency is down",
    asked: "≤ 1 action",
    measured:
      "no move while a blocker is red or the known good version fails its smoke payloads too; one page for each cause",
    how: "test/lambdas/attribute.test.ts; scenario alarm-after-release-not-ours",
  },
  {
    failure: "clocks 5 minutes off",
    asked: "no lease stolen early, no wrong cooldown",
    measured: (of) => `each of the actors above has a clock of its own, 5 min off at most: ${well(of("actors"))}`,
    how: "`actors`; test/core/release/run-rollback.test.ts, test/core/release/cooldown.test.ts",
  },
  {
    failure: "poison events",
    asked: "10,000: no crash, no action, refused or in the queue; alarm at 1",
    measured: (of) =>
      `${well(of("poison"))}: nothing changed, nothing thrown but the guard's own refusal (${of("poison").sum["refused by an error"] ?? 0} times, which ends in the dead-letter queue and its alarm at 1), no hidden text said`,
    how: "`poison`; test/core/release/events.test.ts",
  },
  {
    failure: "events out of order",
    asked: "the same final state",
    measured: (of) => `${well(of("repeated"))}: copies come up to 30 min late`,
    how: "`repeated`",
  },
  {
    failure: "the wrong account or region",
    asked: "refused before the first write in every combination",
    measured: (of) => `${well(of("foreign"))} events from elsewhere are refused without a call`,
    how: "`foreign`; test/core/release/events.test.ts; for commands test/scripts (exit 4, the identity is shown before anything is done)",
  },
  {
    failure: "forged and replayed calls of hooks",
    asked: "no report, no change",
    measured:
      "with an id that nobody gave out, replayed, of another application, or at another time than the hook's own: nothing is answered and nothing changes",
    how: "test/lambdas/forged.test.ts, test/scripts/rehearse/rights.test.ts",
  },
  {
    failure: "a confused deputy",
    asked: "every service principal under a condition where AWS has one",
    measured: "every one of the template, but for Lambda, which has none",
    how: "test/constructs/platform.test.ts",
  },
  {
    failure: "privileges that grow",
    asked: "no `*` action; `*` resources only on the list",
    measured: "none; each role is tried against what it must not do",
    how: "test/constructs/platform.test.ts, test/constructs/release-guard.test.ts, test/scripts/rehearse/rights.test.ts",
  },
  {
    failure: "secrets in logs and reports",
    asked: "none",
    measured: (of) =>
      `${echoes(of("poison"))} hidden texts in the logs and errors of ${of("poison").runs} poison events; metric sources tell none when they fail`,
    how: "`poison`; test/contract-suites/metric-source.ts, test/core/release/events.test.ts",
  },
  {
    failure: "the ledger does not answer",
    asked: "rolled back all the same; recorded later",
    measured: (of) =>
      `among the ${of("single").runs} single faults every call of it fails, hangs or loses its reply once: ${well(of("single"))}, books included; books that stay open after Lambda's retries are in the dead-letter queue and its alarm`,
    how: "`single`; test/lambdas/respond.test.ts (a ledger that hangs), test/core/release/run-rollback.test.ts",
  },
  {
    failure: "a command is killed",
    asked: "run again, it resumes; Ctrl-C says how",
    measured: (of) =>
      `killed after each call: among ${of("single").sum.kill ?? 0} kills; Ctrl-C ends with exit 130 and the line that resumes`,
    how: "`single`; test/scripts/rehearse/interrupt.test.ts",
  },
  {
    failure: "nobody can be told",
    asked: "the rollback waits ≤ 1 s; told later",
    measured:
      "0 s: told after all levers; a notification that fails is tried again with the event, and ends in the dead-letter queue",
    how: "`single`; test/lambdas/respond.test.ts",
  },
  {
    failure: "an alarm that stays red blocks its own cure",
    asked: "possible with one flag, recorded",
    measured:
      "the function's own red alarm never blocks its release; `guard --action break-glass` lets the rest through, recorded and for a time",
    how: "test/lambdas/respond.test.ts, test/core/release/admission.test.ts; scenario alarm-already-red",
  },
  {
    failure: "provisioned concurrency or other fields of the alias get lost",
    asked: "all other fields equal",
    measured: "a write names version and routing only; a weight of 1.0 is left to Lambda",
    how: "test/contract-suites/functions.ts, test/core/release/doctor.test.ts, test/lambdas/post-traffic.test.ts",
  },
  {
    failure: "a stack in UPDATE_ROLLBACK_FAILED",
    asked: "no version is deleted then",
    measured: "nothing of the guard deletes a version, and no role of it may; versions are retained",
    how: "test/constructs/platform.test.ts, test/core/release/doctor.test.ts",
  },
];
