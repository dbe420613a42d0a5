import { FLAG_PROFILE_NAME, flagApplicationName, flagEnvironmentName } from "../../../lib/contract/names.ts";
import { parsePolicy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import {
  type ConfigurationBackup,
  type FlagsBackup,
  type PolicyBackup,
  policyForBackup,
} from "../../../lib/core/release/configuration-backup.ts";
import { writeOutput } from "../files.ts";
import { done, type Outcome, planned, type Session } from "../session.ts";

type ProfileNames = Pick<FlagsBackup, "applicationId" | "environmentId" | "profileId">;

/** Writes what of the environment is configuration at run time into a file: policies, and the contents of its flags. */
export async function backupConfiguration(
  session: Session,
  { file, force }: { file: string; force: boolean },
): Promise<Outcome> {
  const { environment } = session;
  session.step(1, 3, "read the policies");
  const { accountId, region, arn: by } = await session.ports.discovery.identity();
  const policies = await policiesOf(session);
  session.step(2, 3, "read the flags");
  const flags = await flagsOf(session, policies);
  if (policies.length === 0 && flags.length === 0) {
    throw new GoaroundError(
      "function-missing",
      "operator",
      `environment ${environment} has neither policies nor flags`,
      {
        advice: "Check --environment, --region and --profile.",
      },
    );
  }
  const backup: ConfigurationBackup = {
    ...{ kind: "goaround-configuration", schemaVersion: 1, environment, accountId, region },
    ...{ at: session.clock.now().toISOString(), by, policies, flags },
  };
  for (const { functionName, alias } of policies) session.detail(`policy of ${functionName}:${alias}`);
  for (const one of flags) session.detail(`flags of ${profileName(one)}, version ${one.version}`);
  const what = `${policies.length} policies and the flags of ${flags.length} profile(s)`;
  const data = { file, policies: policies.length, flags: flags.length };
  if (session.options.dryRun) return planned(`would write ${what} to ${file}`, data);
  session.step(3, 3, "write");
  writeOutput(file, `${JSON.stringify(backup, null, 2)}\n`, force);
  return done(`${what} of environment ${environment} are in ${file}`, data);
}

export const profileName = ({ applicationId, environmentId, profileId }: ProfileNames) =>
  `${applicationId}/${environmentId}/${profileId}`;

async function policiesOf(session: Session): Promise<PolicyBackup[]> {
  const { discovery, policies } = session.ports;
  const found: PolicyBackup[] = [];
  for (const { functionName, alias } of await discovery.guardedAliases(session.environment)) {
    session.throwIfInterrupted();
    const document = await policies.read(session.environment, functionName, alias);
    if (document !== undefined) found.push({ functionName, alias, policy: policyForBackup(document) });
  }
  return found;
}

/** The environment's own profile, and those that its policies name. */
async function flagsOf(session: Session, policies: readonly PolicyBackup[]): Promise<FlagsBackup[]> {
  const own: ProfileNames = {
    applicationId: flagApplicationName(session.environment),
    environmentId: flagEnvironmentName(session.environment),
    profileId: FLAG_PROFILE_NAME,
  };
  const named = policies.flatMap(({ policy }) => {
    const parsed = parsePolicy(JSON.stringify(policy));
    return parsed.ok ? parsed.policy.flags : [];
  });
  const found = new Map<string, FlagsBackup>();
  for (const names of [own, ...named]) {
    const { applicationId, environmentId, profileId } = names;
    const entry = await readFlags(session, { applicationId, environmentId, profileId }, names === own);
    if (entry && !found.has(entry.key)) found.set(entry.key, entry.flags);
  }
  return [...found.values()];
}

async function readFlags(session: Session, names: ProfileNames, isOwn: boolean) {
  const { flags } = session.ports;
  try {
    const target = await flags.resolve({
      application: names.applicationId,
      environment: names.environmentId,
      profile: names.profileId,
    });
    const deployed = await flags.deployed(target);
    if (!deployed) return undefined;
    const content = deployed.document as FlagsBackup["content"];
    return { key: profileName(target), flags: { ...names, version: deployed.version, content } };
  } catch (error) {
    if (!(error instanceof GoaroundError) || error.code !== "flags-missing") throw error;
    // An environment need not have flags; a policy that names some that are not there is worth a word.
    if (!isOwn) session.warn(`${error.message}, which a policy names: left out`);
    return undefined;
  }
}
