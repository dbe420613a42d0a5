import { OWN_FLAG_DEPLOYMENT_PREFIX } from "../../contract/names.ts";
import type { FlagReference } from "../../contract/policy.ts";
import type { AliasState, FlagContent, FlagDocument, FlagTarget } from "../ports.ts";
import { RESTORED_FROM } from "./configuration-backup.ts";
import { BACK_TO } from "./configuration-rollback.ts";
import { type Finding, finding } from "./findings.ts";
import { asRecord, flagDifferences } from "./flag-document.ts";
import { differingHalves, lookCommand, notAsRecorded, sameHashes, shortHashes } from "./recorded-flags.ts";
import type { RecordedFlags, ReleaseRecord } from "./records.ts";
import { flagKey, sameProfile } from "./release-flags.ts";

/** What a doctor looks at of the flags that belong to an alias's releases. */
export interface FlagFacts {
  alias: AliasState;
  /** Release records of the group's newest deployments, newest first. */
  releases: readonly ReleaseRecord[];
  /** Flags that are on now, by profile. */
  flagsOn: readonly FlagReference[];
  /** Flags that the ledger holds for killed and that are on all the same. */
  killedButOn: readonly (FlagReference & { why: string })[];
  /** Contents of the profiles that are deployed. */
  flagContents: readonly FlagContentFacts[];
}

/** What is deployed of one profile, against what its last good release ended with and against what the code defines. */
export interface FlagContentFacts {
  /** As the policy names it. */
  profile: FlagTarget;
  target: FlagTarget;
  now: FlagDocument;
  /** With the last known good version; undefined where nothing was recorded. */
  recorded: RecordedFlags | undefined;
  /** The recorded version as AppConfig has it; read where hashes differ. Undefined: it has none. */
  asRecorded: FlagContent | undefined;
  /** Deployments of the profile that completed after the recorded one, newest first; looked for where hashes differ. */
  since: readonly FlagChange[];
  /** Somebody has had the configuration rolled back since, by this tool. */
  wasPutBack: boolean;
  /** What the stack defines, where that can be read and nothing is being deployed. */
  stack: { stackName: string; document: Record<string, unknown> } | undefined;
}

interface FlagChange {
  number: number;
  description: string;
  startedAt: Date | undefined;
}

export const flagFindings = (facts: FlagFacts): Finding[] => [
  ...leftOnFindings(facts),
  ...killedFindings(facts),
  ...facts.flagContents.flatMap((content) => contentFindings(facts, content)),
];

/** Flags of a rolled-back release that are on, unless a later release that went well names them too. */
function leftOnFindings(facts: FlagFacts): Finding[] {
  const { releases, flagsOn } = facts;
  const later = new Set<string>();
  const found: Finding[] = [];
  for (const release of releases) {
    for (const reference of release.flags) {
      const on = flagsOn.find((other) => sameProfile(other, reference));
      const wrong = reference.flags.filter((flag) => on?.flags.includes(flag) && !later.has(flagKey(reference, flag)));
      for (const flag of reference.flags) later.add(flagKey(reference, flag));
      if (release.outcome !== "rolled-back" || wrong.length === 0) continue;
      found.push(
        finding(facts, {
          code: "flags-not-code",
          severity: "broken",
          message: `release ${release.deploymentId} is rolled back, but its flags ${wrong.join(", ")} are on`,
          repair: {
            do: "switch-flags-off",
            reference: { ...reference, flags: wrong },
            reason: `release ${release.deploymentId} is rolled back`,
          },
        }),
      );
    }
  }
  return found;
}

const killedFindings = (facts: FlagFacts): Finding[] =>
  facts.killedButOn.map(({ why, ...reference }) =>
    finding(facts, {
      code: "killed-flag-on",
      severity: "broken",
      message: `${reference.flags.join(", ")} of profile ${reference.profileId} is on although it was killed (${why})`,
      repair: { do: "switch-flags-off", reference, reason: "killed and not released" },
    }),
  );

