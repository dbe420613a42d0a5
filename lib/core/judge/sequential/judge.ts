import { BUDGET, budgetOf } from "../../../contract/budget.ts";
import type { Policy } from "../../../contract/policy.ts";
import { GoaroundError } from "../../errors.ts";
import { judgeFixed, type Ruled } from "../fixed.ts";
import { isLongEnough, together } from "../short-looks.ts";
import { lookTriggers, type Triggered, type TriggerState } from "../triggers.ts";
import type { Judge, JudgeState, Look, Reason, SideCounts, Verdict } from "../types.ts";
import { addBlocks, type CesState, initialCes, JUDGE_CELLS, lookCes } from "./ces.ts";
import { type PackedCes, packCes, unpackCes } from "./compact.ts";
import { addEnvironments, type EnvironmentsState, initialEnvironments, oneEnvironment } from "./environments.ts";
import { type ErrorsState, initialErrors, lookErrors } from "./errors.ts";
import type { Block } from "./null-law.ts";
import { lookOutage, type OutageState } from "./outage.ts";
import { initialPromotion, lookPromotion, type PromotionState, requestsMissing } from "./promotion.ts";
import {
  degrading,
  effectReason,
  inOutage,
  lessTraffic,
  moreErrors,
  moreSlow,
  notProven,
  uncompared,
} from "./reasons.ts";
import { initialShare, lookShare, type ShareState } from "./share.ts";

/** Odds of a slow request that are no regression: new sandboxes are a little slower, and CloudWatch rounds durations. */
const TOLERATED_SLOW_ODDS = 1.2;
/** Looks that the rules still read, and of those the ones whose text may be shown again. */
const RULE_LOOKS = 30;
const TOLD_LOOKS = 3;

/** A trend is read off so many looks. */
const TREND_LOOKS = 10;

interface SequentialState extends JudgeState {
  version: 2;
  seconds: number;
  errors: ErrorsState<CesState | PackedCes>;
  latency: (CesState | PackedCes)[];
  promotion: PromotionState;
  share: ShareState;
  totals: Block;
  /** The baseline was over the limit for errors at some look. */
  outage: OutageState<CesState | PackedCes> | undefined;
  triggers: TriggerState;
  environments: EnvironmentsState;
  /** How much longer the canary's requests took than the baseline's at the latest looks, on average, oldest first. ms. */
  durations: number[];
  /** The canary's average duration at the latest look that had one, milliseconds. */
  averageMs: number;
  rules: JudgeState | undefined;
  /** What rules and triggers have not taken in yet: looks that are too short for them. */
  short: Look | undefined;
}

const NO_BLOCK: Block = { canaryRequests: 0, baselineRequests: 0, canaryErrors: 0, baselineErrors: 0 };

const initialState: SequentialState = {
  version: 2,
  seconds: 0,
  errors: initialErrors,
  latency: [],
  promotion: initialPromotion,
  share: initialShare,
  totals: NO_BLOCK,
  outage: undefined,
  triggers: {},
  environments: initialEnvironments,
  durations: [],
  averageMs: 0,
  rules: undefined,
  short: undefined,
};

/**
 * The judge that compares the versions by sequential tests, with the fixed rules of the policy inside it.
 *
 * The tests share one false-rollback budget. A rule about errors that compares with the baseline rolls back only when the
 * error test has evidence at its share of the budget; rules over durations act on their own where requests are not
 * counted by duration. `promote` needs evidence too: that a canary worse than tolerated would not look like this.
 *
 * Throws GoaroundError `usage` for counts that cannot be.
 */
