/** What a rollback does, in the order in which it is shown. Each looks first and acts only where it must. */
export type StepName = "stop-deployment" | "check-target" | "flags-off" | "move-alias" | "verify" | "record";

export interface StepEntry {
  name: StepName;
  state: "pending" | "started" | "done" | "failed";
  /** When it got into this state, by the clock of who wrote it. */
  at: string | undefined;
  /** How often it was begun: more than once after a crash. */
  tries: number;
  detail: string | undefined;
}

/** What is to be true in the end. Two requests with the same goal are one rollback. */
export interface RollbackGoal {
  functionName: string;
  alias: string;
  /** The version that is to have all traffic. */
  version: string;
}

export interface RollbackRequest extends RollbackGoal {
  /** The release that is undone, if one is known. */
  deploymentId: string | undefined;
  reason: string;
  /** One run of one program; a retry of the same Lambda invocation is the same owner. */
  owner: string;
  /** Whom to show: a role, a person. */
  actor: string;
  automatic: boolean;
  steps: readonly StepName[];
}

/**
 * - `restored`: every step is done, and that was measured
 * - `partly-done`: something was changed and something is left; the same request resumes
 * - `failed`: nothing was changed
 */
export type RollbackOutcome = "restored" | "partly-done" | "failed";

/**
 * Lease and journal of an alias in one item, so that a journal entry and the proof of still holding the lease are one
 * conditional write. Whoever reads it knows who acts, what is done, and what is left.
 */
export interface RollbackRecord extends RollbackGoal {
  id: string;
  deploymentId: string | undefined;
  reason: string;
  owner: string;
  actor: string;
  automatic: boolean;
  startedAt: string;
  /** By the holder's clock, which may be wrong. */
  writtenAt: string;
  /** The fencing token: grows with every change of the holder. */
  fence: number;
  /** Grows with every write; a write needs the revision that it was made from. */
  revision: number;
  /** How often a holder began or resumed it. */
  tries: number;
  steps: StepEntry[];
  result: { outcome: RollbackOutcome; at: string; detail: string } | undefined;
}

export const sameGoal = (a: RollbackGoal, b: RollbackGoal) =>
  a.functionName === b.functionName && a.alias === b.alias && a.version === b.version;

/** Steps that change what users get. What comes after a failure of another says only that nothing happened. */
const EFFECTS: readonly StepName[] = ["stop-deployment", "flags-off", "move-alias"];

const written = (record: RollbackRecord, now: Date): RollbackRecord => ({
  ...record,
  revision: record.revision + 1,
  writtenAt: now.toISOString(),
});

/** A new rollback in place of the one before, which has ended or was abandoned. */
export function begin(request: RollbackRequest, before: RollbackRecord | undefined, now: Date): RollbackRecord {
  const { functionName, alias, version, deploymentId, reason, owner, actor, automatic, steps } = request;
  const fence = (before?.fence ?? 0) + 1;
  const at = now.toISOString();
  return {
    id: `${functionName}:${alias}/${fence}/${owner}`,
    functionName,
    alias,
    version,
    deploymentId,
    reason,
    owner,
    actor,
    automatic,
    startedAt: at,
    writtenAt: at,
    fence,
    revision: (before?.revision ?? 0) + 1,
    tries: 1,
    steps: steps.map((name) => ({ name, state: "pending", at: undefined, tries: 0, detail: undefined })),
    result: undefined,
  };
}

/** The same rollback under a new holder: what is done stays written down, and is looked at again all the same. */
export function resume(before: RollbackRecord, request: RollbackRequest, now: Date): RollbackRecord {
  const known = new Set(before.steps.map(({ name }) => name));
  const more = begin(request, before, now).steps.filter(({ name }) => !known.has(name));
  const { owner, actor, automatic } = request;
  const steps = [...before.steps, ...more];
  return written({ ...before, owner, actor, automatic, steps, fence: before.fence + 1, tries: before.tries + 1 }, now);
}

export function stepStarted(record: RollbackRecord, name: StepName, now: Date): RollbackRecord {
  return withStep(record, name, now, (step) => ({ ...step, state: "started", tries: step.tries + 1 }));
}

export function stepEnded(
  record: RollbackRecord,
  name: StepName,
  state: "done" | "failed",
  detail: string | undefined,
  now: Date,
): RollbackRecord {
  return withStep(record, name, now, (step) => ({ ...step, state, detail }));
}

function withStep(record: RollbackRecord, name: StepName, now: Date, change: (step: StepEntry) => StepEntry) {
  const at = now.toISOString();
  const steps = record.steps.map((step) => (step.name === name ? { ...change(step), at } : step));
  return written({ ...record, steps }, now);
}

/** Frees the lease. */
export const closed = (record: RollbackRecord, outcome: RollbackOutcome, detail: string, now: Date): RollbackRecord =>
  written({ ...record, result: { outcome, at: now.toISOString(), detail } }, now);

/** A sign of life while a step waits. */
export const beat = (record: RollbackRecord, now: Date): RollbackRecord => written(record, now);

/** How a rollback that could not go on has ended. A step that was begun may have had its effect. */
export const outcomeOfFailure = ({ steps }: Pick<RollbackRecord, "steps">): RollbackOutcome =>
  steps.some(({ name, state }) => EFFECTS.includes(name) && state !== "pending") ? "partly-done" : "failed";

/** `move-alias done, verify started`: for whoever is told about it. */
export const progressOf = ({ steps }: Pick<RollbackRecord, "steps">): string =>
  steps
    .filter(({ state }) => state !== "pending")
    .map(({ name, state }) => `${name} ${state}`)
    .join(", ") || "not begun";
