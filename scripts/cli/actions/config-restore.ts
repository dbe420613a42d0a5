import { parsePolicy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import { describeChange } from "../../../lib/core/json-changes.ts";
import {
  type ConfigurationBackup,
  type FlagsBackup,
  type PolicyBackup,
  parseBackup,
  planFlagsRestore,
  planPolicyRestore,
  RESTORED_FROM,
  type RestorePlan,
} from "../../../lib/core/release/configuration-backup.ts";
import type { EnvironmentRecord } from "../../../lib/core/release/environment-record.ts";
import { isSameContent } from "../../../lib/core/release/flag-document.ts";
import { killedIn } from "../../../lib/core/release/killed-flags.ts";
import { restoreDescription } from "../../../lib/core/release/policy-history.ts";
import { EXIT } from "../exit-codes.ts";
import { readInput } from "../files.ts";
import { DEFAULT_REASON } from "../options.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { profileName } from "./config-backup.ts";
import { deployContent } from "./flag-deployment.ts";
import { recordOrder } from "./record-order.ts";
import { groupProblem, writePolicy } from "./write-policy.ts";

/** One entry of the backup: what is to become of it, and how. */
interface Item {
  name: string;
  plan: RestorePlan<object>;
  write(): Promise<void>;
}

/**
 * Writes back what a backup has and the environment has not. Each entry by itself: what fails keeps nothing else from being
 * restored, and the same command again finds only what is left.
 */
export async function restoreConfiguration(
  session: Session,
  { file, force }: { file: string; force: boolean },
): Promise<Outcome> {
  const reason = session.options.reason ?? DEFAULT_REASON;
  session.step(1, 3, "look for what differs");
  const backup = await readBackup(session, file, force);
  const items = [
    ...(await policyItems(session, backup, force, restoreDescription(backup.at, reason))),
    ...(await flagItems(session, backup, `${RESTORED_FROM} the backup of ${backup.at}: ${reason}`)),
  ];
  session.banner("configuration restore", {
    environment: session.environment,
    backup: `${backup.at} by ${backup.by}`,
    reason,
  });
  for (const item of items) show(session, item);
  const wanted = items.filter(({ plan }) => plan.do === "write");
  const left = items.flatMap(({ name, plan }) => (plan.do === "leave" ? [{ name, why: plan.why }] : []));
  const data = { file, backupAt: backup.at, entries: items.map(({ name, plan }) => ({ name, ...plan })) };
  if (wanted.length === 0 && left.length === 0)
    return nothingToDo("nothing to do: everything is as in the backup", data);
  if (session.options.dryRun) return planned(`would write ${namesOf(wanted) || "nothing"}`, data);
  if (wanted.length > 0) await requireYes(session, wanted);
  session.step(2, 3, "write and read back");
  const { written, failed } = await writeEach(session, wanted);
  session.step(3, 3, "record");
  const order = { action: "config-restore", subject: written.join(", "), reason };
  const recorded = written.length > 0 ? await recordOrder(session, order) : false;
  const facts = { ...data, written, failed, left, recorded };
  const unfinished = [...failed, ...left];
  if (unfinished.length === 0) {
    return done(
      `restored ${written.join(", ")}`,
      facts,
      "Change policies in the code too: a deployment that changes one in the template writes the template's again.",
    );
  }
  return {
    exitCode: EXIT.partlyDone,
    code: "partly-done",
    message: `restored ${written.join(", ") || "nothing"}; not ${unfinished.map(({ name, why }) => `${name} (${why})`).join("; ")}`,
    advice: "Look into what is left, then run the same command again: it writes only what differs.",
    data: facts,
  };
}

async function readBackup(session: Session, file: string, force: boolean): Promise<ConfigurationBackup> {
  const parsed = parseBackup(readInput(file));
  if (!parsed.ok) {
    const problems = parsed.problems.map((problem) => `  ${problem}`).join("\n");
    throw new GoaroundError("usage", "operator", `${file} is no backup of goaround config backup:\n${problems}`);
  }
  const { backup } = parsed;
  if (backup.environment !== session.environment) {
    throw new GoaroundError(
      "usage",
      "operator",
      `${file} is a backup of environment ${backup.environment}, not of ${session.environment}`,
      { advice: `Its policies name the functions of that environment: --environment ${backup.environment}.` },
    );
  }
  const { accountId, region } = await session.ports.discovery.identity();
  if ((backup.accountId !== accountId || backup.region !== region) && !force) {
    throw new GoaroundError(
      "wrong-identity",
      "operator",
      `${file} is from account ${backup.accountId}, region ${backup.region}; this is ${accountId}, ${region}`,
      { advice: "Check --profile and --region; --force restores it here all the same." },
    );
  }
  return backup;
}

async function policyItems(session: Session, backup: ConfigurationBackup, force: boolean, description: string) {
  const items: Item[] = [];
  for (const entry of backup.policies) {
    const { functionName, alias } = entry;
    const [current] = await session.ports.policyHistory.versions(session.environment, functionName, alias);
    const plan = await fitting(session, planPolicyRestore(entry, current), force);
    items.push({
      name: policyName(entry),
      plan,
      write: async () => {
        if (plan.do === "write") await writePolicy(session, { functionName, alias }, { ...plan, description });
      },
    });
  }
  return items;
}

const policyName = ({ functionName, alias }: PolicyBackup) => `policy ${functionName}:${alias}`;

async function fitting(session: Session, plan: ReturnType<typeof planPolicyRestore>, force: boolean) {
  if (plan.do !== "write" || force) return plan;
  const parsed = parsePolicy(plan.document);
  const why = parsed.ok ? await groupProblem(session, plan.over.document, parsed.policy) : undefined;
  return why === undefined ? plan : { do: "leave" as const, why: `it does not fit: ${why}` };
}

async function flagItems(session: Session, backup: ConfigurationBackup, description: string): Promise<Item[]> {
  if (backup.flags.length === 0) return [];
  const reading = session.ports.ledger.getEnvironment();
  const record = await session.attempt("killed flags could not be looked up", reading);
  const items: Item[] = [];
  for (const entry of backup.flags) items.push(await flagItem(session, entry, record, description));
  return items;
}

async function flagItem(
  session: Session,
  entry: FlagsBackup,
  record: EnvironmentRecord | undefined,
  description: string,
): Promise<Item> {
  const { flags } = session.ports;
  const name = `flags ${profileName(entry)}`;
  const leave = (why: string): Item => ({ name, plan: { do: "leave", why }, write: async () => {} });
  if (!record) return leave("the ledger does not answer, and what was killed must stay off");
  const { applicationId: application, environmentId: environment, profileId: profile } = entry;
  try {
    const target = await flags.resolve({ application, environment, profile });
    const killed = killedIn(record, target).map(({ flag }) => flag);
    const plan = planFlagsRestore(entry, (await flags.deployed(target))?.document, killed);
    const write = async () => {
      if (plan.do !== "write") return;
      const active = await flags.activeDeployment(target);
      if (active) throw new GoaroundError("conflict", "operator", `flag deployment ${active.number} is running`);
      await deployContent(session, target, plan.document, description);
      const now = await flags.deployed(target);
      if (!now || !isSameContent(now.document, plan.document)) {
        throw new GoaroundError("conflict", "operator", "somebody else deploys these flags at the same time");
      }
    };
    return { name, plan, write };
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "flags-missing") return leave(error.message);
    throw error;
  }
}

