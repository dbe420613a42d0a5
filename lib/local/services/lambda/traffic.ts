import type { World } from "../../kernel/service.ts";
import { functionNotFound } from "./errors.ts";
import { logGroupOf, logStreamName } from "./invocation-log.ts";
import type { Invoker } from "./invoker.ts";
import type { LambdaMetrics } from "./metrics.ts";
import { ModelledLog, type ModelledRequest } from "./modelled-log.ts";
import type { ModelledPool } from "./modelled-pool.ts";
import type { FunctionRecord, FunctionStore, VersionRecord } from "./store.ts";

const MINUTE_MS = 60_000;
/** Errors that a batch writes to the log, per version: enough to read, little to store. */
const LOGGED_ERRORS = 5;

export interface TrafficRequest {
  functionName: string;
  /** Alias or version; without it `$LATEST`. */
  qualifier?: string;
  /** Starts of the requests, virtual epoch milliseconds, in any order. */
  atMs: readonly number[];
}

/** What became of the requests that one version served. */
export interface VersionTraffic {
  requests: number;
  errors: number;
  coldStarts: number;
  durationsMs: number[];
  /** Starts of the requests that failed. */
  failedAtMs: number[];
}

export interface TrafficResult {
  /** By version number. Real invocations that fail against the model's word are added before `settled` resolves. */
  versions: Record<string, VersionTraffic>;
  /** Requests that concurrency limits turned away before any version, and when. */
  throttledAtMs: number[];
  /** When the real invocations among the requests are over. Needs the clock to move: do not await it before that. */
  settled: Promise<void>;
}

interface Minute {
  atMs: number;
  version: VersionRecord;
  errors: number;
  durationsMs: number[];
}

/** Draws requests of a modelled function: versions by weight, outcomes by model, some of them also for real. */
export class Traffic {
  private readonly realInvocations = new Map<string, number>();
  private readonly world: World;
  private readonly store: FunctionStore;
  private readonly invoker: Invoker;
  private readonly metrics: LambdaMetrics;
  private readonly pool: ModelledPool;
  private readonly realPerVersion: number;
  private readonly pickVersion: (fn: FunctionRecord, qualifier: string | undefined) => VersionRecord;
  private readonly modelledLog: ModelledLog;

  constructor(parts: {
    world: World;
    store: FunctionStore;
    invoker: Invoker;
    metrics: LambdaMetrics;
    pool: ModelledPool;
    realPerVersion: number;
    pickVersion: (fn: FunctionRecord, qualifier: string | undefined) => VersionRecord;
  }) {
    this.world = parts.world;
    this.store = parts.store;
    this.invoker = parts.invoker;
    this.metrics = parts.metrics;
    this.pool = parts.pool;
    this.realPerVersion = parts.realPerVersion;
    this.pickVersion = parts.pickVersion;
    this.modelledLog = new ModelledLog(parts.world);
  }