export const judgeSequential: Judge = (given, look, policy) => {
  const state = { ...initialState, ...(given as SequentialState | undefined) };
  assertCounts(look);
  if (!look.observed) {
    const ruled = judgeFixed(state.rules, look, policy);
    return { state: { ...state, rules: ruled.state }, verdict: ruled.verdict };
  }
  const tested = test(state, look, policy);
  const whole = state.short ? together(state.short, look) : look;
  const ruled = judgeFixed(state.rules, whole, policy);
  const triggered = lookTriggers(state.triggers, whole, tested.state.seconds, policy);
  const isAccused = accused(tested, triggered, ruled);
  const environments = addEnvironments(tested.state.environments, look, isAccused);
  const excuse = isAccused ? oneEnvironment(environments) : undefined;
  const { rules, triggers, durations, averageMs } = state;
  const read = isLongEnough(whole)
    ? { rules: ruled.state, triggers: triggered.state, ...durationsOf(state, whole), short: undefined }
    : { rules, triggers, durations, averageMs, short: whole };
  const next = { ...tested.state, environments, ...read };
  return { state: next, verdict: combine(next, tested, triggered, ruled, excuse, policy) };
};

function durationsOf({ durations, averageMs }: SequentialState, { canary, baseline }: Look) {
  const { averageDurationMs } = canary;
  if (averageDurationMs === undefined) return { durations, averageMs };
  const longer = averageDurationMs - (baseline.averageDurationMs ?? 0);
  return { durations: [...durations, longer].slice(-TREND_LOOKS), averageMs: averageDurationMs };
}

/** The same state in at most 8 KB of JSON; the judge goes on from it as from the original. */
export function compactState(given: JudgeState): JudgeState {
  const state = given as SequentialState;
  const pack = (ces: CesState | PackedCes) => (isPacked(ces) ? ces : packCes(ces));
  const packed = (errors: SequentialState["errors"]) => ({ ...errors, ces: pack(errors.ces) });
  const looks = (state.rules?.looks ?? []) as { reasons: Reason[] }[];
  const kept = looks.slice(-RULE_LOOKS).map((look, i, all) => ({
    ...look,
    // Older looks only tell which rule was broken.
    reasons: i >= all.length - TOLD_LOOKS ? look.reasons : look.reasons.map(({ code }) => ({ code }) as Reason),
  }));
  const compact: SequentialState = {
    ...state,
    errors: packed(state.errors),
    outage: state.outage && { ...state.outage, errors: packed(state.outage.errors) },
    latency: state.latency.map(pack),
    rules: state.rules && { ...state.rules, looks: kept },
  };
  return compact;
}

/** What the error test showed at the latest look. */
export function errorFigures(given: JudgeState): ErrorsState["shown"] {
  return (given as SequentialState).errors.shown;
}

const isPacked = (ces: CesState | PackedCes): ces is PackedCes => typeof ces.cells === "string";
const unpacked = (ces: CesState | PackedCes): CesState => (isPacked(ces) ? unpackCes(ces) : ces);
const withCells = (errors: ErrorsState<CesState | PackedCes>) => ({ ...errors, ces: unpacked(errors.ces) });

interface Tested {
  state: SequentialState;
  reasons: Evidence;
  /** What the error test found in an outage that may explain it. */
  doubted: Reason | undefined;
  healthy: { proven: boolean; missing: number };
}

/** What each test holds against the canary, if anything. */
interface Evidence {
  errors: Reason | undefined;
  latency: Reason | undefined;
  share: Reason | undefined;
}

