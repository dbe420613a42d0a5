import { isConflict } from "../errors.ts";
import type { AliasState, FunctionsPort } from "../ports.ts";
import type { ReleaseRecord } from "./records.ts";
import type { ShiftPort } from "./watch-ports.ts";

/** Reads of an alias that others keep changing, before whoever asked must look again. */
const MAX_READS = 3;

export interface GiveShareWatcher {
  onGiven?(): void;
  onChanged?(read: number): void;
  /** Why this alias is not one to write to, though it serves nothing but the two versions. */
  objection?(alias: AliasState): string | undefined;
}

/**
 * One write that gives the canary so many percent of the traffic, 0 or 100 included, only from the baseline and only if
 * nobody has changed the alias since it was read. Throws `conflict` when others keep changing it.
 */
export async function giveShare(
  { functions }: { functions: Pick<FunctionsPort, "getAlias" | "moveAlias" | "splitAlias"> },
  release: Pick<ReleaseRecord, "functionName" | "alias" | "baselineVersion" | "canaryVersion">,
  percent: number,
  watcher: GiveShareWatcher = {},
): Promise<Awaited<ReturnType<ShiftPort["setShare"]>>> {
  const { functionName, alias: name, baselineVersion, canaryVersion: to } = release;
  const share = percent / 100;
  for (let read = 1; ; read += 1) {
    const alias = await functions.getAlias(functionName, name);
    if (percentOf(alias, release) === percent) return { isSet: true };
    if (!isBetween(alias, release)) {
      return { isSet: false, why: `alias ${name} is at version ${alias.functionVersion}: somebody else has moved it` };
    }
    const why = watcher.objection?.(alias);
    if (why !== undefined) return { isSet: false, why };
    const { revisionId } = alias;
    const whole = share === 0 ? baselineVersion : share === 1 ? to : undefined;
    try {
      if (whole !== undefined) await functions.moveAlias({ functionName, alias: name, version: whole, revisionId });
      else await functions.splitAlias({ functionName, alias: name, version: baselineVersion, to, share, revisionId });
      watcher.onGiven?.();
      return { isSet: true };
    } catch (error) {
      if (!isConflict(error) || read >= MAX_READS) throw error;
      watcher.onChanged?.(read);
    }
  }
}

const isBetween = (
  alias: Pick<AliasState, "functionVersion" | "weights">,
  { baselineVersion, canaryVersion }: Pick<ReleaseRecord, "baselineVersion" | "canaryVersion">,
) =>
  alias.functionVersion === baselineVersion && Object.keys(alias.weights).every((version) => version === canaryVersion);

/** What the canary has of the traffic; undefined when another version serves, or Lambda itself holds a weight. */
export function percentOf(
  alias: Pick<AliasState, "functionVersion" | "weights">,
  release: Pick<ReleaseRecord, "baselineVersion" | "canaryVersion">,
): number | undefined {
  const { canaryVersion: canary } = release;
  if (alias.functionVersion === canary && Object.keys(alias.weights).length === 0) return 100;
  if (!isBetween(alias, release)) return undefined;
  // A share is a float of hundredths: 0.07 × 100 is not 7.
  return Math.round((alias.weights[canary] ?? 0) * 10_000) / 100;
}
