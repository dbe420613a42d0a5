import { type Counted, countNew, LATE_MINUTES, nothingCounted } from "../../lib/core/judge/increments.ts";
import type { Uniform } from "../../lib/core/judge/sequential/traffic.ts";
import type { SideCounts } from "../../lib/core/judge/types.ts";
import type { MinuteCounts } from "../../lib/core/ports.ts";
import { drawMinute, type Minute, type Release } from "./judge-cells.ts";

/** Part of a minute's requests that is published with it, a minute later, and so on. */
const PUBLISHED = [0.6, 0.1, 0.1, 0.1, 0.05, 0.05];

/**
 * Minutes as CloudWatch publishes them on a bad day: a part at once, the rest up to five minutes later. Each look reads
 * the latest ten again, in any order and some of them twice, and takes what is new (`countNew`), as the guard does.
 */
export const late = (uniform: Uniform, at: (elapsedSeconds: number) => Release) => {
  const minutes: Minute[][] = [];
  const counted: Record<"canary" | "baseline", Counted> = { canary: nothingCounted, baseline: nothingCounted };
  return (elapsed: number): Minute => {
    const release = at(elapsed);
    const part = (share: number): Release => ({ ...release, requestsPerSecond: release.requestsPerSecond * share });
    minutes.push(PUBLISHED.map((share) => drawMinute(uniform, part(share), elapsed)));
    const newest = minutes.at(-1)![0]!;
    const side = (name: "canary" | "baseline", bound: "least" | "most"): SideCounts => {
      const read = minutes.map((parts, i) => published(parts.slice(0, minutes.length - i), name, i));
      const some = read.slice(-LATE_MINUTES).flatMap((one) => (uniform() < 0.2 ? [one, one] : [one]));
      const taken = countNew(counted[name], shuffled(uniform, some), bound);
      counted[name] = taken.counted;
      return { ...newest[name], ...taken.increment, coldStarts: 0 };
    };
    return { canary: side("canary", "least"), baseline: side("baseline", "most") };
  };
};

function published(parts: readonly Minute[], name: "canary" | "baseline", minute: number): MinuteCounts {
  const sum = (of: (side: SideCounts) => number) => parts.reduce((total, part) => total + of(part[name]), 0);
  const { slow = [] } = parts[0]![name];
  return {
    at: new Date(minute * 60_000),
    invocations: sum(({ invocations }) => invocations),
    errors: sum(({ errors }) => errors),
    slow: slow.map((_, i) => {
      const count = sum((side) => side.slow![i]!);
      return { least: count, most: count };
    }),
  };
}

/** Fisher and Yates. */
function shuffled<T>(uniform: Uniform, values: readonly T[]): T[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
