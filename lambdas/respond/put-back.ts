import { GoaroundError } from "../../lib/core/errors.ts";
import type { AliasState } from "../../lib/core/ports.ts";
import { aliasPosition, OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import type { Response } from "./responder.ts";

/** Reads of an alias that others keep changing, before a person must look (each conflict is read and decided anew). */
const MAX_READS = 3;

export type PutBack = Pick<
  ReleaseRecord,
  "functionName" | "alias" | "application" | "group" | "baselineVersion" | "canaryVersion"
>;

/**
 * One write that gives all traffic to `to` and clears the weights, only if nobody has changed the alias since it was
 * read, and only while no deployment of its group is open: CodeDeploy writes it then. Reads it back afterwards. Throws
 * `conflict` when that cannot be had. `rolledBackTo`: where CodeDeploy's own rollback has put the alias.
 */
export async function putAliasBack(
  { ports, log }: Response,
  release: PutBack,
  to: string,
  rolledBackTo?: string,
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
