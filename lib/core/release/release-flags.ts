import type { FlagReference } from "../../contract/policy.ts";
import type { ReleaseRecord } from "./records.ts";

/** Names one flag of a release. */
export const flagKey = ({ applicationId, environmentId, profileId }: Omit<FlagReference, "flags">, flag: string) =>
  `${applicationId}/${environmentId}/${profileId}/${flag}`;

type ProfilePlace = Pick<FlagReference, "applicationId" | "environmentId" | "profileId">;

/** By the names or ids that are given: the same profile may be named in two ways. */
export const sameProfile = (a: ProfilePlace, b: ProfilePlace) =>
  a.applicationId === b.applicationId && a.environmentId === b.environmentId && a.profileId === b.profileId;

/** Each profile once. */
export const profilesOf = (references: readonly ProfilePlace[]): ProfilePlace[] =>
  references
    .filter((one, i) => references.findIndex((other) => sameProfile(one, other)) === i)
    .map(({ applicationId, environmentId, profileId }) => ({ applicationId, environmentId, profileId }));

/** The references with only those flags that `wanted` is true of; without the references that keep none. */
export const onlyFlags = (
  references: readonly FlagReference[],
  wanted: (key: string, flag: string) => boolean,
): FlagReference[] =>
  references
    .map((reference) => ({
      ...reference,
      flags: reference.flags.filter((flag) => wanted(flagKey(reference, flag), flag)),
    }))
    .filter(({ flags }) => flags.length > 0);

/** AppConfig rolls out over a day at most (AppConfig API reference, CreateDeploymentStrategy, 2026), with a bake of as much. Hours. */
const LONGEST_HOLD_HOURS = 48;

/** Flags that were to go off and wait until somebody else's flag deployment has ended. */
export function heldFlags(
  { flags, flagResults = [], openedAt }: Pick<ReleaseRecord, "flags" | "flagResults" | "openedAt">,
  now: Date,
): FlagReference[] {
  if (now.getTime() - Date.parse(openedAt) > LONGEST_HOLD_HOURS * 3_600_000) return [];
  const held = new Set(
    flagResults.flatMap((result) => (result.isHeld ? result.remaining.map((flag) => flagKey(result, flag)) : [])),
  );
  return onlyFlags(flags, (key) => held.has(key));
}

/** Flags of a release that are harmful by themselves and have not been switched off for it. */
export const harmfulFlags = ({
  flags,
  flagWatch,
  harmfulFlagsOff = [],
}: Pick<ReleaseRecord, "flags" | "flagWatch" | "harmfulFlagsOff">): FlagReference[] =>
  onlyFlags(flags, (key) => flagWatch?.found[key]?.kind === "harmful" && !harmfulFlagsOff.includes(key));

/** Without flags that the evidence has cleared: switching those off would help nobody. */
export const suspectFlags = ({ flags, flagWatch }: Pick<ReleaseRecord, "flags" | "flagWatch">): FlagReference[] =>
  onlyFlags(flags, (key) => flagWatch?.found[key]?.kind !== "cleared");

export const flagReasons = ({ flagWatch }: Pick<ReleaseRecord, "flagWatch">, kind: "harmful" | "cleared") =>
  Object.values(flagWatch?.found ?? {})
    .filter((found) => found.kind === kind)
    .map(({ reason }) => reason);
