import { FLAG_PROFILE_NAME, flagApplicationName, flagEnvironmentName } from "../../../lib/contract/names.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import {
  type EnvironmentRecord,
  type KilledFlag,
  killedFlagKey,
  releaseKilled,
} from "../../../lib/core/release/environment-record.ts";
import { flagStates } from "../../../lib/core/release/flag-document.ts";
import { killedIn } from "../../../lib/core/release/killed-flags.ts";
import { suggest } from "../../../lib/core/suggest.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";

interface Place {
  applicationId?: string;
  environmentId?: string;
  profileId?: string;
}

/** Flags as they are deployed, and which of them are held off. */
export async function listFlags(session: Session, place: Place): Promise<Outcome> {
  const target = await targetOf(session, place);
  const [deployed, record] = await Promise.all([
    session.ports.flags.deployed(target),
    session.ports.ledger.getEnvironment(),
  ]);
  const killed = killedIn(record, target);
  const states = flagStates(deployed?.document ?? {});
  const flags = Object.keys(states)
    .sort()
    .map((flag) => ({ flag, enabled: states[flag]!, killed: killed.find((one) => one.flag === flag) }));
  for (const { flag, enabled, killed: held } of flags) {
    session.print(
      `${flag}  ${enabled ? "on" : "off"}${held ? `  killed on ${held.at} by ${held.by}: ${held.reason}` : ""}`,
    );
  }
  const gone = killed.filter(({ flag }) => states[flag] === undefined);
  for (const held of gone)
    session.print(`${held.flag}  not defined any more  killed on ${held.at} by ${held.by}: ${held.reason}`);
  const message = deployed
    ? `version ${deployed.version}: ${flags.length} flags, ${killed.length} killed`
    : "the profile has never been deployed";
  return done(message, { ...target, version: deployed?.version, flags, gone });
}

/** Lets killed flags be switched on again. They stay as they are: off. */
export async function releaseFlags(session: Session, flags: readonly string[], place: Place): Promise<Outcome> {
  const { ledger } = session.ports;
  const held = heldOf(
    await ledger.getEnvironment(),
    place.profileId === undefined ? undefined : await targetOf(session, place),
  );
  const wanted = held.filter(({ flag }) => flags.includes(flag));
  const unknown = flags.filter((flag) => !wanted.some((one) => one.flag === flag));
  if (unknown.length > 0) return notKilled(unknown, held);
  const profiles = new Set(wanted.map(({ applicationId, profileId }) => `${applicationId}/${profileId}`));
  if (profiles.size > 1) {
    throw new GoaroundError("usage", "operator", `killed in several profiles: ${[...profiles].join(", ")}`, {
      advice: "Name one with --application-id, --environment-id and --profile-id.",
    });
  }
  for (const { flag, at, by, reason } of wanted) session.say(`${flag} was killed on ${at} by ${by}: ${reason}`);
  const data = { released: wanted };
  if (session.options.dryRun) return planned(`would release ${flags.join(", ")}`, data);
  await session.confirm(`Release ${flags.join(", ")}?`);
  await ledger.changeEnvironment((record) => releaseKilled(record, wanted.map(killedFlagKey)));
  const { applicationId, environmentId, profileId } = await namesOf(session, wanted[0]!, place);
  return done(
    `released ${flags.join(", ")}: still off, and may be switched on`,
    data,
    `Switch one on with: goaround deploy --action update-flag --application-id ${applicationId} --environment-id ${environmentId} --profile-id ${profileId} --flag-name ${flags[0]} --enabled true`,
  );
}

function heldOf(record: EnvironmentRecord, target: Parameters<typeof killedIn>[1] | undefined): KilledFlag[] {
  return target ? killedIn(record, target) : Object.values(record.killedFlags);
}

function notKilled(flags: readonly string[], held: readonly KilledFlag[]): Outcome {
  const names = held.map(({ flag }) => flag);
  const near = flags.map((flag) => suggest(flag, names)).find((name) => name !== undefined);
  if (near === undefined) {
    return nothingToDo(`nothing to do: ${flags.join(", ")} is not killed`, { killed: names });
  }
  throw new GoaroundError("flags-missing", "operator", `${flags.join(", ")} is not killed`, {
    advice: `Did you mean ${near}? Killed: ${names.join(", ")}.`,
  });
}

/** Names where they are known: those that were given, or the environment's own. */
async function namesOf(session: Session, killed: KilledFlag, given: Place): Promise<Required<Place>> {
  const { applicationId, environmentId, profileId } = killed;
  const named = {
    applicationId: given.applicationId ?? flagApplicationName(session.environment),
    environmentId: given.environmentId ?? flagEnvironmentName(session.environment),
    profileId: given.profileId ?? FLAG_PROFILE_NAME,
  };
  const target = await targetOf(session, named).catch(() => undefined);
  const isSame =
    target?.applicationId === applicationId && target.environmentId === environmentId && target.profileId === profileId;
  return isSame ? named : { applicationId, environmentId, profileId };
}

const targetOf = (session: Session, { applicationId, environmentId, profileId }: Place) =>
  session.ports.flags.resolve({
    application: applicationId ?? flagApplicationName(session.environment),
    environment: environmentId ?? flagEnvironmentName(session.environment),
    profile: profileId ?? FLAG_PROFILE_NAME,
  });