function test(state: SequentialState, look: Look, policy: Policy): Tested {
  const budget = budgetOf(policy);
  const seconds = state.seconds + look.seconds;
  const block = blockOf(look.canary, look.baseline);
  const totals = addBlocks(state.totals, block);
  const share = look.expectedShare;
  const minExcess = (policy.checks.minErrorExcessPercent ?? 0) / 100;

  const alpha = budget * BUDGET.errors;
  const errors = lookErrors(withCells(state.errors), block, look.seconds, seconds, { alpha, share, minExcess });
  const slower = lookLatency(state.latency, look, seconds, policy);
  const deficit = lookShare(state.share, block.canaryRequests, block.baselineRequests, share);
  // Half of it is left for the absolute limits where a deficit may roll back.
  const limit = budget * BUDGET.share * (policy.checks.onTrafficDeficit === "rollback" ? 0.5 : 1);
  const maxErrorRate = policy.checks.maxErrorRatePercent / 100;
  const before = state.outage && { ...state.outage, errors: withCells(state.outage.errors) };
  const outage = lookOutage(before, totals, block, look.seconds, seconds, { budget, share, maxErrorRate, minExcess });
  const more = errors.rollback ? moreErrors(totals, errors, alpha) : undefined;
  const moreInOutage = outage?.errors.rollback
    ? moreErrors(outage.state.errors.ces.totals, outage.errors, outage.alpha)
    : undefined;
  const tolerance = { limit: promotionBound(policy), oddsRatio: Math.max(2, policy.checks.maxErrorRateRatio) };
  const promotion = lookPromotion(state.promotion, block, tolerance);

  return {
    state: {
      ...state,
      seconds,
      errors: errors.state,
      latency: slower.states,
      promotion: promotion.state,
      share: deficit.state,
      totals,
      outage: outage?.state,
    },
    doubted: more && outage && !moreInOutage ? inOutage(more, outage.alpha) : undefined,
    reasons: {
      errors: outage ? moreInOutage : more,
      latency: slower.reason,
      share:
        deficit.logWealth >= Math.log(1 / limit) ? lessTraffic(totals, share, deficit.logWealth, limit) : undefined,
    },
    healthy: { proven: promotion.healthy, missing: requestsMissing(promotion.logWealth, tolerance) },
  };
}

/** The canary's error rate that must be ruled out before it is promoted; fixed by the policy alone. */
const promotionBound = ({ checks }: Policy) =>
  Math.min(0.5, Math.max(0.001, (checks.promotionBoundPercent ?? checks.maxErrorRatePercent) / 100));

/** Errors that are published before their request count as part of it: never more errors than requests. */
function blockOf(canary: SideCounts, baseline: SideCounts): Block {
  const whole = ({ invocations, errors }: SideCounts) => {
    const requests = Math.round(invocations);
    return [requests, Math.min(requests, Math.round(errors))] as const;
  };
  const [canaryRequests, canaryErrors] = whole(canary);
  const [baselineRequests, baselineErrors] = whole(baseline);
  return { canaryRequests, baselineRequests, canaryErrors, baselineErrors };
}

/**
 * The same test on requests above each threshold. Cold starts of the canary are credited: they are taken out of its
 * requests and, as if all of them had been slow, out of its slow ones. The baseline gets no such credit.
 */
function lookLatency(states: (CesState | PackedCes)[], look: Look, seconds: number, policy: Policy) {
  const tolerance = policy.checks.toleratedSlowOdds ?? TOLERATED_SLOW_ODDS;
  const thresholds = Math.min(look.canary.slow?.length ?? 0, look.baseline.slow?.length ?? 0);
  const alpha = (budgetOf(policy) * BUDGET.latency) / Math.max(1, thresholds);
  let reason: Reason | undefined;
  const next = Array.from({ length: Math.max(thresholds, states.length) }, (_, i) => {
    const state = unpacked(states[i] ?? initialCes);
    if (i >= thresholds) return state;
    const cold = Math.min(look.canary.coldStarts ?? 0, look.canary.invocations);
    const block: Block = {
      canaryRequests: look.canary.invocations - cold,
      baselineRequests: look.baseline.invocations,
      canaryErrors: Math.max(0, look.canary.slow![i]! - cold),
      baselineErrors: look.baseline.slow![i]!,
    };
    const one = lookCes(state, block, seconds, { alpha, share: look.expectedShare, widest: JUDGE_CELLS, tolerance });
    const over = look.slowThresholdsMs?.[i];
    const what = over === undefined ? `over latency threshold ${i + 1}` : `slower than ${over} ms`;
    if (one.rollback) reason ??= moreSlow(one.state.totals, what, one.boundary, one.spent, alpha);
    return one.state;
  });
  return { states: next, reason };
}

/** Rules over the canary's errors that act by themselves. A limit that a person set for one release is not among them. */
const OF_ERRORS = new Set(["success-rate", "absolute-error-rate"]);

/** Whether anything would roll the canary back for its errors. */
const accused = ({ reasons }: Tested, triggered: Triggered, { verdict }: Ruled) =>
  reasons.errors !== undefined ||
  triggered.rollback.some(({ errors }) => errors) ||
  (verdict.kind === "rollback" && verdict.reasons.some(({ code }) => OF_ERRORS.has(code)));

