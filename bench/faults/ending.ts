import { FLAG_PROFILE_NAME, flagApplicationName, flagEnvironmentName } from "../../lib/contract/names.ts";
import { OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import { groupLease } from "../../lib/core/release/revert-group.ts";
import { ALIAS, ENVIRONMENT, FLAG, FUNCTION, GROUP, type Scene, SIBLING } from "./scene.ts";
import type { Call } from "./wire.ts";

/** What a rollback must have brought about; what a manual one does not touch is left out. */
export interface Goal {
  version?: string;
  flagOff?: true;
  /** The version that was left is known bad, and its release on record as rolled back. */
  recorded?: true;
  /** The release's group is back with it, and the environment's record says so. */
  group?: true;
  /** One at least, and at most so many. */
  notifications?: number;
}

/** What is wrong in the end; nothing when all is as it should be. */
export async function problemsOf(scene: Scene, goal: Goal): Promise<string[]> {
  const { ports, deploymentId, wire } = scene;
  const problems: string[] = [];
  const alias = await ports.functions.getAlias(FUNCTION, ALIAS);
  const { version } = goal;
  if (version !== undefined && alias.functionVersion !== version)
    problems.push(`the alias is on ${alias.functionVersion}`);
  if (Object.keys(alias.weights).length > 0) problems.push(`weights ${JSON.stringify(alias.weights)}`);
  if (goal.flagOff) {
    if (await isFlagOn(scene)) problems.push("the flag is on");
    const silenced = (await ports.ledger.getRelease(deploymentId))?.disabledAlarms ?? [];
    if (silenced.length > 0) problems.push(`alarms stay silent: ${silenced}`);
  }
  const application = "goaround-dev";
  const { group } = await ports.deployments.get(deploymentId);
  const open = await ports.deployments.list({ application, group, statuses: OPEN_STATUSES });
  if (open.length > 0) problems.push(`open deployments: ${open}`);
  const journal = await ports.ledger.getRollback(FUNCTION, ALIAS);
  if (journal && !journal.result)
    problems.push(`the journal is open: ${journal.steps.map(({ name, state }) => `${name} ${state}`)}`);
  if (journal?.result && journal.version === version && journal.result.outcome !== "restored")
    problems.push(`the journal says ${journal.result.outcome}: ${journal.result.detail}`);
  if (goal.recorded) {
    const record = await ports.ledger.getRelease(deploymentId);
    if (record?.outcome !== "rolled-back") problems.push(`the release is on record as ${record?.outcome}`);
    const known = await ports.ledger.getAlias(FUNCTION, ALIAS);
    const bad = Object.values(known?.knownBad ?? {}).map((entry) => entry.version);
    if (!bad.includes("2")) problems.push("version 2 is not known bad");
    if (bad.includes("1")) problems.push("version 1 is known bad");
    if (known?.lastKnownGood?.version !== "1") problems.push(`last known good is ${known?.lastKnownGood?.version}`);
    if ((known?.rollbacks?.length ?? 0) > 1) problems.push(`${known?.rollbacks?.length} rollbacks are counted`);
  }
  if (goal.group) problems.push(...(await groupProblems(scene)));
  const sent = done(wire.calls, "sns", "Publish");
  if (goal.notifications !== undefined && (sent === 0 || sent > goal.notifications))
    problems.push(`${sent} notifications`);
  return problems;
}

async function groupProblems({ ports }: Scene): Promise<string[]> {
  const problems: string[] = [];
  const alias = await ports.functions.getAlias(SIBLING, ALIAS);
  if (alias.functionVersion !== "1") problems.push(`the alias of the group's other is on ${alias.functionVersion}`);
  const journals = await Promise.all([
    ports.ledger.getRollback(SIBLING, ALIAS),
    ports.ledger.getRollback(...groupLease(GROUP)),
  ]);
  for (const journal of journals) {
    if (journal && journal.result?.outcome !== "restored")
      problems.push(`the journal of ${journal.functionName} says ${journal.result?.outcome ?? "nothing"}`);
  }
  const { groups } = await ports.ledger.getEnvironment();
  if (groups[GROUP]?.revert?.doneAt === undefined) problems.push("the group is not on record as back");
  return problems;
}

/** How often an operation of AWS was made to change something, repetitions of a lost reply by the SDK counted once. */
export const done = (calls: readonly Call[], service: string, operation: string) =>
  calls.filter((call) => call.service === service && call.operation === operation && call.effects > 0).length;

export async function isFlagOn({ ports }: Pick<Scene, "ports">): Promise<boolean> {
  const target = await ports.flags.resolve({
    application: flagApplicationName(ENVIRONMENT),
    environment: flagEnvironmentName(ENVIRONMENT),
    profile: FLAG_PROFILE_NAME,
  });
  const deployed = await ports.flags.deployed(target);
  const values = deployed?.document.values as Record<string, { enabled?: boolean }> | undefined;
  return values?.[FLAG]?.enabled !== false;
}
