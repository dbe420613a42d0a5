import type { Policy } from "../../contract/policy.ts";
import type { Latch } from "./cooldown.ts";
import { everHolds, type FreezeWindow } from "./freeze.ts";
import type { GroupWave } from "./release-groups.ts";

/** Said by a person, with a reason, and for a while. */
export interface Order {
  reason: string;
  by: string;
  at: string;
  /** When it ends by itself. */
  until: string;
}

/** Lets releases through in spite of the rules named; every use is recorded with the release. */
export interface BreakGlass extends Order {
  /** Only this function; undefined: all of the environment. */
  functionName: string | undefined;
  /** Codes of refusals; empty: every rule that may be overridden. */
  rules: string[];
}

/** Lets a step through that no rollback takes back. */
export interface AllowedStep extends Order {
  functionName: string;
  step: string;
}

/** A flag that a kill has switched off and that stays off until a person releases it. */
export interface KilledFlag {
  applicationId: string;
  environmentId: string;
  profileId: string;
  flag: string;
  at: string;
  by: string;
  reason: string;
  /** Hosted version of the configuration profile that switched it off. */
  version: number | undefined;
}

/** What a person did to the guard. */
export interface OrderEntry {
  at: string;
  by: string;
  /** `freeze`, `disarm` … */
  action: string;
  /** What it was done to: a function, an alias, a window's id. */
  subject: string;
  reason: string;
}

/** What is known about an environment as a whole. */
export interface EnvironmentRecord {
  freezes: FreezeWindow[];
  breakGlass: BreakGlass[];
  allowedSteps: AllowedStep[];
  /** `function:alias` → latch. */
  latches: Record<string, Latch>;
  /** `function:alias` → when its latch was last released. */
  latchReleased: Record<string, { at: string; by: string; reason: string }>;
  /** `*` or a function's name → the guard decides, records and tells, but does not act. */
  disarmed: Record<string, Order>;
  /** `killedFlagKey` → who killed it and why. */
  killedFlags: Record<string, KilledFlag>;
  /** Release group → its newest wave. */
  groups: Record<string, GroupWave>;
  /** Newest first. */
  history: OrderEntry[];
}

export const EMPTY_ENVIRONMENT: EnvironmentRecord = {
  freezes: [],
  breakGlass: [],
  allowedSteps: [],
  latches: {},
  latchReleased: {},
  disarmed: {},
  killedFlags: {},
  groups: {},
  history: [],
};

/** Enough to see who did what lately; the record is read before every release. */
const MAX_HISTORY = 50;

/** Code of the finding that a verdict was not acted upon by a person's order. */
export const DISARMED = "disarmed";

/** Stands for every function in `disarmed`. */
export const ALL_FUNCTIONS = "*";

export const aliasKey = (functionName: string, alias: string) => `${functionName}:${alias}`;

export const killedFlagKey = (flag: Pick<KilledFlag, "applicationId" | "environmentId" | "profileId" | "flag">) =>
  `${flag.applicationId}/${flag.environmentId}/${flag.profileId}/${flag.flag}`;

type Changes = Partial<EnvironmentRecord>;

export const isInForce = ({ until }: Pick<Order, "until">, now: Date) => Date.parse(until) > now.getTime();

/** The history with one more entry; there once, however often the write is tried. */
export function withEntry({ history }: EnvironmentRecord, entry: OrderEntry): OrderEntry[] {
  const isSame = (other: OrderEntry) => other.at === entry.at && other.by === entry.by && other.action === entry.action;
  return [entry, ...history.filter((other) => !isSame(other))].slice(0, MAX_HISTORY);
}

/** The order that keeps the guard from acting on a function; the function's own one first. */
export function disarmedBy(record: EnvironmentRecord, functionName: string, now: Date): Order | undefined {
  return [record.disarmed[functionName], record.disarmed[ALL_FUNCTIONS]].find(
    (order) => order !== undefined && isInForce(order, now),
  );
}

export const disarmedWords = ({ by, until, reason }: Order) =>
  `the guard is disarmed by ${by} until ${until}: ${reason}`;

/** Why the guard does not act: by this order, or by the policy where there is none. */
export const heldWords = (order: Order | undefined) =>
  order ? disarmedWords(order) : "automatic rollback is switched off for this function";

