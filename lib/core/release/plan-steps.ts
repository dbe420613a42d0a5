import type { PlanStep } from "../../contract/steps.ts";
import { messageOf } from "../log.ts";
import type { Clock, FunctionsPort, LedgerPort } from "../ports.ts";
import type { AliasRecord, ReleaseEntry, ReleaseRecord, StepRun } from "./records.ts";
import { ask } from "./smoke.ts";

export interface PlanStepPorts {
  clock: Clock;
  functions: Pick<FunctionsPort, "invoke">;
  ledger: Pick<LedgerPort, "getRelease" | "updateRelease" | "claim" | "complete">;
}

interface Actor {
  /** Of claims. */
  owner: string;
  signal: AbortSignal;
}

/** Journal of the steps of one kind, each written by one actor at a time. */
type Journal = "stepsBefore" | "stepsAfter" | "stepsBack";

/** Between looks at a step that another run is at. Milliseconds. */
const POLL_MS = 2000;

const isDone = (runs: readonly StepRun[] | undefined, name: string) =>
  runs?.some((run) => run.name === name && run.state === "done") === true;

/**
 * Runs the steps that are not on record as done, in order, each noted before and after. Answers the first that failed;
 * those behind it are not run. What cannot be noted is not run either: it throws then, and when AWS does not say how a step
 * ended.
 */
export async function runPlanSteps(
  ports: PlanStepPorts,
  deploymentId: string,
  phase: "before" | "after",
  actor: Actor,
): Promise<StepRun | undefined> {
  const journal = phase === "before" ? "stepsBefore" : "stepsAfter";
  const release = await ports.ledger.getRelease(deploymentId);
  for (const step of release?.policy?.steps?.[phase] ?? []) {
    const run = await runOnce(ports, deploymentId, journal, step, actor);
    if (run?.state === "failed") return run;
  }
  return undefined;
}

async function runOnce(
  ports: PlanStepPorts,
  deploymentId: string,
  journal: Journal,
  step: PlanStep,
  actor: Actor,
): Promise<StepRun | undefined> {
  const { ledger, clock } = ports;
  for (;;) {
    actor.signal.throwIfAborted();
    const release = await ledger.getRelease(deploymentId);
    const known = release?.[journal]?.find(({ name }) => name === step.name);
    if (!release || known?.state === "done" || known?.state === "failed") return known;
    if (await ledger.claim(deploymentId, `${journal}-${step.name}`, actor.owner)) {
      return perform(ports, release, journal, step, actor);
    }
    await clock.sleep(POLL_MS, actor.signal);
  }
}

async function perform(
  ports: PlanStepPorts,
  release: ReleaseRecord,
  journal: Journal,
  step: PlanStep,
  { signal }: Actor,
): Promise<StepRun> {
  const { ledger, clock } = ports;
  const { deploymentId } = release;
  const others = (release[journal] ?? []).filter(({ name }) => name !== step.name);
  const note = async (state: StepRun["state"], why?: string) => {
    const run: StepRun = {
      name: step.name,
      state,
      at: clock.now().toISOString(),
      ...(why === undefined ? {} : { why }),
    };
    signal.throwIfAborted();
    await ledger.updateRelease(deploymentId, { [journal]: [...others, run] });
    return run;
  };
  await note("started");
  const isBack = journal === "stepsBack";
  const [functionName = "", version = "$LATEST"] = (isBack ? (step.compensation ?? "") : step.function).split(":");
  const shortfall = await ask(
    {
      payload: {
        step: step.name,
        action: isBack ? "compensate" : "run",
        idempotencyKey: `${deploymentId}/${step.name}${isBack ? "/compensate" : ""}`,
        deploymentId,
        functionName: release.functionName,
        alias: release.alias,
        baselineVersion: release.baselineVersion,
        canaryVersion: release.canaryVersion,
      },
      maxDurationMs: step.timeoutSeconds * 1000,
    },
    { ...ports, functionName, version, signal },
  );
  const run = shortfall ? await note("failed", shortfall.what) : await note("done");
  await ledger.complete(deploymentId, `${journal}-${step.name}`);
  return run;
}

/** What became of a release's steps that were to be taken back. */
export interface StepsBack {
  deploymentId: string;
  compensated: string[];
  /** What a person must see to, in words. Undefined: nothing. */
  trouble: string | undefined;
}

/**
 * Takes back what a release's steps did, the last first: once, by whoever comes first. The first compensation that fails ends
 * it: what was done before that step may rest on it. Undefined: there is nothing to take back, or somebody else does it.
 */
export async function compensateRelease(
  ports: PlanStepPorts,
  deploymentId: string,
  actor: Actor,
): Promise<StepsBack | undefined> {
  const { ledger } = ports;
  const release = await ledger.getRelease(deploymentId);
  const { before = [], after = [] } = release?.policy?.steps ?? {};
  const ran = [...(release?.stepsBefore ?? []), ...(release?.stepsAfter ?? [])];
  if (!release || ran.length === 0) return undefined;
  if (!(await ledger.claim(deploymentId, "compensate", actor.owner))) return undefined;
  const inDoubt = ran.filter(({ state }) => state !== "done").map(({ name, state }) => `${name} (${state})`);
  const troubles = inDoubt.length > 0 ? [`whether it did anything is not known of ${inDoubt.join(", ")}`] : [];
  const todo = [...before, ...after].filter(({ name }) => isDone(ran, name)).reverse();
  const compensated: string[] = [];
  for (const [i, step] of todo.entries()) {
    if (step.compensation === undefined) {
      troubles.push(`nothing takes ${step.name} back`);
      continue;
    }
    const why = await failureOf(ports, deploymentId, step, actor);
    if (why === undefined) {
      compensated.push(step.name);
      continue;
    }
    const left = todo.slice(i + 1).map(({ name }) => name);
    troubles.push(`the compensation of ${step.name} ${why}`);
    if (left.length > 0)
      troubles.push(`${left.join(", ")}, which came before it, ${left.length > 1 ? "were" : "was"} left`);
    break;
  }
  await ledger.complete(deploymentId, "compensate");
  return { deploymentId, compensated, trouble: troubles.length > 0 ? troubles.join("; ") : undefined };
}

async function failureOf(ports: PlanStepPorts, deploymentId: string, step: PlanStep, actor: Actor) {
  try {
    const run = await runOnce(ports, deploymentId, "stepsBack", step, actor);
    return run?.state === "failed" ? (run.why ?? "failed") : undefined;
  } catch (error) {
    actor.signal.throwIfAborted();
    return `could not be run: ${messageOf(error)}`;
  }
}

/**
 * Releases with steps that an alias has left behind when it is on `target`, newest first: those that brought a later version,
 * back to the one that replaced it. One that is open is nobody's to take back but its own end's: `ended`.
 */
export function leftWithSteps(
  record: Pick<AliasRecord, "releases"> | undefined,
  target: string,
  ended?: string,
): string[] {
  const left: ReleaseEntry[] = [];
  for (const entry of record?.releases ?? []) {
    const isOwn = entry.deploymentId === ended;
    if (entry.outcome === "open" && !isOwn) continue;
    if (Number(entry.canaryVersion) > Number(target)) left.push(entry);
    const served =
      isOwn || entry.outcome === "promoted" || entry.outcome === "rolled-back" || entry.outcome === "flags-off";
    // Version numbers begin anew with a function that is made anew: what lies behind may be of another one.
    if (served && Number(entry.baselineVersion) <= Number(target)) break;
  }
  return left.filter(({ hasSteps }) => hasSteps).map(({ deploymentId }) => deploymentId);
}