  send({ functionName, qualifier, atMs }: TrafficRequest): TrafficResult {
    const fn = this.store.find(functionName);
    if (!fn) throw functionNotFound(this.store.arn(functionName, qualifier));
    const model = this.invoker.models.get(functionName);
    if (!model) {
      throw new Error(`function ${functionName} has no model: call setModel before sending traffic to it`);
    }
    const random = this.invoker.modelRandom(functionName);
    const limit = this.invoker.limitOf(fn) - this.invoker.runningNow(functionName);
    const result: TrafficResult = { versions: {}, throttledAtMs: [], settled: Promise.resolve() };
    const minutes = new Map<string, Minute>();
    const concurrency = new Map<number, { served: number; throttled: number; most: number }>();
    const errorLines = new Map<VersionRecord, string[]>();
    const ownLines = new Map<VersionRecord, string[]>();
    const real: Promise<void>[] = [];
    const recorded: ModelledRequest[] = [];
    const subscribed = new Map<VersionRecord, boolean>();

    for (const at of [...atMs].sort((a, b) => a - b)) {
      const minuteMs = Math.floor(at / MINUTE_MS) * MINUTE_MS;
      const load = getOrAdd(concurrency, minuteMs, () => ({ served: 0, throttled: 0, most: 0 }));
      const version = this.pickVersion(fn, qualifier);
      const place = this.pool.enter(functionName, version.version, at, limit);
      if (!place) {
        load.throttled += 1;
        result.throttledAtMs.push(at);
        continue;
      }
      const { environment, coldStart } = place;
      const decision = model({ functionName, version: version.version, atMs: at, environment, coldStart, random });
      const timeoutMs = (version.settings.Timeout ?? 3) * 1_000;
      const timedOut = ["timeout", "hang"].includes(decision.outcome) || decision.durationMs >= timeoutMs;
      const durationMs = timedOut ? timeoutMs : decision.durationMs;
      const failed = timedOut || decision.outcome !== "ok";
      place.leaveAt(at + (decision.initMs ?? 0) + durationMs);
      load.served += 1;
      load.most = Math.max(load.most, place.concurrency);

      const total = getOrAddTo(result.versions, version.version);
      total.requests += 1;
      total.durationsMs.push(durationMs);
      if (coldStart) total.coldStarts += 1;
      const minute = getOrAdd(minutes, `${version.version}/${minuteMs}`, () => ({
        atMs: minuteMs,
        version,
        errors: 0,
        durationsMs: [],
      }));
      minute.durationsMs.push(durationMs);
      const isRecorded = getOrAdd(subscribed, version, () => this.world.links.hasSubscribers(logGroupOf(version)));
      const realTurn = !failed && decision.response === undefined && this.takeRealTurn(fn, version);
      if (isRecorded && !realTurn) {
        const { initMs, errorType = "Error", errorMessage = "modelled error" } = decision;
        const status = timedOut ? "timeout" : !failed ? "success" : decision.outcome === "exit" ? "failure" : "error";
        const error = failed ? { errorType, errorMessage } : undefined;
        recorded.push({ version, atMs: at, initMs, durationMs, status, error, environment });
      }
      if (decision.log) getOrAdd(ownLines, version, () => []).push(...decision.log);
      if (failed) {
        total.errors += 1;
        total.failedAtMs.push(at);
        minute.errors += 1;
        const lines = getOrAdd(errorLines, version, () => []);
        if (!isRecorded && lines.length < LOGGED_ERRORS)
          lines.push(errorLine(at, decision.errorType, decision.errorMessage, timedOut));
      } else if (realTurn) {
        real.push(this.runForReal(fn, version, qualifier, at, total));
      }
    }

    for (const { atMs: startedMs, version, errors, durationsMs } of minutes.values()) {
      const invocations = durationsMs.length;
      this.metrics.invocations({
        functionName,
        qualifier,
        executedVersion: version.version,
        startedMs,
        invocations,
        errors,
        durationsMs,
      });
    }
    for (const [minuteMs, { served, throttled, most }] of concurrency) {
      this.metrics.throttles(functionName, qualifier, minuteMs, throttled, served);
      if (most > 0) this.metrics.concurrency(functionName, qualifier, minuteMs, most);
    }
    for (const lines of [errorLines, ownLines]) for (const [version, of] of lines) this.log(version, of);
    this.modelledLog.write(recorded);
    result.settled = Promise.all(real).then(() => undefined);
    return result;
  }

  reset(): void {
    this.realInvocations.clear();
    this.modelledLog.clear();
  }

  private takeRealTurn(fn: FunctionRecord, version: VersionRecord): boolean {
    const key = `${fn.name}:${version.instance}`;
    const taken = this.realInvocations.get(key) ?? 0;
    if (taken >= this.realPerVersion || !this.invoker.hasRunnableCode(version)) return false;
    this.realInvocations.set(key, taken + 1);
    return true;
  }

  private runForReal(
    fn: FunctionRecord,
    version: VersionRecord,
    qualifier: string | undefined,
    atMs: number,
    total: VersionTraffic,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.world.clock.at(atMs, async () => {
        try {
          const result = await this.invoker.runForReal({
            fn,
            version,
            qualifier,
            requestId: this.store.uuid(),
            payload: "{}",
            type: "Traffic",
            principal: "traffic",
          });
          if (result.error) {
            total.errors += 1;
            total.failedAtMs.push(atMs);
            this.metrics.lateError(fn.name, qualifier, version.version, atMs);
          }
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  private log(version: VersionRecord, lines: readonly string[]): void {
    const timestampMs = this.world.clock.now();
    this.world.links.writeLogs(
      logGroupOf(version),
      logStreamName(timestampMs, version.version, "0".repeat(32)),
      lines.map((message) => ({ timestampMs, message })),
    );
  }
}

function errorLine(atMs: number, errorType = "Error", errorMessage = "modelled error", timedOut: boolean): string {
  const at = new Date(atMs).toISOString();
  return timedOut
    ? `${at} Task timed out`
    : `${at}\tERROR\tInvoke Error \t${JSON.stringify({ errorType, errorMessage })}`;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const created = create();
  map.set(key, created);
  return created;
}

function getOrAddTo(versions: Record<string, VersionTraffic>, version: string): VersionTraffic {
  versions[version] ??= { requests: 0, errors: 0, coldStarts: 0, durationsMs: [], failedAtMs: [] };
  return versions[version];
}
