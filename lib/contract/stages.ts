/** A stage of a staged release: this share of traffic on the new version, for this long. */
export interface ReleaseStage {
  /** Whole percent, 1 to 100, growing from stage to stage. */
  percent: number;
  /** Whole minutes; 0 for the last stage, which is 100 %. */
  minutes: number;
}

/**
 * CodeDeploy waits an hour for a hook (CodeDeploy user guide, 2023). Two minutes more than the stages are for smoke
 * tests; the rest is kept to judge the last minute, to clear the weights and to report.
 */
const MAX_STAGED_MINUTES = 55;
/** The watch holds a hook no longer, for stages or for a bake: three minutes are left to replace a watch that is lost. */
export const MAX_HOOK_MINUTES = 57;
const MAX_STAGES = 20;
/** As long as CodeDeploy's longest shift. */
const MAX_TOTAL_MINUTES = 2880;

export type ParsedStages = { ok: true; stages: ReleaseStage[] } | { ok: false; problems: string[] };

/**
 * Reads `10:10m,20:10m,50:2h,100`: percent and time of each stage, the last one 100 % without a time. Minutes are `m` or
 * nothing, hours are `h`. Lists every problem.
 */
export function parseStages(text: string): ParsedStages {
  const problems: string[] = [];
  const parts = text.split(",").map((part) => part.trim());
  const stages = parts.map((part, i): ReleaseStage => {
    const match = /^(\d{1,3})(?::(\d{1,4})(m|h)?)?$/.exec(part);
    if (!match) {
      problems.push(`stage ${i + 1} is "${part}"; write it as percent:time, for example 10:10m or 50:2h`);
      return { percent: Number.NaN, minutes: 0 };
    }
    const [, percent, time, unit] = match;
    const isLast = i === parts.length - 1;
    if (isLast && time !== undefined) problems.push("the last stage, 100 %, takes no time");
    if (!isLast && time === undefined)
      problems.push(`stage ${i + 1}, ${percent} %, needs a time, for example ${percent}:10m`);
    return { percent: Number(percent), minutes: Number(time ?? 0) * (unit === "h" ? 60 : 1) };
  });
  if (problems.length === 0) problems.push(...stageProblems(stages));
  return problems.length === 0 ? { ok: true, stages } : { ok: false, problems };
}

/** What is wrong with stages; empty when nothing is. */
export function stageProblems(stages: readonly ReleaseStage[]): string[] {
  const problems: string[] = [];
  if (stages.length < 2) problems.push("a staged release needs a stage before 100 %");
  if (stages.length > MAX_STAGES) problems.push(`there are ${stages.length} stages; at most ${MAX_STAGES} are allowed`);
  for (const [i, { percent, minutes }] of stages.entries()) {
    const isLast = i === stages.length - 1;
    if (!Number.isInteger(percent) || percent < 1 || percent > 100) {
      problems.push(`stage ${i + 1} has ${percent} %; give a whole number from 1 to 100`);
    }
    if (i > 0 && percent <= stages[i - 1]!.percent) {
      problems.push(`stage ${i + 1} has ${percent} %, no more than the stage before`);
    }
    if (isLast && percent !== 100) problems.push(`the last stage has ${percent} %; it must be 100 %`);
    if (!isLast && (!Number.isInteger(minutes) || minutes < 1)) {
      problems.push(`stage ${i + 1} lasts ${minutes} minutes; give whole minutes, at least 1`);
    }
  }
  const total = stagedMinutes(stages);
  if (total > MAX_TOTAL_MINUTES)
    problems.push(`all stages take ${total} minutes; at most ${MAX_TOTAL_MINUTES} are allowed`);
  return problems;
}

/** Why stages cannot run inside the hook before the traffic, and what to do about it; empty when they can. */
export function hookProblems(stages: readonly ReleaseStage[], testMs: number): string[] {
  const minutes = stagedMinutes(stages);
  const tests = Math.ceil(testMs / 60_000);
  const advice =
    "shorten them, release with `goaround deploy --stages`, or take a linear strategy: its steps are even, and CodeDeploy moves them itself for up to two days";
  if (minutes > MAX_STAGED_MINUTES) {
    return [
      `the stages take ${minutes} minutes; CodeDeploy waits an hour for the hook they run in, so at most ${MAX_STAGED_MINUTES} are allowed: ${advice}`,
    ];
  }
  if (minutes + tests > MAX_HOOK_MINUTES) {
    return [
      `the stages (${minutes} minutes) and what comes before them (smoke tests, past events, steps: up to ${tests}) share one hook, which has ${MAX_HOOK_MINUTES} minutes for both: ${advice}`,
    ];
  }
  return [];
}

/** From the first weight to 100 %. */
export const stagedMinutes = (stages: readonly ReleaseStage[]) => stages.reduce((sum, { minutes }) => sum + minutes, 0);

/** Shares of the new version on the way back: 75, 50, 25, 0 of 100; those not below what it has now are left out. */
const STEPS_BACK = [75, 50, 25, 0];

/** The shares to go through when a release is taken back in stages, from the share that the new version has now. */
export const stagesBack = (percent: number): number[] => STEPS_BACK.filter((step) => step < percent);
