import { defaultLogGroup } from "../../lib/contract/names.ts";
import type { Reason } from "../../lib/core/judge/types.ts";
import { factsOf, type Log, messageOf } from "../../lib/core/log.ts";
import type { Clock, LedgerPort, MonitoringPort, VersionInfo } from "../../lib/core/ports.ts";
import type { ReleaseRecord, SignalSource } from "../../lib/core/release/records.ts";
import { leaving } from "../../lib/core/signals/log-looks.ts";
import { hiddenBy } from "../../lib/core/signals/outlook.ts";
import type { LogSubscriptionsPort, Refusal, SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { sampled, sampleOneIn } from "../../lib/core/signals/sample.ts";
import { filterNameOf, stopCounting } from "../runtime/log-subscription.ts";

export interface SubscribePorts {
  ledger: Pick<LedgerPort, "updateRelease">;
  books: Pick<SignalBooksPort, "open" | "close">;
  subscriptions: Pick<LogSubscriptionsPort, "put" | "remove">;
  clock: Pick<Clock, "now">;
  monitoring: Pick<MonitoringPort, "aliasCounts">;
}

export interface Subscription {
  environment: string;
  release: Pick<
    ReleaseRecord,
    "deploymentId" | "functionName" | "alias" | "baselineVersion" | "canaryVersion" | "policy"
  >;
  /** Both versions: the older one may log elsewhere. */
  versions: readonly (VersionInfo | undefined)[];
  slowThresholdsMs: number[];
  /** Ids of the smoke tests' invocations. */
  ownRequests: string[];
}

/**
 * Has the function's log counted from here on. What is written first is where the filter will be, so that whoever ends
 * the release finds it, also after a crash in between. Never throws; a log that cannot be counted is a finding, and the
 * versions are then compared by Lambda's metrics.
 */
export async function countLog(ports: SubscribePorts, subscription: Subscription, log: Log): Promise<Reason[]> {
  const { release, environment } = subscription;
  const { deploymentId, functionName, policy } = release;
  if (policy.signals.source === "metrics") return [];
  const hidden = subscription.versions.flatMap((info) => {
    const why = info && hiddenBy(info);
    return why === undefined ? [] : [`version ${info?.version} ${why}`];
  });
  // The other version's failures would be held against none.
  if (hidden.length > 0) return [notCounted(hidden.join("; "))];
  const permanent = policy.signals.logs === "always";
  const groups = subscription.versions.map((version) => version?.logGroup ?? defaultLogGroup(functionName));
  const signals: SignalSource = {
    logGroups: [...new Set(groups)],
    filterName: filterNameOf(environment, deploymentId, permanent),
    permanent,
    ...(await sampling(ports, release, log)),
  };
  try {
    await ports.ledger.updateRelease(deploymentId, { signals });
    const refused = await putAll(ports, subscription, signals);
    if (!refused) return signals.sampleOneIn === undefined ? [] : [sampled(signals.sampleOneIn)];
    return [await giveUp(ports, deploymentId, signals, refused, log)];
  } catch (error) {
    log.error("the log cannot be counted", { deploymentId, ...factsOf(error) });
    return [await giveUp(ports, deploymentId, signals, messageOf(error), log)];
  }
}

/** How much traffic there was is the best guess of how much there will be. Milliseconds. */
const BEFORE_MS = 600_000;

/** What part of the requests is counted, where the policy sets a limit; all where the traffic cannot be read. */
async function sampling(
  { monitoring, clock }: SubscribePorts,
  { functionName, alias, policy }: Subscription["release"],
  log: Log,
): Promise<Pick<SignalSource, "sampleOneIn">> {
  const limit = policy.signals.sampleAbovePerSecond;
  if (limit === undefined) return {};
  const to = new Date(Math.floor(clock.now().getTime() / 60_000) * 60_000);
  try {
    const from = new Date(to.getTime() - BEFORE_MS);
    const { invocations } = await monitoring.aliasCounts({ functionName, alias, from, to });
    const oneIn = sampleOneIn(invocations / (BEFORE_MS / 1000), limit);
    return oneIn === undefined ? {} : { sampleOneIn: oneIn };
  } catch (error) {
    log.warn("traffic before the release could not be read; all requests are counted", factsOf(error));
    return {};
  }
}

/** The reason why the log of one of the groups cannot be counted. */
async function putAll(
  { books, subscriptions }: SubscribePorts,
  { release, slowThresholdsMs, ownRequests }: Subscription,
  { logGroups, filterName, sampleOneIn }: SignalSource,
): Promise<string | undefined> {
  const { deploymentId, functionName, baselineVersion, canaryVersion } = release;
  const versions = [baselineVersion, canaryVersion];
  const sample = sampleOneIn === undefined ? {} : { sampleOneIn };
  const plan = { deploymentId, functionName, filterName, versions, slowThresholdsMs, ownRequests, ...sample };
  for (const logGroup of logGroups) {
    await books.open(logGroup, plan);
    const done = await subscriptions.put(logGroup, filterName);
    if (done !== "subscribed") return `${WHY[done.refused]} (${done.why})`;
  }
  return undefined;
}

const WHY: Record<Refusal, string> = {
  taken: "its log group has two subscription filters already, which is as many as there may be",
  "no-log-group": "its log group does not exist: it has never logged, or must not",
  "not-allowed": "the guard may not subscribe to its log group",
  "not-supported": "its log group cannot be subscribed to",
};

/** Nothing is left behind where it can be helped; the record says that metrics are judged. */
async function giveUp(
  ports: SubscribePorts,
  deploymentId: string,
  signals: SignalSource,
  why: string,
  log: Log,
): Promise<Reason> {
  try {
    await stopCounting(ports, { deploymentId, signals }, log);
    await ports.ledger.updateRelease(deploymentId, { signals: undefined });
  } catch (error) {
    // The record keeps the filter's place, for those who tidy up; a log that says nothing is left for metrics.
    log.warn("what was begun could not be undone", { deploymentId, ...factsOf(error) });
  }
  log.warn("the log is not counted", { deploymentId, why });
  return notCounted(why);
}

const notCounted = (why: string) =>
  leaving(`the function's log is not counted, so the versions are compared by Lambda's metrics: ${why}`);
