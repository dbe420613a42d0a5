import type { Clock, LedgerPort } from "../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { isCurrent, memberOf, withMember } from "../../lib/core/release/release-groups.ts";

interface JoinPorts {
  clock: Clock;
  ledger: Pick<LedgerPort, "getEnvironment" | "changeEnvironment" | "getRelease">;
}

/**
 * Writes down that the release is one of its group, before any traffic. What cannot be written down could not be undone
 * with the group: then the release does not begin.
 */
export async function joinGroup({ clock, ledger }: JoinPorts, release: ReleaseRecord): Promise<void> {
  const { releaseGroup } = release.policy;
  if (releaseGroup === undefined) return;
  const wave = (await ledger.getEnvironment()).groups[releaseGroup];
  const others = wave?.members.filter(({ deploymentId }) => deploymentId !== release.deploymentId) ?? [];
  const releases = await Promise.all(others.map(({ deploymentId }) => ledger.getRelease(deploymentId)));
  const known = isCurrent(wave, releases, release, clock.now()) ? wave.id : undefined;
  await ledger.changeEnvironment((record) => {
    const now = record.groups[releaseGroup];
    // Another release has begun a wave since: it is as young as this one.
    const current = now && now.id !== wave?.id ? now.id : known;
    return withMember(record, releaseGroup, memberOf(release), current);
  });
}
