import type { SideCounts } from "../../lib/core/judge/types.ts";
import type { MinuteCounts, MonitoringPort } from "../../lib/core/ports.ts";
import { judgePublished } from "../../lib/core/release/judge-shift.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { openScene } from "./scene.ts";
import { add, emptyTally, mine, type Part, raise, type Tally } from "./tally.ts";

/** Of each kind; the canary is healthy in every second run. */
const RUNS = 400;
const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-03-02T12:00:00.000Z");
const PER_MINUTE = { canary: 60, baseline: 540 };
const HEALTHY = 0.002;
const FAULTY = 0.2;
const ONSET_MINUTES = 20;

/** What monitoring does to the data of a minute. */
interface Weather {
  name: string;
  /** Minutes until the figures of a minute can be read; none: never. */
  delayOf(version: string, minute: number): number | undefined;
  /** Whether CloudWatch answers. */
  isUp(minute: number): boolean;
  /** How long the shift is watched. */
  minutes: number;
}

type Kind = "delayed" | "gaps" | "down";
const KINDS: readonly Kind[] = ["delayed", "gaps", "down"];

/** Minutes that come up to five minutes late and shuffled, or never (10 to 90 % of them), or monitoring that is down (a minute to two hours). */
export async function lateMetrics(part: Part): Promise<Tally> {
  const tally = emptyTally();
  const scene = await openScene({ stage: "in-shift" });
  const release = (await scene.ports.ledger.getRelease(scene.deploymentId))!;
  await scene.aws.close();
  for (const i of mine(RUNS * KINDS.length, part)) {
    const kind = KINDS[i % KINDS.length]!;
    const random = new SeededRandom(`metrics/${i}`);
    const onset = random.chance(0.5) ? random.integer(0, ONSET_MINUTES) : undefined;
    const weather = weatherOf(kind, random);
    const counts = traffic(random, onset, weather.minutes);
    const found = await watch(release, counts, weather);
    tally.runs += 1;
    const name = `run ${i}: ${weather.name}, ${onset === undefined ? "healthy" : `faulty from minute ${onset}`}`;
    if (found && found.minute <= (onset ?? Number.POSITIVE_INFINITY)) {
      // The judge's own budget: one harmless release in a hundred. What counts is what the weather adds.
      const clear = await watch(release, counts, { ...weather, delayOf: () => 0, isUp: () => true });
      add(tally, clear ? "false rollbacks in clear weather too" : "false rollbacks");
      tally.duplicates.push(`${name}: rolled back at minute ${found.minute}: ${found.why}`);
    } else if (onset !== undefined && !found) {
      tally.failures.push(`${name}: not found`);
    } else if (onset !== undefined && found) {
      raise(tally, `${kind}: minutes to the rollback`, readable(weather, onset, found.minute));
    }
    if (onset === undefined) add(tally, "healthy");
  }
  return tally;
}

function weatherOf(kind: Kind, random: SeededRandom): Weather {
  const delays = new Map<string, number | undefined>();
  const drawn = (key: string, draw: () => number | undefined) => {
    if (!delays.has(key)) delays.set(key, draw());
    return delays.get(key);
  };
  switch (kind) {
    case "delayed":
      return {
        name: kind,
        delayOf: (version, minute) => drawn(`${version} ${minute}`, () => random.integer(0, 5)),
        isUp: () => true,
        minutes: 60,
      };
    case "gaps": {
      const share = random.integer(1, 9) / 10;
      // CloudWatch loses the minute, or a version's part of it.
      const both = random.chance(0.5);
      const lost = () => (random.chance(share) ? undefined : 0);
      return {
        name: `${100 * share} % gaps ${both ? "in both" : "in either"}`,
        delayOf: (version, minute) => drawn(both ? `${minute}` : `${version} ${minute}`, lost),
        isUp: () => true,
        minutes: 90,
      };
    }
    case "down": {
      const from = random.integer(0, 30);
      const to = from + random.integer(1, 120);
      return {
        name: `down from minute ${from} to ${to}`,
        delayOf: () => 0,
        isUp: (minute) => minute < from || minute >= to,
        minutes: to + 30,
      };
    }
  }
}

