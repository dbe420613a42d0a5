import { errorTestAlpha } from "../../contract/budget.ts";
import { isForeign, secretsOf } from "../../contract/declared-metrics.ts";
import { type ShiftStep, visibility } from "../../contract/detectability.ts";
import { TAGS } from "../../contract/names.ts";
import type { Policy } from "../../contract/policy.ts";
import { triggersOf } from "../../contract/triggers.ts";
import { format } from "../judge/rules.ts";
import type { SideCounts } from "../judge/types.ts";
import type { Area, ReadinessFacts } from "./readiness-facts.ts";
import { type AliasRecord, artifactKey } from "./records.ts";
import { enableCommand } from "./silenced-monitors.ts";

export interface Seen {
  isMet: boolean;
  /** What is. */
  message: string;
  /** What earns the points. */
  earn: string;
}

interface Check {
  area: Area;
  name: string;
  points: number;
  /** Undefined: not known, or nothing to be checked; it then counts for nothing. */
  see(facts: ReadinessFacts, place: string): Seen | undefined;
}

/** A rollback that was tried longer ago proves little: people, rights and stacks have changed. Days. */
const TRIED_WITHIN_DAYS = 90;
const DAY_MS = 86_400_000;
/** Fewer, and no durations are fixed before a shift (`slowThresholds`). */
const ENOUGH_REQUESTS = 100;
/** Errors of a version that is in order, where none was seen. 0 to 1. */
const QUIET_ERROR_RATE = 0.001;

const seen = (isMet: boolean, met: string, missing: string, earn: string): Seen => ({
  isMet,
  message: isMet ? met : missing,
  earn,
});

const tagged = (area: Area, name: string, points: number, tag: string, what: string): Check => ({
  area,
  name,
  points,
  see: ({ beyond }) => {
    const value = beyond?.tags?.[tag];
    if (!beyond?.tags) return undefined;
    const earn = `Tags.of(fn).add("${tag}", "…") in the CDK app`;
    return seen(Boolean(value), `${what}: ${value}`, `no tag ${tag} says ${what}`, earn);
  },
});

const sees = (area: Area, name: string, points: number, see: Check["see"]): Check => ({ area, name, points, see });

