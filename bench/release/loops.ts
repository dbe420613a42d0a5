import type { Block } from "../../lib/core/judge/sequential/null-law.ts";
import type { Detector } from "../judge/detector.ts";
import { DETECTORS } from "../judge/detectors.ts";
import type { ReleaseWorld } from "./world.ts";

const MINUTE_MS = 60_000;

const named = (name: string): Detector => DETECTORS.find((known) => known.name === name)!;

/** Controllers that move traffic themselves, as the benchmark of the judge has them, on Lambda's minute metrics. */
export const LOOPS: readonly Detector[] = [
  named("Flagger-like 1 %, 5 in a row"),
  named("Argo-like 5 %, 3 failures"),
  named("Kayenta, at the end"),
];

/**
 * When the loop, which comes by once a minute, took the release back; undefined when it did not. It sees a minute at the
 * first of its rounds after the minute was published, and all whole minutes of the shift.
 */
export function stopByLoop(world: ReleaseWorld, detector: Detector, roundMs: number): number | undefined {
  const { startMs, endMs, share } = world.shifting;
  const first = Math.ceil(startMs / MINUTE_MS) * MINUTE_MS;
  const minutes = Math.floor((endMs - first) / MINUTE_MS);
  const watch = detector.start({ share, horizonSeconds: 60 * minutes, copies: 1 });
  const done = [false];
  for (let minute = 1; minute <= minutes; minute += 1) {
    const [fromMs, toMs] = [first + (minute - 1) * MINUTE_MS, first + minute * MINUTE_MS];
    watch([blockOf(world, fromMs, toMs)], 60 * minute, done);
    if (done[0]) return Math.ceil((world.publishedMs(fromMs) - roundMs) / MINUTE_MS) * MINUTE_MS + roundMs;
  }
  return undefined;
}

function blockOf(world: ReleaseWorld, fromMs: number, toMs: number): Block {
  const [canary, baseline] = [world.countsOf("canary", fromMs, toMs), world.countsOf("baseline", fromMs, toMs)];
  return {
    canaryRequests: canary.requests,
    canaryErrors: canary.errors,
    baselineRequests: baseline.requests,
    baselineErrors: baseline.errors,
  };
}