const ruleNeedsErrors = (reason: Reason) => reason.code === "error-rate";
const ruleNeedsLatency = (reason: Reason) => reason.code === "p99-duration";

/** `excuse`: why what is held against the canary's errors may not be the version's. */
function combine(
  state: SequentialState,
  { reasons, doubted, healthy }: Tested,
  triggered: Triggered,
  { verdict: ruled, supporting }: Ruled,
  excuse: Reason | undefined,
  policy: Policy,
): Verdict {
  const evidence = excuse ? { ...reasons, errors: undefined } : reasons;
  const findings = [...ruled.findings, ...triggered.findings, ...degrading(state)];
  const effect = [...uncompared(state), ...effectReason(state)];
  const hasLatencyTest = state.latency.length > 0;
  const agrees = (reason: Reason) => {
    if (excuse && OF_ERRORS.has(reason.code)) return false;
    if (ruleNeedsErrors(reason)) return evidence.errors !== undefined;
    return !(ruleNeedsLatency(reason) && hasLatencyTest) || evidence.latency !== undefined;
  };
  const supported = evidence.errors !== undefined || evidence.latency !== undefined;
  const acts = ({ relative, errors }: Triggered["rollback"][number]) =>
    (!relative || supported) && !(excuse !== undefined && errors);
  const fired = triggered.rollback.filter(acts);
  const unsupported = triggered.rollback.filter((one) => !acts(one));
  const broken = ruled.kind === "rollback" ? ruled.reasons : [];
  const acting = broken.filter(agrees);
  const waiting = [...broken.filter((reason) => !agrees(reason)), ...unsupported.map(({ reason }) => reason)].map(
    (reason) => ({
      ...reason,
      message: `${reason.message}; ${excuse ? "one environment may be to blame" : "the sequential test does not agree yet"}`,
    }),
  );
  const deficit = evidence.share ? [evidence.share] : [];
  const tested = [evidence.errors, evidence.latency].filter((reason) => reason !== undefined);
  const hard = policy.checks.onTrafficDeficit === "rollback" ? deficit : [];
  const beside = evidence.errors ? supporting : [];
  const rollback = [...tested, ...hard, ...acting, ...beside, ...fired.map(({ reason }) => reason)];
  if (rollback.length > 0) return { kind: "rollback", reasons: [...rollback, ...effect], findings };

  const holding = [
    ...(excuse ? [excuse] : []),
    ...(doubted ? [doubted] : []),
    ...deficit,
    ...waiting,
    ...triggered.hold,
    ...(ruled.kind === "hold" ? ruled.reasons : []),
  ];
  if (holding.length > 0) return { kind: "hold", reasons: [...holding, ...effect], findings };
  if (ruled.kind === "inconclusive") return { ...ruled, findings, reasons: [...ruled.reasons, ...effect] };
  if (!healthy.proven)
    return {
      kind: "inconclusive",
      reasons: [notProven(state, healthy.missing, promotionBound(policy)), ...effect],
      findings,
    };
  return { kind: "promote", reasons: [...ruled.reasons, ...effect], findings };
}

function assertCounts(look: Look): void {
  const wrong = [
    ...Object.entries({
      seconds: look.seconds,
      elapsedSeconds: look.elapsedSeconds,
      expectedShare: look.expectedShare,
    }),
    ...(["canary", "baseline"] as const).flatMap((side) => {
      const { invocations, errors, slow = [], coldStarts = 0, environments = {} } = look[side];
      const named = Object.entries({ invocations, errors, coldStarts, ...slow });
      const told = Object.values(environments).flatMap((one) => Object.entries(one));
      return [...named, ...told].map(([name, value]) => [`${side}.${name}`, value] as const);
    }),
  ].filter(([, value]) => typeof value !== "number" || !(value >= 0 && value <= 1e9));
  if (wrong.length === 0) return;
  const named = wrong.map(([name, value]) => `${name} = ${String(value)}`).join(", ");
  throw new GoaroundError("usage", "contract", `a look has counts that cannot be: ${named}`);
}