/** In each area the points add up to 100. */
export const CHECKS: readonly Check[] = [
  tagged("documentation", "runbook", 40, TAGS.runbook, "where its runbook is"),
  tagged("documentation", "owner", 20, TAGS.owner, "whose it is"),
  sees("documentation", "compatibility", 40, ({ policy }) =>
    seen(
      policy.compatibility !== undefined,
      "what it reads and writes is declared",
      "what it reads and writes is not declared, so nobody knows whether a rollback breaks on its data",
      "policy.compatibility.schemas",
    ),
  ),
  sees("testing", "smoke-tests", 40, ({ policy: { smokeTests } }) =>
    seen(
      smokeTests.length > 0,
      `${smokeTests.length} smoke test(s)`,
      "no smoke test: the first request to a new version is a user's",
      "policy.smokeTests",
    ),
  ),
  sees("testing", "answers-checked", 20, ({ policy: { smokeTests } }) =>
    seen(
      smokeTests.some((test) => test.expect !== undefined),
      "a smoke test looks at the answer",
      "no smoke test looks at the answer, only at whether there is one",
      "policy.smokeTests[].expect",
    ),
  ),
  sees("testing", "rollback-tried", 40, ({ now, record }, place) => {
    const last = lastRollback(record);
    const days = last && Math.floor((now.getTime() - Date.parse(last.at)) / DAY_MS);
    return seen(
      days !== undefined && days <= TRIED_WITHIN_DAYS,
      `the last rollback was ${days} day(s) ago, to version ${last?.to} by ${last?.actor}`,
      days === undefined ? "this alias was never rolled back" : `the last rollback was ${days} days ago`,
      `a drill within ${TRIED_WITHIN_DAYS} days: goaround rollback --action rollback-function ${place}, then release again`,
    );
  }),
  sees(
    "monitoring",
    "metrics",
    20,
    ({ beyond }) =>
      beyond &&
      seen(
        beyond.traffic !== undefined,
        "metrics answer",
        "CloudWatch's metrics could not be read",
        "the right cloudwatch:GetMetricData",
      ),
  ),
  sees("monitoring", "alarms", 20, ({ ownAlarms, alarmStates }) => {
    if (!alarmStates) return undefined;
    const absent = ownAlarms.filter((name) => alarmStates[name] === undefined);
    return seen(
      absent.length === 0,
      `${ownAlarms.length} alarms watch the alias`,
      `there is no alarm ${absent.join(", ")}`,
      "deploy the stack of its GuardedFunction",
    );
  }),
  sees("monitoring", "alarm-actions", 20, ({ ownAlarms, beyond }) => {
    const actions = beyond?.alarmActions;
    if (!actions || !ownAlarms.some((name) => name in actions)) return undefined;
    const silent = ownAlarms.filter((name) => actions[name] === false);
    return seen(
      silent.length === 0,
      "their actions are enabled",
      `${silent.join(", ")} may not act`,
      enableCommand(silent),
    );
  }),
  sees("monitoring", "log", 20, ({ policy, beyond }) => {
    if (policy.signals.source === "metrics") {
      const why = "the policy has releases judged by minute metrics";
      return seen(false, "", why, "policy.signals.source: logs");
    }
    const obstacles = beyond?.logObstacles;
    if (!obstacles) return undefined;
    return seen(
      obstacles.length === 0,
      "its log can be counted",
      obstacles.join("; "),
      "see docs/cli.md, the log of the next release",
    );
  }),
  sees("monitoring", "people", 20, ({ beyond }) => {
    const count = beyond?.subscribers;
    if (count === undefined) return undefined;
    const earn = "ReleaseGuard's notificationEmails, or aws sns subscribe";
    return seen(
      count > 0,
      `${count} subscription(s) of the notifications`,
      "nobody is subscribed to the notifications",
      earn,
    );
  }),
  sees("security", "secrets", 30, ({ policy, beyond }) => {
    const missing = beyond?.secretsMissing;
    if (!missing || !(policy.metrics ?? []).some((metric) => secretsOf(metric).length > 0)) return undefined;
    return seen(
      missing.length === 0,
      "the secrets of its metrics exist",
      `there is no secret ${missing.join(", ")}`,
      `aws secretsmanager create-secret --name ${missing[0]} --secret-string "…"`,
    );
  }),
  sees("security", "encrypted-sources", 30, ({ policy }) => {
    const sources = (policy.metrics ?? []).filter(isForeign);
    if (sources.length === 0) return undefined;
    const plain = sources.filter(({ url }) => url?.startsWith("http:")).map(({ name }) => name);
    return seen(
      plain.length === 0,
      "its metrics are read over TLS",
      `${plain.join(", ")} is read without TLS`,
      "https in policy.metrics[].url",
    );
  }),
  sees("security", "no-glass-broken", 20, ({ beyond }) => {
    const count = beyond?.brokenGlass;
    if (count === undefined) return undefined;
    return seen(
      count === 0,
      "no rule is overridden",
      `${count} order(s) let releases through against rules`,
      "goaround guard --action status names them; goaround guard --action end-break-glass ends them",
    );
  }),
  sees("security", "zero-tolerance", 20, ({ policy }) =>
    seen(
      triggersOf(policy).some(({ zeroTolerance }) => zeroTolerance),
      "a trigger tolerates nothing",
      "no trigger acts on the first security event or damaged record",
      "a metric security_events or integrity_violations in policy.metrics",
    ),
  ),
  sees("performance", "durations", 30, ({ beyond }) => {
    const requests = beyond?.traffic?.invocations;
    if (requests === undefined) return undefined;
    return seen(
      requests >= ENOUGH_REQUESTS,
      `${requests} requests in the last hour fix what counts as slow`,
      `${requests} requests in the last hour are too few to fix what counts as slow (${ENOUGH_REQUESTS})`,
      "release when there is more traffic",
    );
  }),
  sees("performance", "within-limits", 30, ({ policy: { checks }, beyond }) => {
    const traffic = beyond?.traffic;
    if (!traffic || traffic.invocations === 0) return undefined;
    const percent = (100 * traffic.errors) / traffic.invocations;
    const average = traffic.averageDurationMs ?? 0;
    const figures = `${format(percent)} % errors and ${format(average)} ms on average in the last hour`;
    return seen(
      percent <= checks.maxErrorRatePercent && average <= checks.maxAverageDurationMs,
      `${figures}, within the policy's limits`,
      `${figures}: over the policy's limits (${checks.maxErrorRatePercent} %, ${checks.maxAverageDurationMs} ms)`,
      "find the cause first, or set checks that the function meets",
    );
  }),
  sees("performance", "shift", 40, ({ policy: { checks }, beyond }) => {
    if (!beyond?.traffic || !beyond.shift) return undefined;
    const limit = checks.maxErrorRatePercent;
    const power = powerOf(beyond.shift, beyond.traffic, checks);
    return seen(
      power >= 1,
      `the shift is long enough to find a canary that fails ${limit} % of its requests`,
      beyond.shift.length === 0
        ? "all traffic moves at once: nothing is compared"
        : beyond.traffic.invocations === 0
          ? "no requests in the last hour: no fault of a canary would be seen"
          : `at the last hour's traffic the shift brings ${Math.round(100 * power)} % of what it takes to find a canary that fails ${limit} %`,
      "a longer shift or a larger share: goaround judge --plan",
    );
  }),
  sees("rollback", "rollback-point", 30, ({ baseline, record }) => {
    const bad = baseline && record?.knownBad[artifactKey(baseline.codeSha256, baseline.configurationHash)];
    const why =
      baseline === undefined ? "does not exist" : bad ? `is known bad (${bad.reason})` : `is ${baseline.state}`;
    return seen(
      baseline?.state === "Active" && !bad,
      `the next release can go back to version ${baseline?.version}, which is Active`,
      `the version that serves ${why}: the next release could not go back to it`,
      "release a version that is good, or put one back",
    );
  }),
  sees("rollback", "way-back", 20, ({ beyond }) => {
    if (!beyond) return undefined;
    const { wayBack } = beyond;
    return "version" in wayBack
      ? seen(true, `what serves now can go back to version ${wayBack.version}`, "", "")
      : seen(false, "", `what serves now cannot go back: ${wayBack.why}`, "a second good release, or --target-version");
  }),
  sees("rollback", "automatic", 20, ({ policy, beyond }) => {
    const disarmed = beyond?.disarmed;
    return seen(
      policy.automaticRollback && !disarmed,
      "a bad release goes back by itself",
      disarmed ? `the guard is disarmed: ${disarmed}` : "automatic rollback is switched off",
      disarmed ? "goaround guard --action arm" : "policy.automaticRollback: true",
    );
  }),
  sees("rollback", "guard-time", 15, ({ policy: { guardMinutes } }) =>
    seen(
      guardMinutes > 0,
      `alarms act for ${guardMinutes} minutes after a release`,
      "no alarm acts after a release",
      "policy.guardMinutes",
    ),
  ),
  sees(
    "rollback",
    "nothing-broken",
    15,
    ({ beyond }, place) =>
      beyond &&
      seen(
        beyond.broken.length === 0,
        "the doctor finds nothing broken",
        `the doctor finds ${beyond.broken.join(", ")}`,
        `goaround doctor ${place.replace("--function-name", "--functions")} --repair`,
      ),
  ),
];

/** 1 and more: enough. */
function powerOf(shift: readonly ShiftStep[], traffic: SideCounts, checks: Policy["checks"]): number {
  if (shift.length === 0 || traffic.invocations === 0) return 0;
  const canaryRate = checks.maxErrorRatePercent / 100;
  const baselineRate = Math.max(QUIET_ERROR_RATE, traffic.errors / traffic.invocations);
  // There is nothing to find where the baseline is beyond the limit itself.
  if (baselineRate >= canaryRate) return 1;
  const requestsPerSecond = traffic.invocations / 3600;
  return visibility(shift, {
    requestsPerSecond,
    baselineRate,
    canaryRate,
    alpha: errorTestAlpha(checks.falseRollbackPercent),
  });
}

export const lastRollback = (record: AliasRecord | undefined) =>
  [...(record?.rollbacks ?? [])].sort((a, b) => (a.at < b.at ? 1 : -1))[0];
