import { describe, expect, it } from "vitest";
import { flagHashes } from "../../../lib/adapters/flag-hashes.ts";
import { type FlagContentFacts, flagFindings } from "../../../lib/core/release/flag-findings.ts";
import { deployedFlags, flagContent, flagDocument } from "../../fakes/flags.ts";

const profile = { applicationId: "goaround-dev", environmentId: "dev", profileId: "flags" };
const target = { applicationId: "app1", environmentId: "env1", profileId: "prf1" };
const good = flagDocument({ new_api: false, flux: true });
const changed = flagDocument({ new_api: true, flux: true });
const recorded = {
  ...{ ...profile, version: 7, deploymentNumber: 12, deploymentId: "d-GOOD", at: "2026-03-01T10:00:00.000Z" },
  ...flagHashes(good),
};
const by = (description: string, number = 13) => ({
  ...{ number, description },
  startedAt: new Date("2026-03-01T11:00:00.000Z"),
});
const BACK_TO_7 =
  "goaround rollback --action rollback-configuration --application-id goaround-dev --environment-id dev --profile-id flags --to-version 7";
const look = (version: number) =>
  `aws appconfig get-hosted-configuration-version --application-id app1 --configuration-profile-id prf1 --version-number ${version} /dev/stdout`;

/** Version 9 is deployed and differs from what was recorded. */
const facts = (changes: Partial<FlagContentFacts> = {}): FlagContentFacts => ({
  ...{ profile, target, recorded },
  now: deployedFlags(9, changed, { deploymentNumber: 13 }),
  asRecorded: flagContent(good),
  since: [by("by hand")],
  wasPutBack: false,
  stack: undefined,
  ...changes,
});

const found = (content: FlagContentFacts) =>
  flagFindings({
    alias: { functionName: "orders", alias: "live", functionVersion: "2", weights: {}, revisionId: "", arn: "" },
    ...{ releases: [], flagsOn: [], killedButOn: [], flagContents: [content] },
  });
const codes = (changes: Partial<FlagContentFacts>) => found(facts(changes)).map(({ code }) => code);

describe("flags that are not those that a release ended well with", () => {
  it("are a note that says who has changed what, and how to get back", () => {
    const [finding, ...more] = found(facts());
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: "flags-changed", severity: "note", repair: undefined, command: BACK_TO_7 });
    expect(finding?.message).toContain("profile flags serves version 9");
    expect(finding?.message).toContain("whose values differ from version 7");
    expect(finding?.message).toContain("which release d-GOOD ended well with on 2026-03-01T10:00:00.000Z");
    expect(finding?.message).toContain('flag deployment 13 of 2026-03-01T11:00:00.000Z ("by hand")');
    expect(finding?.message).toMatch(/goaround did: new_api off → on$/);
  });

  it.each<[string, Partial<FlagContentFacts>, string[]]>([
    ["nothing is recorded, as in records of before", { recorded: undefined }, []],
    ["the content is the same under another version", { now: deployedFlags(9, good) }, []],
    ["a kill has changed them", { since: [by("goaround: switch off new_api: errors")] }, []],
    ["a deploy has merged them", { since: [by("goaround: definitions from code")] }, []],
    ["somebody else's came before ours", { since: [by("goaround: switch on flux", 14), by("")] }, ["flags-changed"]],
    ["a whole content of ours came after theirs", { since: [by("goaround: back to version 3: x", 14), by("")] }, []],
    ["a backup came after theirs", { since: [by("goaround: restored from the backup of 2026-03-01", 14), by("")] }, []],
    ["a deployment was reverted by hand", { since: [] }, ["flags-changed"]],
    ["a person has had it rolled back", { since: [], wasPutBack: true }, []],
  ])("are told or not: %s", (_, changes, expected) => {
    expect(codes(changes)).toEqual(expected);
  });

  it("are looked at and not gone back to where AppConfig does not have the version any more", () => {
    const [finding] = found(facts({ asRecorded: undefined }));
    expect(finding?.command).toBe(look(9));
    expect(finding?.message).toContain("AppConfig does not have version 7 any more");
  });

  it("are another matter where the recorded version itself holds something else", () => {
    const other = flagContent({ ...good, flags: { new_api: { name: "other" } } });
    const [finding, ...more] = found(facts({ asRecorded: other, since: [by("goaround: switch off new_api: x")] }));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: "flag-version-not-recorded", severity: "note", command: look(7) });
    expect(finding?.message).toContain("version 7 of profile flags is not what release d-GOOD ended well with");
    expect(finding?.message).toContain("its definitions differ");
  });

  it("name what changed, and never a value", () => {
    const rich = {
      version: "1",
      flags: { new_api: { name: "renamed" }, flux: { name: "flux" }, fresh: { name: "fresh" } },
      values: { new_api: { enabled: false, limit: 7 }, flux: { enabled: true, limit: "s3cret" }, fresh: {} },
    };
    const gone = flagDocument({ new_api: false, flux: true, old: true });
    const [finding] = found(
      facts({
        asRecorded: flagContent(gone),
        recorded: { ...recorded, ...flagHashes(gone) },
        now: deployedFlags(9, rich),
      }),
    );
    expect(finding?.message).toContain("flux (attributes), fresh (new), new_api (definition), old (gone)");
    expect(finding?.message).not.toContain("s3cret");
  });
});

describe("flag definitions beside those of the stack", () => {
  const stack = (document: Record<string, unknown>) => ({ stackName: "goaround-dev-flags", document });

  it("are a note where they differ, whatever is on or off", () => {
    const same = flagDocument({ new_api: false, flux: false });
    expect(codes({ recorded: undefined, stack: stack(same) })).toEqual([]);
    const [finding] = found(facts({ recorded: undefined, stack: stack(flagDocument({ new_api: false, gone: true })) }));
    expect(finding).toMatchObject({ code: "flags-not-stack", severity: "note", command: look(9) });
    expect(finding?.message).toContain("as stack goaround-dev-flags does: flux (new), gone (gone)");
  });
});
