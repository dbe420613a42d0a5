import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { promisify } from "node:util";
import { RealDate } from "./real.ts";
import type { VirtualTimers } from "./virtual-timers.ts";

type Callback = (...args: unknown[]) => void;

interface WaitOptions {
  signal?: AbortSignal;
}

/** Replaces every way in which a handler can read the time or wait for it. */
export function installVirtualTime(now: () => number, virtual: VirtualTimers): void {
  installDate(now);
  const startedAt = now();
  const elapsed = () => now() - startedAt;
  Object.defineProperty(performance, "now", { value: elapsed, configurable: true, writable: true });
  const hrtime = (previous?: [number, number]): [number, number] => {
    const nanoseconds = BigInt(Math.round(elapsed() * 1e6)) - (previous ? toNanoseconds(previous) : 0n);
    return [Number(nanoseconds / 1_000_000_000n), Number(nanoseconds % 1_000_000_000n)];
  };
  process.hrtime = Object.assign(hrtime, { bigint: () => BigInt(Math.round(elapsed() * 1e6)) });
  process.uptime = () => elapsed() / 1000;

  const setTimeout = (callback: Callback, delay?: number, ...args: unknown[]) =>
    virtual.add(callback, delay, args, false);
  const setInterval = (callback: Callback, delay?: number, ...args: unknown[]) =>
    virtual.add(callback, delay, args, true);
  const clear = (timer?: unknown) => virtual.clear(timer);
  const wait = <T>(delay?: number, value?: T, options: WaitOptions = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) return reject(abortError(signal));
      const onAbort = () => {
        virtual.clear(timer);
        reject(signal ? abortError(signal) : undefined);
      };
      const timer = virtual.add(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve(value as T);
        },
        delay,
        [],
        false,
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  async function* every<T>(delay?: number, value?: T, options: WaitOptions = {}): AsyncGenerator<T> {
    for (;;) yield await wait(delay, value as T, options);
  }
  Object.defineProperty(setTimeout, promisify.custom, { value: wait });

  const replacements = { setTimeout, setInterval, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, replacements);
  Object.assign(timers, replacements);
  Object.assign(timersPromises, { setTimeout: wait, setInterval: every });
  Object.assign(timersPromises.scheduler, {
    wait: (delay: number, options?: WaitOptions) => wait(delay, undefined, options),
  });
  AbortSignal.timeout = (delay: number) => {
    const controller = new AbortController();
    virtual.add(
      () => controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")),
      delay,
      [],
      false,
    );
    return controller.signal;
  };
  syncBuiltinESMExports();
}

function installDate(now: () => number): void {
  const VirtualDate: DateConstructor = new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget): Date =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget === VirtualDate ? target : newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, property, receiver) => (property === "now" ? now : Reflect.get(target, property, receiver)),
  });
  Object.defineProperty(RealDate.prototype, "constructor", { value: VirtualDate });
  globalThis.Date = VirtualDate;
}

const toNanoseconds = ([seconds, nanoseconds]: [number, number]) =>
  BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);

function abortError(signal: AbortSignal): Error {
  return Object.assign(new Error("The operation was aborted", { cause: signal.reason }), {
    name: "AbortError",
    code: "ABORT_ERR",
  });
}
