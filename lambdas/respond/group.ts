import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { messageOf } from "../../lib/core/log.ts";
import { aliasKey, disarmedBy, type EnvironmentRecord, heldWords } from "../../lib/core/release/environment-record.ts";
import { groupNotification } from "../../lib/core/release/group-messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { flagKey, onlyFlags } from "../../lib/core/release/release-flags.ts";
import { type GroupMember, type GroupWave, isLeftToDo, waveOf } from "../../lib/core/release/release-groups.ts";
import {
  type GroupLevers,
  type GroupRevertResult,
  isGroupBack,
  revertGroup,
} from "../../lib/core/release/revert-group.ts";
import { tellOnce } from "../runtime/tell-once.ts";
import { killOrAwait, killReleaseFlags } from "./flags-off.ts";
import { takeStepsBack } from "./plan-steps.ts";
import { watcherOf } from "./put-back.ts";
import type { Response } from "./responder.ts";

/** A rollback does not wait longer to hear what else was released. Milliseconds. */
const READ_LIMIT_MS = 2000;

/**
 * A release of a group has failed: what the group released before goes back with it. Never throws, so that the release's
 * own rollback goes on beside it; answers what is to be thrown when that has ended, so that Lambda tries again.
 */
export async function groupBack(response: Response, release: ReleaseRecord, why: string): Promise<Error | undefined> {
  const { releaseGroup, automaticRollback } = release.policy;
  if (releaseGroup === undefined || !automaticRollback) return undefined;
  try {
    const { ledger, clock } = response.ports;
    const environment = await withinBudget(clock, READ_LIMIT_MS, () => ledger.getEnvironment());
    const found = waveOf(environment, release);
    if (!found) return undefined;
    const { name, wave } = found;
    if (await isGroupBack(response.ports, name, wave)) return undefined;
    const reason = `release ${release.deploymentId} of ${release.functionName} in group ${name} failed: ${why}`;
    // The group's lease lets one act and the others wait for it, and take over where it dies.
    response.log.warn("the group goes back", { group: name, wave: wave.id, failed: release.deploymentId });
    const result = await response.paced(() => goBack(response, environment, { name, wave, reason, release }));
    if (!result.joined) await tell(response, { name, wave, reason, result });
    for (const { outcome, version, ...member } of result.members) {
      const isBack = outcome === "restored" || outcome === "was-back";
      if (isBack && version !== undefined) await takeStepsBack(response, member, version);
    }
    if (result.isDone) return undefined;
    const left = result.members.filter(isLeftToDo).length;
    return new GoaroundError("partly-done", "dependency", `group ${name} is not all back: ${left} aliases are left`);
  } catch (error) {
    response.log.error("the group could not be put back", { group: releaseGroup, error: messageOf(error) });
    return error instanceof Error ? error : new Error(String(error));
  }
}

interface Failure {
  name: string;
  wave: GroupWave;
  reason: string;
  release: ReleaseRecord;
}

function goBack(response: Response, environment: EnvironmentRecord, { name, wave, reason, release }: Failure) {
  const { ports, requestId, log } = response;
  const own = new Set(release.flags.flatMap((reference) => reference.flags.map((flag) => flagKey(reference, flag))));
  const levers: GroupLevers = {
    flagsOff: async (member, references) => {
      const { deploymentId } = member;
      const known = await ports.ledger.getRelease(deploymentId).catch(() => undefined);
      const disabledAlarms = known?.disabledAlarms ?? [];
      const others = onlyFlags(references, (key) => !own.has(key));
      const results =
        others.length > 0
          ? await killReleaseFlags(response, { deploymentId, flags: others, disabledAlarms }, reason)
          : [];
      // The release's own rollback switches these off, beside this one.
      const left = onlyFlags(references, (key) => own.has(key));
      return left.length > 0
        ? [...results, ...(await killOrAwait(response, { ...release, flags: left }, reason))]
        : results;
    },
    objection: ({ functionName, alias, byHand }: GroupMember) => {
      const order = disarmedBy(environment, functionName, ports.clock.now());
      const latch = environment.latches[aliasKey(functionName, alias)];
      if (latch && !order) return `latched since ${latch.since} by ${latch.by}: ${latch.reason}`;
      return order || byHand ? heldWords(order) : undefined;
    },
    say: (message) => log.info(message, { group: name }),
  };
  return revertGroup(
    ports,
    {
      ...{ name, wave, reason },
      owner: `${requestId}/group`,
      actor: "respond",
      automatic: true,
      ownRollback: release.deploymentId,
    },
    watcherOf(response, { deploymentId: wave.id }),
    levers,
  );
}

/** Nothing where nobody but the release itself was in the group's wave. */
async function tell(
  response: Response,
  { name, wave, reason, result }: Omit<Failure, "release"> & { result: GroupRevertResult },
): Promise<void> {
  const { ports, environment, requestId, log } = response;
  const others = result.members.filter(({ outcome }) => outcome !== "own-rollback");
  if (others.length === 0) return;
  const isWhole = !others.some(isLeftToDo);
  for (const { outcome } of others) {
    if (outcome === "restored") response.emit("rollbacks");
    if (outcome === "failed") response.emit("rollbackFailures");
  }
  const claim = isWhole ? "notify-group" : "notify-group-trouble";
  const notification = groupNotification({ environment, name, reason, result });
  await tellOnce(ports, { deploymentId: wave.id, claim, owner: requestId }, notification, log);
}
