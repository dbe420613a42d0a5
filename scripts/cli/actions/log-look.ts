import { defaultLogGroup, guardFunctionName, signalFilterPrefix } from "../../../lib/contract/names.ts";
import type { Policy } from "../../../lib/contract/policy.ts";
import type { VersionInfo } from "../../../lib/core/ports.ts";
import { type LogFacts, SILENCE } from "../../../lib/core/signals/outlook.ts";
import type { Session } from "../session.ts";

/** Traffic before the release, as the guard reads it. Milliseconds. */
const BEFORE_MS = 600_000;
const MINUTE_MS = 60_000;

/**
 * What can be known before a release of the log that it is to be judged by; reads only. What cannot be read is warned
 * about and left out. Undefined where nothing is to be known: the policy says metrics.
 */
export async function lookAtLog(
  session: Session,
  { functionName, alias, signals }: Pick<Policy, "functionName" | "alias" | "signals">,
  versions: readonly (VersionInfo | undefined)[],
): Promise<LogFacts | undefined> {
  if (signals.source === "metrics") return undefined;
  const { environment, ports } = session;
  const logging = versions.flatMap((info) => {
    if (!info) return [];
    const { version, logGroup = defaultLogGroup(functionName), logFormat, systemLogLevel, runtime } = info;
    return [{ version, logGroup, logFormat, systemLogLevel, runtime }];
  });
  const subscriber = guardFunctionName(environment, "signals");
  const groups: Record<string, LogFacts["groups"][string]> = {};
  for (const { logGroup } of logging) {
    groups[logGroup] ??= await session.attempt(
      `log group ${logGroup} could not be read`,
      ports.logGroups.look(logGroup, subscriber).then((found) => ({ found })),
    );
  }
  const now = session.clock.now();
  const requests = await session.attempt(
    "how many requests there were could not be read",
    requestsOf(session, functionName, alias, now),
  );
  const ownFilterPrefix = signalFilterPrefix(environment);
  return { functionName, signals, versions: logging, groups, ownFilterPrefix, subscriber, requests, now };
}

async function requestsOf(session: Session, functionName: string, alias: string, now: Date) {
  const minute = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS;
  const between = async (fromMs: number, toMs: number) => {
    const span = { from: new Date(minute - fromMs), to: new Date(minute - toMs) };
    return (await session.ports.monitoring.aliasCounts({ functionName, alias, ...span })).invocations;
  };
  const [inSilence, before] = await Promise.all([between(SILENCE.fromMs, SILENCE.toMs), between(BEFORE_MS, 0)]);
  return { inSilence, perSecond: before / (BEFORE_MS / 1000) };
}