/** Minutes from the first figures of the fault on in which CloudWatch could be read. */
function readable({ delayOf, isUp }: Weather, onset: number, found: number): number {
  const isThere = (now: number) =>
    Array.from({ length: now - onset }, (_, i) => onset + i).some((minute) => {
      const delay = delayOf("2", minute);
      return delay !== undefined && minute + 1 + delay <= now;
    });
  const up = Array.from({ length: found - onset }, (_, i) => onset + 1 + i).filter(isUp);
  return up.filter(isThere).length;
}

interface Minute {
  canary: SideCounts;
  baseline: SideCounts;
}

function traffic(random: SeededRandom, onset: number | undefined, minutes: number): Minute[] {
  const side = (invocations: number, rate: number): SideCounts => ({
    invocations,
    errors: Array.from({ length: invocations }, () => random.chance(rate)).filter(Boolean).length,
    throttles: 0,
    averageDurationMs: 100,
    p99DurationMs: 200,
  });
  return Array.from({ length: minutes }, (_, minute) => ({
    canary: side(PER_MINUTE.canary, onset !== undefined && minute >= onset ? FAULTY : HEALTHY),
    baseline: side(PER_MINUTE.baseline, HEALTHY),
  }));
}

/** Looks once a minute, as the watch does, until the judge asks for a rollback. Monitoring that is down gives no figures. */
async function watch(release: ReleaseRecord, minutes: readonly Minute[], weather: Weather) {
  let now = 0;
  const clock = { now: () => new Date(START_MS + now * MINUTE_MS), sleep: async () => undefined };
  const monitoring = monitoringOf(release, minutes, weather, () => now);
  const shift = { startedAt: new Date(START_MS), endedAt: undefined };
  let judged = release;
  for (now = 1; now < weather.minutes; now += 1) {
    const judging = await judgePublished(
      { clock, monitoring },
      { release: judged, shift, routing: { kind: "canary", percentage: 10, intervalMinutes: weather.minutes } },
      SILENT,
      NEVER,
    );
    if (!judging) continue;
    judged = { ...judged, judging };
    if (judging.verdict.kind === "rollback") return { minute: now, why: judging.verdict.reasons[0]?.message };
  }
  return undefined;
}

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };
const NEVER = new AbortController().signal;

type Read = Pick<MonitoringPort, "versionCounts" | "minuteCounts" | "peakConcurrency" | "declaredMetrics">;
type Query = Parameters<Read["minuteCounts"]>[0];

function monitoringOf(release: ReleaseRecord, minutes: readonly Minute[], weather: Weather, now: () => number): Read {
  const published = ({ version, from, to }: Pick<Query, "version" | "from" | "to">): MinuteCounts[] => {
    if (!weather.isUp(now())) throw new Error("CloudWatch is down");
    return minutes.flatMap((both, minute) => {
      const at = new Date(START_MS + minute * MINUTE_MS);
      const delay = weather.delayOf(version, minute);
      if (at < from || at >= to || delay === undefined || minute + 1 + delay > now()) return [];
      const { invocations, errors } = version === release.canaryVersion ? both.canary : both.baseline;
      return [{ at, invocations, errors, slow: undefined }];
    });
  };
  const sum = (found: readonly MinuteCounts[], name: "invocations" | "errors") =>
    found.reduce((all, minute) => all + minute[name], 0);
  return {
    minuteCounts: async (query) => published(query),
    versionCounts: async (query) => {
      const found = published(query);
      return {
        invocations: sum(found, "invocations"),
        errors: sum(found, "errors"),
        throttles: 0,
        averageDurationMs: found.length > 0 ? 100 : undefined,
        p99DurationMs: found.length > 0 ? 200 : undefined,
      };
    },
    peakConcurrency: async () => 10,
    declaredMetrics: async () => ({ values: {}, unreadable: {} }),
  };
}
