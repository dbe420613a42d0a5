import { factsOf } from "../../lib/core/log.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { progressOf } from "../../lib/core/release/journal.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { type RollbackWatcher, runRollback } from "../../lib/core/release/run-rollback.ts";
import { doesNotStay, isBack, writeAlias } from "../../lib/core/release/write-alias.ts";
import type { Response } from "./responder.ts";

/** Reads of an alias that was just written, and between them, milliseconds. */
const MAX_READS = 3;
const REREAD_MS = 1000;

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
  /** What comes before all traffic is moved. */
  stepsBefore?: () => Promise<void>;
}

/**
 * Gives all traffic to `to`, under the alias's lease: who is on the same way already is waited for, and what is there in
 * the end is read from the alias in every case. Throws `conflict` when somebody is on another way.
 */
export async function putAliasBack(
  response: Response,
  release: PutBack,
  to: string,
  { reason, rolledBackTo, checkTarget, stepsBefore }: PutBackOptions,
): Promise<AliasState> {
  const { ports, requestId } = response;
  const { functionName, alias, deploymentId } = release;
  const { log } = response;
  const write = { ...release, alsoFrom: [rolledBackTo] };
  const told = {
    onMoved: () => log.info("the alias is back", { functionName, alias, version: to }),
    onChanged: (read: number) =>
      log.warn("the alias has changed meanwhile; reading it again", { functionName, alias, read }),
  };
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
      await step("move-alias", async () => {
        await stepsBefore?.();
        return writeAlias(ports, write, to, told);
      });
      return step("verify", () => verify(response, release, to));
    },
    (state) => `alias ${alias} serves version ${state.functionVersion} alone`,
  );
  return result.kind === "acted" ? result.value : verify(response, release, to);
}

export function watcherOf({ log, signal }: Response, { deploymentId }: Pick<PutBack, "deploymentId">): RollbackWatcher {
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

/** A read that comes right after a write may not know of it yet: only what stays wrong is wrong. */
async function verify({ ports, signal }: Response, { functionName, alias }: PutBack, to: string): Promise<AliasState> {
  for (let read = 1; read <= MAX_READS; read += 1) {
    if (read > 1) await ports.clock.sleep(REREAD_MS, signal);
    const state = await ports.functions.getAlias(functionName, alias);
    if (isBack(state, to)) return state;
  }
  throw doesNotStay(alias, functionName, to);
}
