import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { disarmedBy, type EnvironmentRecord } from "../../lib/core/release/environment-record.ts";
import { groupNotification } from "../../lib/core/release/group-messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { type GroupMember, type GroupWave, isLeftToDo, waveOf } from "../../lib/core/release/release-groups.ts";
import { type GroupLevers, type GroupRevertResult, revertGroup } from "../../lib/core/release/revert-group.ts";
import { messageOf } from "../runtime/log.ts";
import { tellOnce } from "../runtime/tell-once.ts";
import { killReleaseFlags } from "./flags-off.ts";
import { watcherOf } from "./put-back.ts";
import { once, type Response } from "./responder.ts";
import { disarmedWords } from "./standing.ts";

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
    if (!found || found.wave.revert?.doneAt !== undefined) return undefined;
    const { name, wave } = found;
    const reason = `release ${release.deploymentId} of ${release.functionName} in group ${name} failed: ${why}`;
    const revert = async () => {
      response.log.warn("the group goes back", { group: name, wave: wave.id, failed: release.deploymentId });
      const result = await response.paced(() => goBack(response, environment, { name, wave, reason, release }));
      if (result.joined) return [];
      await tell(response, { name, wave, reason, result });
      return result.members.filter(isLeftToDo);
    };
    const reverted = await once(response, wave.id, "group-revert", revert, (left) => left.length === 0);
    const left = reverted?.result ?? [];
    if (left.length === 0) return undefined;
    return new GoaroundError("partly-done", "dependency", `${left.length} members of group ${name} are not back`);
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
  const levers: GroupLevers = {
    flagsOff: async (member, references) => {
      const { deploymentId } = member;
      const known = await ports.ledger.getRelease(deploymentId).catch(() => undefined);
      const disabledAlarms = known?.disabledAlarms ?? [];
      return killReleaseFlags(response, { deploymentId, flags: references, disabledAlarms }, reason);
    },
    objection: ({ functionName }: GroupMember) => {
      const order = disarmedBy(environment, functionName, ports.clock.now());
      return order && disarmedWords(order);
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
