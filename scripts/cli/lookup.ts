import { applicationName, deploymentGroupName } from "../../lib/contract/names.ts";
import { type Policy, parsePolicy } from "../../lib/contract/policy.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { FunctionDescription } from "../../lib/core/operator-ports.ts";
import type { AliasState, DeploymentInfo, VersionInfo } from "../../lib/core/ports.ts";
import { parseAppSpec } from "../../lib/core/release/appspec.ts";
import { isUndo } from "../../lib/core/release/deployment.ts";
import type { AliasRecord } from "../../lib/core/release/records.ts";
import { suggest } from "../../lib/core/suggest.ts";
import type { Session } from "./session.ts";

/** How many deployments of a group are looked through for the newest of an alias: groups serve one alias each. */
const HISTORY = 10;

export interface Release {
  deployment: DeploymentInfo;
  functionName: string;
  alias: string;
  baselineVersion: string;
  canaryVersion: string;
}

/** What a deployment moves, from its target or, before CodeDeploy has made that, from its AppSpec. */
export async function releaseOf(session: Session, deploymentId: string): Promise<Release | undefined> {
  const deployment = await session.ports.deployments.get(deploymentId);
  const spec = parseAppSpec(deployment.appSpec);
  if (spec.ok) {
    const { functionName, alias, currentVersion, targetVersion } = spec.appSpec;
    return { deployment, functionName, alias, baselineVersion: currentVersion, canaryVersion: targetVersion };
  }
  const target = await session.ports.deployments.target(deploymentId);
  if (!target) return undefined;
  const { functionName, alias, currentVersion, targetVersion } = target;
  return { deployment, functionName, alias, baselineVersion: currentVersion, canaryVersion: targetVersion };
}

/** The deployment that holds an alias now, of whichever application; the alias must not be written meanwhile. */
export async function openReleaseOf(
  session: Session,
  functionName: string,
  alias: string,
): Promise<Release | undefined> {
  for (const id of await session.ports.discovery.openDeployments()) {
    const release = await releaseOf(session, id);
    if (release?.functionName === functionName && release.alias === alias) return release;
  }
  return undefined;
}

/** The newest deployment of the alias that is no rollback itself, whatever became of it. */
export async function newestReleaseOf(
  session: Session,
  functionName: string,
  alias: string,
  where: { application: string; group: string },
): Promise<Release | undefined> {
  let ids: string[];
  try {
    ids = await session.ports.deployments.list(where);
  } catch (error) {
    if (error instanceof GoaroundError && error.code === "group-missing") return undefined;
    throw error;
  }
  for (const id of ids.slice(0, HISTORY)) {
    const release = await releaseOf(session, id);
    if (!release || isUndo(release.deployment.creator)) continue;
    if (release.functionName === functionName && release.alias === alias) return release;
  }
  return undefined;
}

export interface Guarding {
  policy: Policy | undefined;
  /** What is wrong with the policy document; empty when it is fine or absent. */
  problems: string[];
  /** As it was written; undefined when it is absent. */
  document: string | undefined;
}

export async function readPolicy(session: Session, functionName: string, alias: string): Promise<Guarding> {
  const text = await session.ports.policies.read(session.environment, functionName, alias);
  if (text === undefined) return { policy: undefined, problems: [], document: text };
  const parsed = parsePolicy(text);
  if (parsed.ok) return { policy: parsed.policy, problems: [], document: text };
  return {
    policy: undefined,
    document: text,
    problems: parsed.problems.map(({ path, message }) => (path ? `${path}: ${message}` : message)),
  };
}

/**
 * The same, for a command that goes on without a policy. One that could not be read may exist: then the function counts
 * as guarded, and what is done is recorded rather than not.
 */
export async function readGuarding(session: Session, functionName: string, alias: string) {
  const guarding = await session.attempt("the policy could not be read", readPolicy(session, functionName, alias));
  const { policy, problems } = guarding ?? { policy: undefined, problems: [] };
  return { policy, problems, isGuarded: guarding === undefined || policy !== undefined || problems.length > 0 };
}

