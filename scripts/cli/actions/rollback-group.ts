import { GoaroundError } from "../../../lib/core/errors.ts";
import type { AliasState } from "../../../lib/core/ports.ts";
import {
  flagsOfWave,
  type GroupMember,
  type GroupWave,
  inOrderOfReturn,
  isLeftToDo,
  rollbackGroupCommand,
} from "../../../lib/core/release/release-groups.ts";
import {
  describeMember,
  type GroupRevertResult,
  isGroupBack,
  revertGroup,
} from "../../../lib/core/release/revert-group.ts";
import { servingVersions } from "../../../lib/core/release/rollback-plan.ts";
import { EXIT } from "../exit-codes.ts";
import { describeAlias } from "../lookup.ts";
import { DEFAULT_REASON } from "../options.ts";
import { watcherOf } from "../rollback-lease.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { takeStepsBack } from "./plan-steps-back.ts";
import { flagsLeftOn, switchReleaseFlagsOff } from "./release-flags.ts";
import { tellStepsThatStay } from "./steps-stay.ts";

export interface RollbackGroupOptions {
  group: string;
}

const STEPS = 3;

/**
 * Puts back all functions that a release group released in its newest wave, and switches their flags off: running
 * deployments are stopped, then the last released goes first. A second run finishes what was left, or finds nothing.
 */
export async function rollbackGroup(session: Session, { group: name }: RollbackGroupOptions): Promise<Outcome> {
  session.step(1, STEPS, `look at what group ${name} has released`);
  const wave = await readWave(session, name);
  const members = inOrderOfReturn(wave);
  const reason = session.options.reason ?? DEFAULT_REASON;
  return session.paced(async () => {
    const states = await Promise.all(members.map((member) => aliasOf(session, member)));
    const plan = members.map((member, i) => planOf(member, states[i]));
    session.banner("rollback group", {
      group: `${name}: ${members.length} function(s), wave of ${wave.members[0]?.openedAt ?? "nobody"}`,
      "last put back": wave.revert && `${wave.revert.since} by ${wave.revert.by}: ${wave.revert.reason}`,
      reason,
      environment: session.environment,
    });
    for (const { functionName, alias, now, to } of plan) session.say(`  ${functionName}:${alias}  ${now} → ${to}`);
    const facts = { group: name, wave: wave.id, plan };
    if (
      plan.every(({ isBack }) => isBack) &&
      (await isGroupBack({ ...session.ports, clock: session.clock }, name, wave))
    ) {
      return nothingToDo(`nothing to do: group ${name} was put back at ${wave.revert?.doneAt}`, facts);
    }
    const flags = flagsOfWave(wave).flatMap(({ references }) => references.flatMap((each) => each.flags));
    if (session.options.dryRun) {
      return planned(
        `would stop what runs of group ${name}, put ${plan.filter(({ isBack }) => !isBack).length} of ${plan.length} aliases back in this order` +
          (flags.length > 0 ? `, and switch off ${flags.join(", ")}` : ""),
        { ...facts, wouldSwitchOff: flags },
      );
    }
    await session.confirm(`Put ${members.length} function(s) of group ${name} back?`);
    session.step(2, STEPS, "stop, switch flags off, put the aliases back");
    session.state = `group ${name} is on its way back and its members are refused until it is`;
    const result = await putBack(session, { name, wave, reason });
    for (const { outcome, version, ...member } of result.members) {
      const isBack = outcome === "restored" || outcome === "was-back";
      if (isBack && version !== undefined) await takeStepsBack(session, member, version);
    }
    session.step(3, STEPS, "say how it went");
    await tellStepsThatStay(
      session,
      members.map(({ deploymentId }) => deploymentId),
    );
    return outcomeOf(session, name, result, facts);
  });
}

async function readWave(session: Session, name: string): Promise<GroupWave> {
  const { groups } = await session.ports.ledger.getEnvironment();
  const wave = groups[name];
  if (wave) return wave;
  const known = Object.keys(groups);
  throw new GoaroundError("group-missing", "operator", `no release of a group ${name} is on record`, {
    advice:
      known.length > 0
        ? `Known groups: ${known.join(", ")}.`
        : "No group has released anything yet: a function joins one with `releaseGroup` in its policy.",
  });
}

const aliasOf = (session: Session, { functionName, alias }: GroupMember) =>
  session.attempt(`${functionName}:${alias} could not be read`, session.ports.functions.getAlias(functionName, alias));

/** What is shown before anybody says yes. */
function planOf({ functionName, alias, deploymentId, baselineVersion, brought }: GroupMember, state?: AliasState) {
  const isBack = state !== undefined && !servingVersions(state).some((version) => brought.includes(version));
  return {
    ...{ functionName, alias, deploymentId, isBack },
    now: state ? describeAlias(state) : "not known",
    to: isBack ? "as it is" : `version ${baselineVersion}`,
  };
}

async function putBack(
  session: Session,
  { name, wave, reason }: { name: string; wave: GroupWave; reason: string },
): Promise<GroupRevertResult> {
  const identity = await session.attempt("who you are could not be found out", session.ports.discovery.identity());
  return revertGroup(
    { ...session.ports, clock: session.clock },
    { name, wave, reason, owner: crypto.randomUUID(), actor: identity?.arn ?? "an operator", automatic: false },
    watcherOf(session),
    {
      say: (message) => session.say(`  ${message}`),
      flagsOff: (_member, references) => switchReleaseFlagsOff(session, references, reason),
    },
  );
}

function outcomeOf(
  session: Session,
  name: string,
  { members, flags, restoredSeconds, joined, isDone }: GroupRevertResult,
  facts: Record<string, unknown>,
): Outcome {
  for (const member of members) if (member.outcome !== "restored") session.say(`  ${describeMember(member)}`);
  const data = { ...facts, members, flags, restoredSeconds, joined };
  const left = members.filter(isLeftToDo).map(describeMember);
  const flagsLeft = flagsLeftOn(flags);
  if (left.length > 0 || flagsLeft.length > 0 || !isDone) {
    const parts = [...left, ...(flagsLeft.length > 0 ? [`flags not off: ${flagsLeft.join(", ")}`] : [])];
    if (parts.length === 0) parts.push("traffic is, and the ledger does not know it yet");
    return {
      exitCode: EXIT.partlyDone,
      code: "partly-done",
      message: `group ${name} is partly back: ${parts.join("; ")}`,
      advice: `Remove what is in the way and run it again, it goes on with what is left: ${rollbackGroupCommand(name)}`,
      data,
    };
  }
  const moved = members.filter(({ outcome }) => outcome === "restored");
  const names = [...new Set(moved.map(({ functionName }) => functionName))];
  const how = restoredSeconds === undefined ? "" : ` after ${Math.round(restoredSeconds * 10) / 10} s`;
  return done(
    `group ${name} is back${joined ? " (another actor did it)" : ""}: ${moved.length} of ${members.length} function(s) were moved, all traffic was back${how}`,
    data,
    names.length > 0
      ? `Their stacks still record the versions that were left. Before the next deploy: goaround doctor --functions ${names.join(" ")} --repair`
      : undefined,
  );
}
