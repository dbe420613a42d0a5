import { GoaroundError } from "../../lib/core/errors.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { aliasPosition, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import { progressOf } from "../../lib/core/release/journal.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { type RollbackWatcher, runRollback } from "../../lib/core/release/run-rollback.ts";
import { factsOf } from "../runtime/log.ts";
import type { Response } from "./responder.ts";

/** Reads of an alias that others keep changing, before a person must look (each conflict is read and decided anew). */
const MAX_READS = 3;

export type PutBack = Pick<
  ReleaseRecord,
  "deploymentId" | "functionName" | "alias" | "application" | "group" | "baselineVersion" | "canaryVersion"
>;

export interface PutBackOptions {
  /** For the journal, and for whoever meets this rollback. */
  reason: string;
  /** Where CodeDeploy's own rollback has put the alias. */
  rolledBackTo?: string | undefined;
  /** Throws when the version should not get traffic. */
  checkTarget?: () => Promise<void>;
}

/**
 * Gives all traffic to `to`, under the alias's lease: who is on the same way already is waited for, and what is there in
 * the end is read from the alias in every case. Throws `conflict` when somebody is on another way.
 */
export async function putAliasBack(
  response: Response,
  release: PutBack,
  to: string,
  { reason, rolledBackTo, checkTarget }: PutBackOptions,
): Promise<AliasState> {
  const { ports, requestId } = response;
  const { functionName, alias, deploymentId } = release;
  const result = await runRollback(
    ports,
    {
      functionName,
      alias,
      version: to,
      deploymentId,
      reason,
      owner: requestId,
      actor: "respond",
      automatic: true,
      steps: [...(checkTarget ? (["check-target"] as const) : []), "move-alias", "verify"],
    },
    watcherOf(response, release),
    async ({ step }) => {
      if (checkTarget) await step("check-target", checkTarget);
      await step("move-alias", () => writeAlias(response, release, to, rolledBackTo));
      return step("verify", () => verify(response, release, to));
    },
    (state) => `alias ${alias} serves version ${state.functionVersion} alone`,
  );
  return result.kind === "acted" ? result.value : verify(response, release, to);
}

function watcherOf({ log, signal }: Response, { deploymentId }: PutBack): RollbackWatcher {
  return {
    signal,
    onJoin: ({ actor, startedAt, reason }) =>
      log.info("somebody does this already", { deploymentId, actor, startedAt, reason }),
    onResume: (before) =>
      log.warn("going on where a rollback was cut off", { deploymentId, progress: progressOf(before) }),
    onWithoutLedger: (error) =>
      log.error("the ledger does not answer; going on without it", { deploymentId, ...factsOf(error) }),
  };
}

async function verify({ ports }: Response, { functionName, alias }: PutBack, to: string): Promise<AliasState> {
  const state = await ports.functions.getAlias(functionName, alias);
  if (isBack(state, to)) return state;
  const message = `alias ${alias} of ${functionName} does not stay at version ${to}`;
  throw new GoaroundError("conflict", "dependency", message);
}

/**
 * One write that gives all traffic to `to` and clears the weights, only if nobody has changed the alias since it was
 * read, and only while no deployment of its group is open: CodeDeploy writes it then. Reads it back afterwards. Throws
 * `conflict` when that cannot be had.
 */
async function writeAlias(
  { ports, log }: Response,
  release: PutBack,
  to: string,
  rolledBackTo: string | undefined,
): Promise<AliasState> {
  const { functionName, alias: name, application, group } = release;
  for (let read = 1; ; read += 1) {
    const alias = await ports.functions.getAlias(functionName, name);
    if (isBack(alias, to)) return alias;
    const position = aliasPosition(alias, { baseline: release.baselineVersion, canary: release.canaryVersion });
    if (position === "elsewhere" && alias.functionVersion !== rolledBackTo) {
      throw new GoaroundError(
        "conflict",
        "operator",
        `alias ${name} of ${functionName} is at version ${alias.functionVersion}: somebody else has moved it`,
      );
    }
    const [open] = await ports.deployments.list({ application, group, statuses: OPEN_STATUSES });
    if (open) throw new GoaroundError("conflict", "operator", `deployment ${open} of ${group} is running`);
    try {
      await ports.functions.moveAlias({ functionName, alias: name, version: to, revisionId: alias.revisionId });
      log.info("the alias is back", { functionName, alias: name, version: to });
    } catch (error) {
      if (!(error instanceof GoaroundError && error.code === "conflict") || read >= MAX_READS) throw error;
      log.warn("the alias has changed meanwhile; reading it again", { functionName, alias: name, read });
      continue;
    }
    const after = await ports.functions.getAlias(functionName, name);
    if (isBack(after, to)) return after;
    if (read >= MAX_READS) {
      throw new GoaroundError(
        "conflict",
        "dependency",
        `alias ${name} of ${functionName} does not stay at version ${to}`,
      );
    }
  }
}

/** A weight of 1.0 is Lambda's own, while it moves provisioned concurrency. */
const isBack = (alias: AliasState, to: string) =>
  alias.functionVersion === to && Object.values(alias.weights).every((weight) => weight === 0 || weight === 1);
