import { GoaroundError } from "../../../lib/core/errors.ts";
import type { FlagContent, FlagTarget } from "../../../lib/core/ports.ts";
import { lookCommand, notAsRecorded, recordedFlags, sameHashes } from "../../../lib/core/release/recorded-flags.ts";
import type { RecordedFlags } from "../../../lib/core/release/records.ts";
import { profilesOf, sameProfile } from "../../../lib/core/release/release-flags.ts";
import type { Session } from "../session.ts";
import { flagTargetOf } from "./flag-kill.ts";

/**
 * Whether a version of a profile is what the ledger knows it to be. Throws `refused` where it is not, unless `force`. A version
 * that no release ended with is in no record, and a ledger that does not answer refuses nothing: both are told.
 */
export async function checkRecorded(
  session: Session,
  { target, version, force }: { target: FlagTarget; version: number; force: boolean },
  content: FlagContent,
): Promise<"as-recorded" | "not-recorded" | "forced" | "unknown"> {
  const looking = recordedOf(session, target, version);
  const known = await session.attempt(`whether version ${version} is what was recorded is not known`, looking);
  if (!known) return "unknown";
  const wrong = known.find((recorded) => !sameHashes(recorded, content.hashes));
  if (!wrong) {
    const [release] = known;
    session.say(
      release
        ? `  its content is what release ${release.deploymentId} ended well with`
        : `  no release ended well with version ${version}: its content is not compared`,
    );
    return release ? "as-recorded" : "not-recorded";
  }
  const message = notAsRecorded(content.hashes, wrong);
  if (force) {
    session.warn(`${message}; taken all the same by --force`);
    return "forced";
  }
  throw new GoaroundError("refused", "operator", message, {
    advice: `Nothing was changed. Look at it: ${lookCommand(target, version)}. Take another with --to-version, or this one all the same with --force.`,
  });
}

/** What the aliases of the environment have recorded of this version, in whichever way their policies name the profile. */
async function recordedOf(session: Session, target: FlagTarget, version: number): Promise<RecordedFlags[]> {
  const { discovery, ledger } = session.ports;
  const places = await discovery.guardedAliases(session.environment);
  const records = await Promise.all(places.map(({ functionName, alias }) => ledger.getAlias(functionName, alias)));
  const recorded = records.flatMap(recordedFlags).filter((one) => one.version === version);
  const named = profilesOf(recorded);
  const isOurs = await Promise.all(named.map((place) => means(session, place, target)));
  return recorded.filter((one) => named.some((place, i) => isOurs[i] && sameProfile(place, one)));
}

async function means(session: Session, place: Parameters<typeof flagTargetOf>[1], target: FlagTarget) {
  try {
    return sameProfile(await flagTargetOf(session, place), target);
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "flags-missing") return false;
    throw error;
  }
}