/** A person should know; whether it was meant is not to be seen from here. */
function contentFindings(facts: FlagFacts, content: FlagContentFacts): Finding[] {
  const note = (code: Finding["code"], message: string, command: string) =>
    finding(facts, { code, severity: "note", message, command });
  const { now, recorded, asRecorded, target } = content;
  const found: Finding[] = [];
  const isSame = recorded === undefined || sameHashes(now.hashes, recorded);
  const isIntact = recorded && asRecorded && sameHashes(asRecorded.hashes, recorded);
  const changedBy = isSame ? undefined : unexplained(content);
  if (recorded && asRecorded && !isIntact) {
    const code = "flag-version-not-recorded";
    found.push(note(code, notAsRecorded(asRecorded.hashes, recorded), lookCommand(target, recorded.version)));
  } else if (recorded && changedBy !== undefined) {
    const { profileId, version, deploymentId, at } = recorded;
    const command = isIntact ? backCommand(content.profile, version) : lookCommand(target, now.version);
    const changes = asRecorded ? `: ${named(flagDifferences(asRecorded.document, now.document))}` : "";
    const gone = asRecorded ? "" : `; AppConfig does not have version ${version} any more`;
    found.push(
      note(
        "flags-changed",
        `profile ${profileId} serves version ${now.version} (${shortHashes(now.hashes)}), whose ${differingHalves(now.hashes, recorded)} differ from version ${version} (${shortHashes(recorded)}), which release ${deploymentId} ended well with on ${at}; ${changedBy}${changes}${gone}`,
        command,
      ),
    );
  }
  return [...found, ...stackFindings(content, note)];
}

/** Who has changed it, where it was nobody of the guard's and no command of this tool; undefined where it was. */
function unexplained({ since, wasPutBack }: FlagContentFacts): string | undefined {
  if (since.length === 0) {
    return wasPutBack ? undefined : "no flag deployment since then has brought that: one was reverted, or all is new";
  }
  // What brings a whole content leaves nothing of what was changed before.
  const whole = since.findIndex(({ description }) =>
    [BACK_TO, RESTORED_FROM].some((one) => description.startsWith(one)),
  );
  const counted = whole === -1 ? since : since.slice(0, whole);
  const stranger = counted.find(({ description }) => !description.startsWith(OWN_FLAG_DEPLOYMENT_PREFIX));
  if (!stranger) return undefined;
  const { number, description, startedAt } = stranger;
  const when = startedAt ? ` of ${startedAt.toISOString()}` : "";
  return `flag deployment ${number}${when} ("${description}") is nothing that goaround did`;
}

function stackFindings(
  { profile, target, now, stack }: FlagContentFacts,
  note: (code: Finding["code"], message: string, command: string) => Finding,
): Finding[] {
  if (!stack) return [];
  const definitions = ({ flags }: Record<string, unknown>) => ({ flags: asRecord(flags) });
  const changes = flagDifferences(definitions(stack.document), definitions(now.document));
  if (changes.length === 0) return [];
  return [
    note(
      "flags-not-stack",
      `profile ${profile.profileId} serves version ${now.version}, which does not define the flags as stack ${stack.stackName} does: ${named(changes)}. Functions read what is deployed, until a deployment changes the definitions in the template`,
      lookCommand(target, now.version),
    ),
  ];
}

const backCommand = ({ applicationId, environmentId, profileId }: FlagTarget, version: number) =>
  `goaround rollback --action rollback-configuration --application-id ${applicationId} --environment-id ${environmentId} --profile-id ${profileId} --to-version ${version}`;

/** Flags that are named one by one. */
const SHOWN = 5;

const named = (changes: readonly string[]) =>
  changes.slice(0, SHOWN).join(", ") + (changes.length > SHOWN ? ` and ${changes.length - SHOWN} more` : "");
