import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import type { Condition, Destinations } from "./destinations.ts";
import type { InvocationResult, Invoker } from "./invoker.ts";
import type { FunctionRecord, FunctionStore, VersionRecord } from "./store.ts";

/** Waits before the first and second retry after a function error (Lambda guide, asynchronous invocation, 2022). */
const RETRY_DELAYS_MS = [60_000, 120_000];
/** Events are kept for six hours by default. */
const DEFAULT_MAX_AGE_MS = 21_600_000;
/** Throttled events are tried again after one second at first, five minutes at most (Lambda guide, 2022). */
const FIRST_THROTTLE_DELAY_MS = 1_000;
const LAST_THROTTLE_DELAY_MS = 300_000;

export interface AcceptedEvent {
  functionName: string;
  qualifier: string | undefined;
  requestId: string;
  payload: string;
  principal: string;
}

/** Lambda's internal queue of asynchronous invocations: at least once, with retries, age limit and destinations. */
export class AsyncEvents {
  private readonly world: World;
  private readonly store: FunctionStore;
  private readonly invoker: Invoker;
  private readonly destinations: Destinations;
  private readonly pickVersion: (fn: FunctionRecord, qualifier: string | undefined) => VersionRecord;

  constructor(
    world: World,
    store: FunctionStore,
    invoker: Invoker,
    destinations: Destinations,
    pickVersion: (fn: FunctionRecord, qualifier: string | undefined) => VersionRecord,
  ) {
    this.world = world;
    this.store = store;
    this.invoker = invoker;
    this.destinations = destinations;
    this.pickVersion = pickVersion;
  }

  /** The event runs at the clock's next step, after the caller has its 202. */
  accept(event: AcceptedEvent): void {
    const { clock } = this.world;
    const acceptedMs = clock.now();
    clock.at(acceptedMs, () => this.process(event, acceptedMs));
  }

  private async process(event: AcceptedEvent, acceptedMs: number): Promise<void> {
    let invokeCount = 0;
    let throttles = 0;
    let last: InvocationResult | undefined;
    for (;;) {
      // Configuration is read for every attempt: it may have changed since, or the function may be gone.
      const fn = this.store.find(event.functionName);
      if (!fn) return;
      const config = fn.eventInvokeConfigs.get(event.qualifier ?? "$LATEST");
      const maxAgeMs = (config?.maximumEventAgeInSeconds ?? DEFAULT_MAX_AGE_MS / 1_000) * 1_000;
      const finish = (condition: Condition) =>
        this.destinations.deliver({ ...event, fn, condition, invokeCount, last });
      const result = await this.attempt(fn, event);
      let delayMs: number;
      if (result === "gone") return;
      if (result === "throttled") {
        if (fn.reservedConcurrency === 0) return finish("ZeroReservedConcurrency");
        delayMs = Math.min(FIRST_THROTTLE_DELAY_MS * 2 ** throttles++, LAST_THROTTLE_DELAY_MS);
      } else {
        last = result;
        invokeCount += 1;
        if (!result.error) return finish("Success");
        if (invokeCount > (config?.maximumRetryAttempts ?? RETRY_DELAYS_MS.length)) return finish("RetriesExhausted");
        delayMs = RETRY_DELAYS_MS[invokeCount - 1] ?? 0;
      }
      const expiresMs = acceptedMs + maxAgeMs;
      const nextMs = this.world.clock.now() + delayMs;
      await this.world.clock.sleep(Math.max(0, Math.min(nextMs, expiresMs) - this.world.clock.now()));
      if (nextMs > expiresMs) return finish("EventAgeExceeded");
    }
  }

  private async attempt(fn: FunctionRecord, event: AcceptedEvent): Promise<InvocationResult | "throttled" | "gone"> {
    try {
      const version = this.pickVersion(fn, event.qualifier);
      return await this.invoker.invoke({ ...event, fn, version, type: "Event" });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return error.status === 429 ? "throttled" : "gone";
    }
  }
}