function show(session: Session, { name, plan }: Item): void {
  if (plan.do === "nothing") session.detail(`${name}: as in the backup`);
  if (plan.do === "leave") session.print(`${name}: cannot be restored: ${plan.why}`);
  if (plan.do !== "write") return;
  session.print(`${name}:`);
  for (const change of plan.changes) session.print(`  ${describeChange(change)}`);
  const { heldOff = [] } = plan as { heldOff?: string[] };
  if (heldOff.length > 0) session.print(`  killed, and stays off: ${heldOff.join(", ")}`);
}

const namesOf = (items: readonly Item[]) => items.map(({ name }) => name).join(", ");

/** So much at once is written only after somebody has seen the difference: also automation has to say so. */
async function requireYes(session: Session, wanted: readonly Item[]): Promise<void> {
  if (session.io.isTerminal || session.options.yes) return session.confirm(`Write ${namesOf(wanted)}?`);
  throw new GoaroundError("refused", "operator", `not confirmed: ${namesOf(wanted)} would be written`, {
    advice: "Look at the difference, then run it again with --yes.",
  });
}

async function writeEach(session: Session, wanted: readonly Item[]) {
  const written: string[] = [];
  const failed: { name: string; why: string }[] = [];
  for (const { name, write } of wanted) {
    session.throwIfInterrupted();
    try {
      await write();
      written.push(name);
      session.say(`  ${name} is restored`);
    } catch (error) {
      if (session.signal.aborted) throw error;
      const why = (error as Error).message;
      failed.push({ name, why });
      session.warn(`${name}: ${why}`);
    }
    session.state = `restored so far: ${written.join(", ") || "nothing"}`;
  }
  return { written, failed };
}
