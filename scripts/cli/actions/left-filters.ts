import { defaultLogGroup, signalFilterName, signalFilterPrefix } from "../../../lib/contract/names.ts";
import type { VersionInfo } from "../../../lib/core/ports.ts";
import type { LogFilter } from "../../../lib/core/release/findings.ts";
import { readPolicy } from "../lookup.ts";
import type { Session } from "../session.ts";

/**
 * The guard's own subscription filters on the function's logs, without those that are in use: by an open release, of
 * whichever function and alias logs there, or by a policy that asks for one that stays. What cannot be told is in use.
 */
export async function leftFilters(
  session: Session,
  functionName: string,
  versions: readonly VersionInfo[],
): Promise<LogFilter[]> {
  const { environment, ports } = session;
  const prefix = signalFilterPrefix(environment);
  const left: LogFilter[] = [];
  for (const logGroup of groupsOf(functionName, versions)) {
    const found = await session.attempt(
      `the subscription filters of ${logGroup} could not be read`,
      ports.logFilters.list(logGroup, prefix),
    );
    for (const filterName of found ?? []) {
      const isPermanent = filterName === signalFilterName(environment, "always");
      const isUsed = isPermanent
        ? await isAskedFor(session, logGroup)
        : await isOpen(session, filterName.slice(prefix.length));
      if (!isUsed) left.push({ logGroup, filterName });
    }
  }
  return left;
}

const groupsOf = (functionName: string, versions: readonly VersionInfo[]) =>
  new Set([defaultLogGroup(functionName), ...versions.flatMap(({ logGroup }) => logGroup ?? [])]);

async function isOpen(session: Session, deploymentId: string): Promise<boolean> {
  const open = await session.attempt(
    `whether ${deploymentId} is open could not be read, so its filter is left`,
    session.ports.discovery.openDeployments(),
  );
  return open === undefined || open.includes(deploymentId);
}

/** A policy that is none may have been one. */
async function isAskedFor(session: Session, logGroup: string): Promise<boolean> {
  const looking = async () => {
    for (const { functionName, alias } of await session.ports.discovery.guardedAliases(session.environment)) {
      const { policy, document } = await readPolicy(session, functionName, alias);
      if (document === undefined || (policy && policy.signals.logs !== "always")) continue;
      if (groupsOf(functionName, await session.ports.functions.listVersions(functionName)).has(logGroup)) return true;
    }
    return false;
  };
  const asked = await session.attempt(
    `who asks for a filter on ${logGroup} could not be read, so it is left`,
    looking(),
  );
  return asked ?? true;
}
