import { type Job, timed } from "../job.ts";
import { releaseCells } from "./cells.ts";
import { OWN_CALLS } from "./lags.ts";
import { METHODS, type Stop, stopAll } from "./methods.ts";
import type { Source } from "./ours.ts";
import { addTally, addWork, emptyTally, noWork, type Tally, type Work } from "./tally.ts";
import { ReleaseWorld } from "./world.ts";

export interface JobResult extends Job {
  /** By method. */
  tallies: Tally[];
  work: Record<Source, Work>;
  cpuSeconds: number;
}

const cells = new Map(releaseCells().map((cell) => [cell.key, cell]));

export async function runJob(job: Job): Promise<JobResult> {
  const { result, cpuSeconds } = await timed(() => runAll(job));
  return { ...job, ...result, cpuSeconds };
}

async function runAll({ cell: key, from, to }: Job): Promise<Pick<JobResult, "tallies" | "work">> {
  const cell = cells.get(key)!;
  let tallies = METHODS.map(emptyTally);
  let work: Record<Source, Work> = { logs: noWork(), metrics: noWork() };
  for (let run = from; run < to; run += 1) {
    const world = new ReleaseWorld(cell, run);
    const { stops, watched } = await stopAll(world, OWN_CALLS);
    tallies = tallies.map((tally, i) => addTally(tally, tallyOf(world, stops[i])));
    const { startMs, endMs } = world.shifting;
    const of = (source: Source, more: Partial<Work>): Work => {
      const { looks, asked, left, detectedMs = endMs } = watched[source];
      return {
        ...noWork(),
        runs: 1,
        looks,
        asked,
        left: Number(left),
        seconds: (detectedMs - startMs) / 1000,
        ...more,
      };
    };
    const { batches, writes } = world.feed;
    work = {
      logs: addWork(work.logs, of("logs", { batches, writes, reads: world.book.reads })),
      metrics: addWork(work.metrics, of("metrics", {})),
    };
  }
  return { tallies, work };
}

/** One run under one method. */
export function tallyOf(world: ReleaseWorld, stop: Stop | undefined): Tally {
  const { cell, faultMs = Number.POSITIVE_INFINITY, shifting, canaryFailuresMs } = world;
  world.advanceTo(shifting.endMs);
  const early = stop !== undefined && stop.decidedMs < faultMs;
  const tally: Tally = { ...emptyTally(), runs: 1, back: Number(stop !== undefined), early: Number(early) };
  if (cell.harmless) return tally;
  const untilMs = Math.min(stop?.restoredMs ?? shifting.endMs, shifting.endMs);
  tally.failed.push(canaryFailuresMs.filter((at) => at >= shifting.startMs && at < untilMs).length);
  if (!stop || early) return tally;
  // A fault that fails nothing, such as slowness, counts from its beginning.
  const firstMs = cell.onset || isFailing(world) ? (canaryFailuresMs.find((at) => at >= faultMs) ?? faultMs) : faultMs;
  const since = (atMs: number) => Math.round((atMs - firstMs) / 100) / 10;
  tally.detect.push(since(stop.detectedMs));
  tally.decide.push(since(stop.decidedMs));
  tally.restore.push(since(stop.restoredMs));
  return tally;
}

const isFailing = ({ cell }: ReleaseWorld) =>
  cell.scenario.releases[0]!.canary.phases.some(({ errorRate = 0 }) => errorRate > cell.scenario.baseline.errorRate);
