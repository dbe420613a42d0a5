import {
  FLAG_PROFILE_NAME,
  flagApplicationName,
  flagEnvironmentName,
  flagFunctionName,
  OWN_FLAG_DEPLOYMENT_PREFIX,
} from "../../../lib/contract/names.ts";
import type { FlagReference } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { FlagTarget } from "../../../lib/core/ports.ts";
import { CONFIGURATION_ORDER, configurationSubject } from "../../../lib/core/release/configuration-rollback.ts";
import type { EnvironmentRecord } from "../../../lib/core/release/environment-record.ts";
import { flagStates } from "../../../lib/core/release/flag-document.ts";
import type { FlagContentFacts, FlagFacts } from "../../../lib/core/release/flag-findings.ts";
import { killedIn } from "../../../lib/core/release/killed-flags.ts";
import { flagsInTemplate } from "../../../lib/core/release/reconcile.ts";
import { sameHashes } from "../../../lib/core/release/recorded-flags.ts";
import type { AliasRecord, RecordedFlags } from "../../../lib/core/release/records.ts";
import { profilesOf, sameProfile } from "../../../lib/core/release/release-flags.ts";
import type { Session } from "../session.ts";
import { flagTargetOf } from "./flag-kill.ts";

/** Deployments since the last good release that are looked at one by one, newest first. */
const MAX_SINCE = 20;

type Found = Pick<FlagFacts, "flagsOn" | "killedButOn" | "flagContents"> & {
  monitors: string[];
  /** A kill is running: it has silenced alarms on purpose. */
  isKilling: boolean;
};

/** Every profile that is named, and those that the last known good version was recorded with. */
export async function lookAtFlags(
  session: Session,
  references: readonly FlagReference[],
  record: AliasRecord | undefined,
): Promise<Found> {
  const recorded = record?.lastKnownGood?.flags ?? [];
  const found: Found = { flagsOn: [], killedButOn: [], flagContents: [], monitors: [], isKilling: false };
  const places = profilesOf([...references, ...recorded]);
  if (places.length === 0) return found;
  const orders = await session.attempt("killed flags could not be read", session.ports.ledger.getEnvironment());
  const all: Found[] = [];
  for (const place of places) {
    const known = { recorded: recorded.find((one) => sameProfile(one, place)), orders };
    const looking = lookAtProfile(session, place, known);
    all.push((await session.attempt(`flags of profile ${place.profileId}`, looking)) ?? found);
  }
  return {
    flagsOn: all.flatMap(({ flagsOn }) => flagsOn),
    killedButOn: all.flatMap(({ killedButOn }) => killedButOn),
    flagContents: all.flatMap(({ flagContents }) => flagContents),
    monitors: all.flatMap(({ monitors }) => monitors),
    isKilling: all.some(({ isKilling }) => isKilling),
  };
}

interface Known {
  recorded: RecordedFlags | undefined;
  orders: EnvironmentRecord | undefined;
}

async function lookAtProfile(session: Session, place: FlagTarget, known: Known): Promise<Found | undefined> {
  const { flags } = session.ports;
  const target = await existing(session, place);
  if (!target) return undefined;
  const [now, monitors, active] = await Promise.all([
    flags.deployed(target),
    flags.monitors(target),
    flags.activeDeployment(target),
  ]);
  const states = flagStates(now?.document ?? {});
  const on = Object.keys(states).filter((flag) => states[flag]);
  const held = known.orders ? killedIn(known.orders, target).filter(({ flag }) => on.includes(flag)) : [];
  const content = now && { profile: place, target, now, recorded: known.recorded };
  return {
    flagsOn: [{ ...place, flags: on }],
    killedButOn: held.map(({ flag, by, at, reason }) => ({
      ...place,
      flags: [flag],
      why: `by ${by} on ${at}: ${reason}`,
    })),
    flagContents: content
      ? [
          {
            ...content,
            ...(await lookSince(session, content, known.orders)),
            stack: active ? undefined : await stackFlags(session, target),
          },
        ]
      : [],
    monitors,
    isKilling: active?.description.startsWith(`${OWN_FLAG_DEPLOYMENT_PREFIX} switch off`) ?? false,
  };
}

/** Undefined where there is no such profile: a policy may name flags of a stack that is not there yet. */
async function existing(session: Session, place: FlagTarget): Promise<FlagTarget | undefined> {
  try {
    return await flagTargetOf(session, place);
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "flags-missing") return undefined;
    throw error;
  }
}

type Since = Pick<FlagContentFacts, "asRecorded" | "since" | "wasPutBack">;

/** How the content came to differ from the recorded one; looks no further where it does not. */
async function lookSince(
  session: Session,
  { profile, target, now, recorded }: Pick<FlagContentFacts, "profile" | "target" | "now" | "recorded">,
  orders: EnvironmentRecord | undefined,
): Promise<Since> {
  if (!recorded || sameHashes(now.hashes, recorded)) return { asRecorded: undefined, since: [], wasPutBack: false };
  const { flags, flagHistory } = session.ports;
  const later = (await flagHistory.completed(target)).filter(({ number }) => number > recorded.deploymentNumber);
  const since = [];
  for (const { number } of later.slice(0, MAX_SINCE)) since.push(await flags.getDeployment(target, number));
  const subjects = [profile, target].map((place) => configurationSubject(place, ""));
  const wasPutBack = (orders?.history ?? []).some(
    ({ action, subject, at }) =>
      action === CONFIGURATION_ORDER && at > recorded.at && subjects.some((one) => subject.startsWith(one)),
  );
  return { asRecorded: await storedVersion(session, target, recorded.version), since, wasPutBack };
}

async function storedVersion(session: Session, target: FlagTarget, version: number) {
  try {
    return await session.ports.flagHistory.content(target, version);
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "flags-missing") return undefined;
    throw error;
  }
}

/** What the environment's own flag profile is in its stack's template; of any other that is not known. */
async function stackFlags(session: Session, target: FlagTarget): Promise<FlagContentFacts["stack"]> {
  const { environment, ports } = session;
  const looking = async () => {
    const owner = await ports.discovery.describeFunction(flagFunctionName(environment, "merge-flags"));
    const stackName = owner?.stackName;
    if (stackName === undefined) return undefined;
    const own = await existing(session, {
      applicationId: flagApplicationName(environment),
      environmentId: flagEnvironmentName(environment),
      profileId: FLAG_PROFILE_NAME,
    });
    if (!own || !sameProfile(own, target)) return undefined;
    const text = flagsInTemplate(await ports.stacks.template(stackName));
    return text === undefined ? undefined : { stackName, document: JSON.parse(text) as Record<string, unknown> };
  };
  return session.attempt("what the stack defines of the flags could not be read", looking());
}
