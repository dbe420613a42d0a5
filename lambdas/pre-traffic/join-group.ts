import type { Clock, LedgerPort } from "../../lib/core/ports.ts";
import type { Refusal } from "../../lib/core/release/admission.ts";
import type { Overridden } from "../../lib/core/release/admission-environment.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import {
  type GroupMember,
  isCurrent,
  memberOf,
  rollingBehind,
  withMember,
} from "../../lib/core/release/release-groups.ts";

interface JoinPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "getEnvironment" | "changeEnvironment" | "getRelease">;
}

const ALONE: Overridden = { refusals: [], findings: [] };

/**
 * Writes down that the release is one of its group, before any traffic. What cannot be written down could not be undone
 * with the group: then the release does not begin. A release of a rolling group is refused, and does not join, while
 * another one is not verified, unless `admit` overrides that.
 */
export async function joinGroup(
  { clock, ledger }: JoinPorts,
  release: ReleaseRecord,
  admit: (refusals: Refusal[]) => Overridden = (refusals) => ({ refusals, findings: [] }),
): Promise<Overridden> {
  const { releaseGroup } = release.policy;
  if (releaseGroup === undefined) return ALONE;
  const next = memberOf(release);
  const wave = (await ledger.getEnvironment()).groups[releaseGroup];
  const others = wave?.members.filter(({ deploymentId }) => deploymentId !== release.deploymentId) ?? [];
  const releases = await Promise.all(others.map(({ deploymentId }) => ledger.getRelease(deploymentId)));
  const known = isCurrent(wave, releases, release, clock.now()) ? wave.id : undefined;
  const read = new Map(others.map(({ deploymentId }, i) => [deploymentId, releases[i]]));
  let answer = ALONE;
  await ledger.changeEnvironment((record) => {
    const now = record.groups[releaseGroup];
    const behind = rollingBehind(next, now, read, clock.now());
    answer = behind ? admit([behindOf(behind, releaseGroup)]) : ALONE;
    if (answer.refusals.length > 0) return undefined;
    // Another release has begun a wave since: it is as young as this one.
    const current = now && now.id !== wave?.id ? now.id : known;
    return withMember(record, releaseGroup, next, current);
  });
  return answer;
}

const behindOf = ({ functionName, alias, deploymentId }: GroupMember, group: string): Refusal => ({
  code: "group-rolling",
  message: `group ${group} releases one function at a time, and ${deploymentId} of ${functionName}:${alias} is not verified yet`,
  advice: `Release again when that has ended: goaround deploy --action follow --deployment-id ${deploymentId}`,
});
