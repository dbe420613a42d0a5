import { DEFAULT_ALIAS } from "../../lib/contract/names.ts";
import { type Scenario, scenarioSchema } from "../../lib/contract/scenario.ts";
import { startLocalAws } from "../../lib/local/index.ts";
import { runProgram } from "./deployer.ts";
import { ownProgram } from "./library.ts";
import type { ManualRollback, RehearsalResult } from "./result.ts";
import { nextWholeMinute, Rehearsal, type RunOptions } from "./run-scenario.ts";

/** A good release, then a bad one. */
export const MAIN_SCENARIO: Scenario = scenarioSchema.parse({
  name: "main",
  description:
    "The app is deployed, a good version is promoted, a bad one is rolled back, and an operator rolls back by hand.",
  flagsOn: ["enable_new_api_endpoint"],
  firstRelease: true,
  watchMinutes: 5,
  releases: [
    { artifact: "good", expected: "promoted" },
    { artifact: "bad", canary: { phases: [{ fromSeconds: 30, errorRate: 0.2 }] }, expected: "rolled-back" },
  ],
  expected: {
    outcome: "rolled-back",
    flagsOff: ["enable_new_api_endpoint"],
    stackStatus: "UPDATE_ROLLBACK_COMPLETE",
    notifications: 1,
  },
});

/** Virtual seconds a real one while an operator's script runs: it polls in real time. */
const SCRIPT_SPEED = 30;

/** The main rehearsal: both releases, then a rollback with the operator's own script. */
export async function runMainRehearsal(
  options: RunOptions,
): Promise<RehearsalResult & { manualRollback: ManualRollback }> {
  const aws = await startLocalAws({ port: 0, seed: options.seed, startMs: nextWholeMinute() });
  try {
    const rehearsal = new Rehearsal(aws, MAIN_SCENARIO, options);
    const result = await rehearsal.run();
    const manualRollback = await rollBackByHand(rehearsal, result);
    const problems = [...result.differences];
    const target = result.releases[0]!.baselineVersion;
    if (manualRollback.exitCode !== 0) problems.push(`the manual rollback exited ${manualRollback.exitCode}`);
    if (manualRollback.alias.functionVersion !== target) {
      problems.push(
        `the alias is on version ${manualRollback.alias.functionVersion} after the manual rollback, expected ${target}`,
      );
    }
    return {
      ...result,
      alias: manualRollback.alias,
      differences: problems,
      asExpected: problems.length === 0,
      manualRollback,
    };
  } finally {
    await aws.close();
  }
}

async function rollBackByHand(rehearsal: Rehearsal, result: RehearsalResult): Promise<ManualRollback> {
  const { aws, functionName, stage, recorder, account } = rehearsal;
  const args = [
    "--action",
    "rollback-function",
    "--function-name",
    functionName,
    "--target-version",
    result.releases[0]!.baselineVersion,
    "--reason",
    "customer-escalation",
    "--yes",
  ];
  recorder.note(stage.now, "release", `an operator types: npm run rollback -- ${args.join(" ")}`);
  const work = runProgram(process.execPath, [...ownProgram("scripts/rollback"), ...args, "--json"], aws.environment);
  const run = await stage.advanceWhile(work, async () => true, SCRIPT_SPEED);
  let document: Record<string, unknown> = {};
  try {
    document = JSON.parse(run.stdout) as Record<string, unknown>;
  } catch {
    document = { output: run.output };
  }
  recorder.note(stage.now, "action", `rollback exits ${run.exitCode}: ${String(document.message ?? run.output)}`);
  await stage.advanceBy(60_000);
  return {
    command: `npm run rollback -- ${args.join(" ")}`,
    exitCode: run.exitCode,
    document,
    alias: await account.alias(functionName, DEFAULT_ALIAS),
  };
}
