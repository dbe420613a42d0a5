import { GoaroundError, isConflict } from "../errors.ts";
import type { AliasState, DeploymentsPort, FunctionsPort } from "../ports.ts";
import { aliasPosition, OPEN_STATUSES } from "./deployment.ts";

/** Reads of an alias that others keep changing, before a person must look (each conflict is read and decided anew). */
const MAX_READS = 3;

export interface AliasWrite {
  functionName: string;
  alias: string;
  application: string;
  /** The CodeDeploy deployment group. */
  group: string;
  baselineVersion: string;
  canaryVersion: string;
  /** Further versions from which the alias may be taken: where CodeDeploy's own rollback has put it, for instance. */
  alsoFrom?: readonly (string | undefined)[];
}

export interface AliasWritePorts {
  functions: Pick<FunctionsPort, "getAlias" | "moveAlias">;
  deployments: Pick<DeploymentsPort, "list">;
}

export interface AliasWriteWatcher {
  onMoved?(): void;
  onChanged?(read: number): void;
  /** Between looking and writing: for whoever must wait for a turn. */
  beforeWrite?(): Promise<void>;
}

/**
 * One write that gives all traffic to `to` and clears the weights, only if nobody has changed the alias since it was
 * read, and only while no deployment of its group is open: CodeDeploy writes it then. Reads it back afterwards. Throws
 * `conflict` when that cannot be had.
 */
export async function writeAlias(
  { functions, deployments }: AliasWritePorts,
  { functionName, alias: name, application, group, ...versions }: AliasWrite,
  to: string,
  watcher: AliasWriteWatcher = {},
): Promise<AliasState> {
  const { baselineVersion: baseline, canaryVersion: canary, alsoFrom = [] } = versions;
  for (let read = 1; ; read += 1) {
    const alias = await functions.getAlias(functionName, name);
    if (isBack(alias, to)) return alias;
    const position = aliasPosition(alias, { baseline, canary });
    if (position === "elsewhere" && !alsoFrom.includes(alias.functionVersion)) {
      throw new GoaroundError(
        "conflict",
        "operator",
        `alias ${name} of ${functionName} is at version ${alias.functionVersion}: somebody else has moved it`,
      );
    }
    const [open] = await deployments.list({ application, group, statuses: OPEN_STATUSES });
    if (open) throw new GoaroundError("conflict", "operator", `deployment ${open} of ${group} is running`);
    await watcher.beforeWrite?.();
    try {
      await functions.moveAlias({ functionName, alias: name, version: to, revisionId: alias.revisionId });
      watcher.onMoved?.();
    } catch (error) {
      if (!isConflict(error) || read >= MAX_READS) throw error;
      watcher.onChanged?.(read);
      continue;
    }
    const after = await functions.getAlias(functionName, name);
    if (isBack(after, to)) return after;
    if (read >= MAX_READS) throw doesNotStay(name, functionName, to);
  }
}

export const doesNotStay = (alias: string, functionName: string, to: string) =>
  new GoaroundError("conflict", "dependency", `alias ${alias} of ${functionName} does not stay at version ${to}`);

/** A weight of 1.0 is Lambda's own, while it moves provisioned concurrency. */
export const isBack = (alias: AliasState, to: string) =>
  alias.functionVersion === to && Object.values(alias.weights).every((weight) => weight === 0 || weight === 1);
