import { logSignals } from "../../lambdas/watch/log-signals.ts";
import { lambdaMetrics } from "../../lambdas/watch/signals.ts";
import type { Log } from "../../lib/core/log.ts";
import type { TrafficRouting } from "../../lib/core/ports.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { newRecord } from "../../lib/core/release/release-facts.ts";
import { nextStep, remember } from "../../lib/core/release/watch.ts";
import type { SignalBooksPort } from "../../lib/core/signals/ports.ts";
import { Metrics, OwnClock } from "./monitoring.ts";
import { VERSIONS } from "./traffic.ts";
import { DEPLOYMENT_ID, FUNCTION_NAME, type ReleaseWorld } from "./world.ts";

export type Source = "logs" | "metrics";

export interface Watched {
  /** When a look gave the verdict against the canary; undefined without one. Epoch milliseconds. */
  detectedMs: number | undefined;
  looks: number;
  /** Metrics asked for. */
  asked: number;
  /** The log was left for metrics. */
  left: boolean;
}

/** Shorter waits are spent in a turn; the state machine waits whole seconds. */
const STAY_MS = 12_000;
/** After the shift the watch judges what is still to come, and bakes. */
const BAKE_MS = 600_000;

const silent: Log = { info() {}, warn() {}, error() {} };

/** The watch of one release: what it reads, when it looks and how it judges is the guard's own code. */
export async function watch(world: ReleaseWorld, source: Source): Promise<Watched> {
  const { startMs, endMs, share } = world.shifting;
  const clock = new OwnClock(startMs);
  const metrics = new Metrics(world, clock);
  const books: Pick<SignalBooksPort, "read"> = {
    read(...asked) {
      world.advanceTo(clock.nowMs);
      return world.book.read(...asked);
    },
  };
  const ports = { clock, monitoring: metrics.port, books };
  const signals = logSignals(ports, lambdaMetrics(ports, silent), silent);
  const routing: TrafficRouting = {
    kind: "canary",
    percentage: 100 * share,
    intervalMinutes: (endMs - startMs) / 60_000,
  };
  let release = recordOf(world, source);
  const { signal } = new AbortController();
  const seen = (detectedMs?: number): Watched => ({
    detectedMs,
    looks: release.judging?.looks ?? 0,
    asked: metrics.asked,
    left: release.judging?.logs?.left !== undefined,
  });
  for (;;) {
    const now = clock.now();
    const shift = { startedAt: new Date(startMs), endedAt: clock.nowMs >= endMs ? new Date(endMs) : undefined };
    const ahead = await signals.next({ release, shift, routing }, now);
    // After the shift the hook has handed over at once; what the answer to it would be is no part of this.
    const handedOverAt = shift.endedAt?.toISOString();
    const known = { ...release, ...(handedOverAt ? { handedOverAt } : {}) };
    const step = nextStep({ now, deployment: { status: "InProgress" }, shift, release: known, nextLookAt: ahead?.at });
    if (step.kind === "look") {
      const judging = await signals.look(release, ahead!.window, signal);
      release = { ...release, judging, watch: remember(release.watch, judging) };
      if (judging.verdict.kind === "rollback") return seen(clock.nowMs);
    } else if (step.kind === "wait") {
      const waitMs = step.until.getTime() - clock.nowMs;
      clock.nowMs += waitMs > STAY_MS ? 1000 * Math.ceil(waitMs / 1000) : waitMs;
    } else return seen();
    if (clock.nowMs > endMs + BAKE_MS) return seen();
  }
}

function recordOf({ cell, shifting }: ReleaseWorld, source: Source): ReleaseRecord {
  const record = newRecord({
    deployment: { deploymentId: DEPLOYMENT_ID, application: "goaround-dev", group: "released", creator: "user" },
    appSpec: {
      functionName: FUNCTION_NAME,
      alias: "live",
      currentVersion: VERSIONS.baseline,
      targetVersion: VERSIONS.canary,
      hooks: {},
    },
    target: undefined,
    policy: undefined,
    now: new Date(shifting.startMs),
  });
  const logs = { logGroups: ["/aws/lambda/released"], filterName: DEPLOYMENT_ID, permanent: false };
  return {
    ...record,
    slowThresholdsMs: cell.thresholdsMs,
    ...(source === "logs" ? { signals: logs } : {}),
  };
}