/** A release as the guard may treat it now: while it is disarmed, nothing is rolled back automatically. */
export const asOrdered = <R extends { functionName: string; policy: Policy }>(
  release: R,
  record: EnvironmentRecord,
  now: Date,
): R =>
  disarmedBy(record, release.functionName, now)
    ? { ...release, policy: { ...release.policy, automaticRollback: false } }
    : release;

export const disarm = (record: EnvironmentRecord, scope: string, order: Order): Changes => ({
  disarmed: {
    ...Object.fromEntries(Object.entries(record.disarmed).filter(([, other]) => isInForce(other, new Date(order.at)))),
    [scope]: order,
  },
});

/** The orders that a scope's end takes with it, while they are in force: for all functions every one there is. */
export const disarmedIn = (record: EnvironmentRecord, scope: string, now: Date): [scope: string, order: Order][] =>
  Object.entries(record.disarmed).filter(
    ([of, order]) => (scope === ALL_FUNCTIONS || of === scope) && isInForce(order, now),
  );

export function arm(record: EnvironmentRecord, scope: string, now: Date): Changes | undefined {
  const ended = disarmedIn(record, scope, now).map(([of]) => of);
  if (ended.length === 0) return undefined;
  return { disarmed: Object.fromEntries(Object.entries(record.disarmed).filter(([of]) => !ended.includes(of))) };
}

/** A window of the same id is replaced; those that are over go. */
export const freeze = (record: EnvironmentRecord, window: FreezeWindow, now: Date): Changes => ({
  freezes: [...record.freezes.filter((other) => other.id !== window.id && everHolds(other, now)), window],
});

export const unfreeze = (record: EnvironmentRecord, id: string): Changes => ({
  freezes: record.freezes.filter((window) => window.id !== id),
});

/** Orders that have run out go: nobody needs them, and their uses are recorded with the releases. */
export const breakGlass = (record: EnvironmentRecord, order: BreakGlass, now: Date): Changes => ({
  breakGlass: [...record.breakGlass.filter((other) => isInForce(other, now)), order],
});

/** Ends the orders for one function; for all functions every one there is. */
export function endBreakGlass(record: EnvironmentRecord, scope: string, now: Date): Changes | undefined {
  const isEnded = (order: BreakGlass) => scope === ALL_FUNCTIONS || order.functionName === scope;
  if (!record.breakGlass.some((order) => isInForce(order, now) && isEnded(order))) return undefined;
  return { breakGlass: record.breakGlass.filter((order) => !isEnded(order)) };
}

export const allowStep = (record: EnvironmentRecord, order: AllowedStep, now: Date): Changes => ({
  allowedSteps: [...record.allowedSteps.filter((other) => isInForce(other, now)), order],
});

export function endAllowedStep(
  record: EnvironmentRecord,
  { functionName, step }: Pick<AllowedStep, "functionName" | "step">,
  now: Date,
): Changes | undefined {
  const isEnded = (order: AllowedStep) => order.functionName === functionName && order.step === step;
  if (!record.allowedSteps.some((order) => isInForce(order, now) && isEnded(order))) return undefined;
  return { allowedSteps: record.allowedSteps.filter((order) => !isEnded(order)) };
}

/** An alias that is latched already keeps its first latch: the reason that a person is to look for. */
export const setLatch = (record: EnvironmentRecord, key: string, latch: Latch): Changes | undefined =>
  record.latches[key] ? undefined : { latches: { ...record.latches, [key]: latch } };

export function releaseLatch(
  record: EnvironmentRecord,
  key: string,
  release: { at: string; by: string; reason: string },
): Changes | undefined {
  if (!record.latches[key]) return undefined;
  const { [key]: _, ...latches } = record.latches;
  return { latches, latchReleased: { ...record.latchReleased, [key]: release } };
}

export const rememberKilled = (record: EnvironmentRecord, flags: readonly KilledFlag[]): Changes => ({
  killedFlags: { ...record.killedFlags, ...Object.fromEntries(flags.map((flag) => [killedFlagKey(flag), flag])) },
});

export function releaseKilled(record: EnvironmentRecord, keys: readonly string[]): Changes | undefined {
  if (!keys.some((key) => record.killedFlags[key])) return undefined;
  return {
    killedFlags: Object.fromEntries(Object.entries(record.killedFlags).filter(([key]) => !keys.includes(key))),
  };
}