/** Application and group of a function: what was asked for, what the policy says, the default names, a search. */
export async function findGroup(
  session: Session,
  functionName: string,
  policy: Policy | undefined,
  asked: { application?: string; deploymentGroup?: string },
): Promise<{ application: string; group: string } | undefined> {
  const group = asked.deploymentGroup ?? policy?.deploymentGroup ?? deploymentGroupName(functionName);
  const application = asked.application ?? applicationName(session.environment);
  if (await session.ports.deployments.group(application, group)) return { application, group };
  if (asked.application !== undefined) return undefined;
  const others = await session.ports.discovery.applicationsWithGroup(group);
  if (others.length > 1) {
    throw new GoaroundError("usage", "operator", `several applications have a group ${group}: ${others.join(", ")}`, {
      advice: "Name one with --application.",
    });
  }
  return others[0] === undefined ? undefined : { application: others[0], group };
}

/** A function's last part is what people remember of its name. */
async function similarNames(session: Session, given: string): Promise<string> {
  const names = await session.ports.discovery.functionNames().catch(() => []);
  const near = suggest(given, names);
  const likely = [...new Set([...names.filter((name) => name.endsWith(given)), ...(near ? [near] : [])])].slice(0, 5);
  return likely.length > 0 ? `Did you mean ${likely.join(" or ")}? ` : "";
}

/** The function, or an error that names similar ones; with an alias, an error too when the function does not have it. */
export async function requireFunction(
  session: Session,
  functionName: string,
  alias: string | undefined,
): Promise<FunctionDescription> {
  const description = await session.ports.discovery.describeFunction(functionName);
  if (!description) {
    const { accountId, region } = await session.ports.discovery.identity();
    throw new GoaroundError(
      "function-missing",
      "operator",
      `there is no function ${functionName} in account ${accountId}, region ${region}`,
      { advice: `${await similarNames(session, functionName)}Check the name, --region and --profile.` },
    );
  }
  if (alias !== undefined && !description.aliases.includes(alias)) {
    const names = description.aliases.join(", ");
    throw new GoaroundError("alias-missing", "operator", `function ${functionName} has no alias ${alias}`, {
      advice: names ? `Its aliases: ${names}. Name one with --alias.` : "It has no alias at all: nothing to act on.",
    });
  }
  return description;
}

/** The alias, or an error that names the aliases there are. */
export async function readAlias(
  session: Session,
  functionName: string,
  alias: string,
): Promise<{ state: AliasState; description: FunctionDescription }> {
  const description = await requireFunction(session, functionName, alias);
  return { state: await session.ports.functions.getAlias(functionName, alias), description };
}

/** What the ledger knows. `answered` is false when it cannot be read: a rollback then goes on without it. */
export interface LedgerAnswer {
  record: AliasRecord | undefined;
  answered: boolean;
  why: string | undefined;
}

export async function readLedger(session: Session, functionName: string, alias: string): Promise<LedgerAnswer> {
  try {
    return { record: await session.ports.ledger.getAlias(functionName, alias), answered: true, why: undefined };
  } catch (error) {
    return { record: undefined, answered: false, why: (error as Error).message };
  }
}

/** `2026-11-21T09:00:00.000+0000`-ordered is not what people want: newest number first. */
export const newestFirst = (versions: readonly VersionInfo[]): VersionInfo[] =>
  [...versions].sort((a, b) => Number(b.version) - Number(a.version));

/** `version 3`, or `version 3 with 10 % on version 4`. */
export function describeAlias(state: Pick<AliasState, "functionVersion" | "weights">): string {
  const extra = Object.entries(state.weights)
    .filter(([, share]) => share > 0)
    .map(([version, share]) => `${Math.round(share * 1000) / 10} % on version ${version}`);
  return `version ${state.functionVersion}${extra.length > 0 ? ` with ${extra.join(" and ")}` : ""}`;
}

export const isWhole = (state: Pick<AliasState, "weights">) => Object.keys(state.weights).length === 0;
