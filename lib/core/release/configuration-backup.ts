import { OWN_FLAG_DEPLOYMENT_PREFIX } from "../../contract/names.ts";
import * as z from "../../contract/zod.ts";
import { type Change, changesBetween } from "../json-changes.ts";
import type { PolicyVersion } from "../operator-ports.ts";
import { allOff, isSameContent, setFlags } from "./flag-document.ts";
import { killedButOn } from "./flag-merge.ts";
import { describeProblem, isSamePolicy, policyChanges, policyProblems } from "./policy-history.ts";

/** How descriptions of deployments begin that bring a content out of a backup. */
export const RESTORED_FROM = `${OWN_FLAG_DEPLOYMENT_PREFIX} restored from`;

const name = z.string().check(z.minLength(1), z.maxLength(256));
const record = z.record(z.string(), z.json());

const policyBackup = z.strictObject({
  functionName: name,
  alias: name,
  /** A text where the parameter holds no JSON. */
  policy: z.json(),
});

const flagsBackup = z.strictObject({
  /** Names or ids, as the policies or the environment name them. */
  applicationId: name,
  environmentId: name,
  profileId: name,
  /** Hosted version that was deployed. */
  version: z.int(),
  content: record,
});

/** What of an environment is configuration at run time: the policies of its guarded aliases and what its flags say. */
const backupSchema = z.strictObject({
  kind: z.literal("goaround-configuration"),
  schemaVersion: z.literal(1),
  environment: name,
  accountId: z.string(),
  region: z.string(),
  at: z.string(),
  by: z.string(),
  policies: z.array(policyBackup),
  flags: z.array(flagsBackup),
});

export type ConfigurationBackup = z.output<typeof backupSchema>;
export type PolicyBackup = ConfigurationBackup["policies"][number];
export type FlagsBackup = ConfigurationBackup["flags"][number];

/** Parses a backup, listing every problem with its place. Never throws. */
export function parseBackup(
  text: string,
): { ok: true; backup: ConfigurationBackup } | { ok: false; problems: string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`is not JSON: ${(error as Error).message}`] };
  }
  const parsed = backupSchema.safeParse(json);
  if (parsed.success) return { ok: true, backup: parsed.data };
  return { ok: false, problems: parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) };
}

/** The text of a policy for a backup: JSON as JSON, so that people can read and compare backups. */
export function policyForBackup(document: string): PolicyBackup["policy"] {
  try {
    return JSON.parse(document) as PolicyBackup["policy"];
  } catch {
    return document;
  }
}

export const policyText = ({ policy }: PolicyBackup): string =>
  typeof policy === "string" ? policy : JSON.stringify(policy);

/** What becomes of one entry of a backup. */
export type RestorePlan<What> =
  | { do: "nothing" }
  /** It cannot be restored, and why. */
  | { do: "leave"; why: string }
  | ({ do: "write"; changes: Change[] } & What);

/** A parameter that is not there belongs to a stack that is to be deployed first: what a restore made, that could not create. */
export function planPolicyRestore(
  entry: PolicyBackup,
  current: PolicyVersion | undefined,
): RestorePlan<{ document: string; over: PolicyVersion }> {
  if (!current) return { do: "leave", why: "it has no policy here; deploy its stack first" };
  const document = policyText(entry);
  if (isSamePolicy(current.document, document)) return { do: "nothing" };
  const problems = policyProblems(entry, document);
  if (problems.length > 0)
    return { do: "leave", why: `no policy any more: ${problems.map(describeProblem).join("; ")}` };
  return { do: "write", document, over: current, changes: policyChanges(current.document, document) };
}

/** The content of the backup, with killed flags off. */
export function planFlagsRestore(
  { content }: FlagsBackup,
  deployed: Record<string, unknown> | undefined,
  killed: readonly string[],
): RestorePlan<{ document: Record<string, unknown>; heldOff: string[] }> {
  const heldOff = killedButOn(content, killed);
  const { document } = setFlags(content, allOff(heldOff));
  if (deployed && isSameContent(deployed, document)) return { do: "nothing" };
  const changes = changesBetween(deployed ?? {}, document).filter(
    ({ path }) => !/\._(?:created|updated)At$/.test(path),
  );
  return { do: "write", document, heldOff, changes };
}
