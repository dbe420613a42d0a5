import { fact } from "../judge/reason.ts";
import type { Reason } from "../judge/types.ts";
import type { Admission, Refusal } from "./admission.ts";
import { cooldownUntil } from "./cooldown.ts";
import { aliasKey, type BreakGlass, disarmedBy, type EnvironmentRecord, isInForce } from "./environment-record.ts";
import { activeFreezes } from "./freeze.ts";
import type { AliasRecord } from "./records.ts";
import { revertingGroup, rollbackGroupCommand } from "./release-groups.ts";

export interface StandingFacts {
  functionName: string;
  alias: string;
  /** What a person has ordered and what is latched. */
  environment: EnvironmentRecord;
  aliasRecord: AliasRecord | undefined;
  /** The group that its policy names. */
  releaseGroup?: string | undefined;
  now: Date;
}

/** Rules that a person may override. What cannot work (no policy, a foreign group, a moved alias) is none of them. */
export const OVERRIDABLE = [
  "frozen",
  "cooldown",
  "latched",
  "group-reverting",
  "group-rolling",
  "known-bad",
  "blocker-red",
  "monitoring-unavailable",
  "incompatible",
  "non-revertible-step",
  "not-ready",
  "smoke-failed",
  "replay-failed",
  "replay-unavailable",
] as const;

/** What admission says of the release itself, with the orders that stand against it, and those that let it through. */
export function admitUnderOrders(admission: Admission, facts: StandingFacts): Admission {
  const { refusals, findings } = applyOrders([...admission.refusals, ...standingRefusals(facts)], facts);
  return { admitted: refusals.length === 0, refusals, findings: [...admission.findings, ...findings] };
}

/** Refusals that come from what people have ordered and from the alias's own past. */
export function standingRefusals(facts: StandingFacts): Refusal[] {
  return [...frozen(facts), ...latched(facts), ...reverting(facts), ...cooling(facts)];
}

const guard = (action: string) => `goaround guard --action ${action}`;

function frozen({ environment, functionName, now }: StandingFacts): Refusal[] {
  return activeFreezes(environment.freezes, "code", functionName, now).map(({ window, until }) => ({
    code: "frozen",
    message: `releases of ${functionName} are frozen${until ? ` until ${until.toISOString()}` : ""} by ${window.id} (${window.by}): ${window.reason}`,
    advice: `Wait, or let this one through: ${breakGlassCommand(functionName, "frozen")}`,
  }));
}

/**
 * Why flags may not be changed now, other than off: a freeze of flags that is not one function's. Break-glass for all functions
 * lets the change through. Undefined: they may.
 */
export function flagsFrozen(
  environment: Pick<EnvironmentRecord, "freezes" | "breakGlass">,
  now: Date,
): Refusal | undefined {
  const [freeze] = activeFreezes(environment.freezes, "flags", undefined, now);
  const isLetThrough = environment.breakGlass.some(
    (order) => order.functionName === undefined && isInForce(order, now) && overrides(order, "frozen"),
  );
  if (!freeze || isLetThrough) return undefined;
  const { window, until } = freeze;
  return {
    code: "frozen",
    message: `changes of flags are frozen${until ? ` until ${until.toISOString()}` : ""} by ${window.id} (${window.by}): ${window.reason}`,
    advice: `Wait, or let changes through: ${guard("break-glass")} --all --rules frozen --for 1h --reason "why"`,
  };
}

function latched({ environment, functionName, alias }: StandingFacts): Refusal[] {
  const latch = environment.latches[aliasKey(functionName, alias)];
  if (!latch) return [];
  return [
    {
      code: "latched",
      message: `${functionName}:${alias} is latched since ${latch.since} (${latch.by}): ${latch.reason}`,
      advice: `Find the cause, then release the latch: ${guard("release-latch")} --function-name ${functionName} --alias ${alias} --reason "why it is safe now"`,
    },
  ];
}

function reverting({ environment, functionName, alias, releaseGroup, now }: StandingFacts): Refusal[] {
  const found = revertingGroup(environment, { functionName, alias, releaseGroup }, now);
  if (!found) return [];
  const { name, revert, restsUntil } = found;
  if (restsUntil) {
    return [
      {
        code: "group-reverting",
        message: `release group ${name} was put back a moment ago and rests until ${restsUntil.toISOString()}: ${revert.reason}`,
        advice: `Release again after that, or let this one through: ${breakGlassCommand(functionName, "group-reverting")}`,
      },
    ];
  }
  return [
    {
      code: "group-reverting",
      message: `release group ${name} is being put back since ${revert.since} (${revert.by}): ${revert.reason}`,
      advice: `Wait until it is back; when that was cut off, finish it: ${rollbackGroupCommand(name)}`,
    },
  ];
}

function cooling({ environment, aliasRecord, functionName, alias, now }: StandingFacts): Refusal[] {
  const releasedAt = environment.latchReleased[aliasKey(functionName, alias)]?.at;
  const until = cooldownUntil(aliasRecord?.rollbacks ?? [], releasedAt, now);
  if (!until) return [];
  const seconds = Math.ceil((until.getTime() - now.getTime()) / 1000);
  return [
    {
      code: "cooldown",
      message: `${functionName}:${alias} was rolled back a moment ago and rests for another ${seconds} s, until ${until.toISOString()}`,
      advice: `Release again after that, or let this one through: ${breakGlassCommand(functionName, "cooldown")}`,
    },
  ];
}

const breakGlassCommand = (functionName: string, rule: string) =>
  `${guard("break-glass")} --function-name ${functionName} --rules ${rule} --for 1h --reason "why"`;

export interface Overridden {
  /** What still stands. */
  refusals: Refusal[];
  /** What was let through, by whose order: recorded with the release. */
  findings: Reason[];
}

/** Takes out the refusals that a person has overridden, and those that a guard which only reports does not enforce. */
export function applyOrders(
  refusals: readonly Refusal[],
  { environment, functionName, now }: Pick<StandingFacts, "environment" | "functionName" | "now">,
): Overridden {
  const orders = environment.breakGlass
    .filter((order) => isInForce(order, now))
    .filter((order) => order.functionName === undefined || order.functionName === functionName);
  const steps = environment.allowedSteps.filter(
    (order) => isInForce(order, now) && order.functionName === functionName,
  );
  const reporting = disarmedBy(environment, functionName, now);
  const standing: Refusal[] = [];
  const findings: Reason[] = [];
  for (const refusal of refusals) {
    const order = orders.find((candidate) => overrides(candidate, refusal.code));
    const allowed = steps.find(({ step }) => step === refusal.step);
    if (allowed) findings.push(noted("allowed-step", refusal, `let through by ${who(allowed)}`));
    else if (order) findings.push(noted(`break-glass-${refusal.code}`, refusal, `let through by ${who(order)}`));
    else if (reporting && isOverridable(refusal.code)) {
      findings.push(noted(`report-only-${refusal.code}`, refusal, `not enforced, disarmed by ${who(reporting)}`));
    } else standing.push(refusal);
  }
  return { refusals: standing, findings };
}

const isOverridable = (code: string) => OVERRIDABLE.some((rule) => rule === code);

const overrides = ({ rules }: BreakGlass, code: string) =>
  isOverridable(code) && (rules.length === 0 || rules.includes(code));

const who = ({ by, reason, until }: { by: string; reason: string; until: string }) => `${by} until ${until}: ${reason}`;

const noted = (code: string, { message, alarm }: Refusal, how: string): Reason =>
  fact(code, `${message}; ${how}`, alarm === undefined ? {} : { alarm });
