import type { LogGroupState, LogGroupsPort } from "../../lib/core/operator-ports.ts";
import { type Addition, leavingOut, type SignalCounts, type SignalPlan } from "../../lib/core/signals/count.ts";
import type { KnownInterval, LogSubscriptionsPort, Refusal, SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { ERROR_KINDS } from "../../lib/core/signals/records.ts";
import { Calls } from "./faults.ts";

/** Counts by release, interval and version. Behaviour: a batch that is known adds nothing. */
export class FakeSignalBooks implements SignalBooksPort {
  readonly calls = new Calls();
  readonly plans = new Map<string, SignalPlan>();
  readonly intervals = new Map<string, KnownInterval & { deploymentId: string; batches: Set<string> }>();

  async open(logGroup: string, plan: SignalPlan): Promise<void> {
    await this.calls.enter("open", { logGroup, plan });
    this.plans.set(logGroup, plan);
  }

  async planOf(logGroup: string): Promise<SignalPlan | undefined> {
    await this.calls.enter("planOf", logGroup);
    return this.plans.get(logGroup);
  }

  async leaveOut(logGroup: string, deploymentId: string, requests: readonly string[]): Promise<void> {
    await this.calls.enter("leaveOut", { logGroup, deploymentId, requests });
    const plan = this.plans.get(logGroup);
    if (plan?.deploymentId === deploymentId) this.plans.set(logGroup, leavingOut(plan, requests));
  }

  async close(logGroup: string, deploymentId: string): Promise<void> {
    await this.calls.enter("close", { logGroup, deploymentId });
    if (this.plans.get(logGroup)?.deploymentId === deploymentId) this.plans.delete(logGroup);
  }

  async add(deploymentId: string, { version, fromMs, counts, batchId }: Addition): Promise<"added" | "known"> {
    await this.calls.enter("add", { deploymentId, version, fromMs });
    const key = `${deploymentId}/${fromMs}/${version}`;
    const known = this.intervals.get(key);
    if (known?.batches.has(batchId)) return "known";
    const batches = new Set([...(known?.batches ?? []), batchId]);
    const sum = known ? added(known.counts, counts) : counts;
    this.intervals.set(key, { deploymentId, version, fromMs, counts: sum, batches });
    return "added";
  }

  async read(deploymentId: string, fromMs: number, toMs: number): Promise<KnownInterval[]> {
    await this.calls.enter("read", { deploymentId, fromMs, toMs });
    return [...this.intervals.values()]
      .filter((one) => one.deploymentId === deploymentId && one.fromMs >= fromMs && one.fromMs < toMs)
      .sort((a, b) => a.fromMs - b.fromMs || a.version.localeCompare(b.version))
      .map(({ version, fromMs: at, counts }) => ({ version, fromMs: at, counts }));
  }
}

function added(a: SignalCounts, b: SignalCounts): SignalCounts {
  const peak = (name: "memoryMb" | "lagSeconds") => {
    const seen = [a[name], b[name]].filter((one) => one !== undefined);
    return seen.length === 0 ? undefined : Math.max(...seen);
  };
  return {
    requests: a.requests + b.requests,
    errors: Object.fromEntries(ERROR_KINDS.map((kind) => [kind, a.errors[kind] + b.errors[kind]])) as typeof a.errors,
    initFailures: a.initFailures + b.initFailures,
    coldStarts: a.coldStarts + b.coldStarts,
    durationMs: a.durationMs + b.durationMs,
    slow: a.slow.map((count, i) => count + (b.slow[i] ?? 0)),
    memoryMb: peak("memoryMb"),
    lagSeconds: peak("lagSeconds"),
    environments: Object.fromEntries(
      Object.keys({ ...a.environments, ...b.environments }).map((id) => [
        id,
        {
          requests: (a.environments[id]?.requests ?? 0) + (b.environments[id]?.requests ?? 0),
          errors: (a.environments[id]?.errors ?? 0) + (b.environments[id]?.errors ?? 0),
        },
      ]),
    ),
  };
}

/** Filters by log group. Behaviour: two for each at most; `missing` groups and `forbidden` ones refuse. */
export class FakeLogSubscriptions implements LogSubscriptionsPort {
  readonly calls = new Calls();
  readonly filters = new Map<string, Set<string>>();
  readonly refusals = new Map<string, Refusal>();

  async put(logGroup: string, filterName: string): Promise<"subscribed" | { refused: Refusal; why: string }> {
    await this.calls.enter("put", { logGroup, filterName });
    const filters = this.filters.get(logGroup) ?? new Set();
    const refused =
      this.refusals.get(logGroup) ?? (!filters.has(filterName) && filters.size >= 2 ? "taken" : undefined);
    if (refused) return { refused, why: `log group ${logGroup}` };
    this.filters.set(logGroup, filters.add(filterName));
    return "subscribed";
  }

  async remove(logGroup: string, filterName: string): Promise<void> {
    await this.calls.enter("remove", { logGroup, filterName });
    this.filters.get(logGroup)?.delete(filterName);
  }

  async list(logGroup: string, prefix: string): Promise<string[]> {
    await this.calls.enter("list", logGroup);
    return [...(this.filters.get(logGroup) ?? [])].filter((name) => name.startsWith(prefix));
  }
}

/** Log groups as an operator sees them. Behaviour: a group that was not given is a sound one; `missing` ones are not there. */
export class FakeLogGroups implements LogGroupsPort {
  readonly calls = new Calls();
  readonly groups = new Map<string, Partial<LogGroupState> | "missing">();

  async look(logGroup: string, subscriber: string): Promise<LogGroupState | undefined> {
    await this.calls.enter("look", { logGroup, subscriber });
    const given = this.groups.get(logGroup) ?? {};
    if (given === "missing") return undefined;
    // Too young for its silence to mean anything.
    const sound = { logGroupClass: "STANDARD", filters: [], isDeliverable: true, newestEventAt: undefined };
    return { ...sound, createdAt: new Date(8.64e15), ...given };
  }
}
