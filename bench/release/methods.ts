import { ALARMS, type Phases, stopByAlarm } from "./alarms.ts";
import { LAGS, type OwnCalls, STOP_LAGS, type StopLag, USUAL_STOP_LAG } from "./lags.ts";
import { LOOPS, stopByLoop } from "./loops.ts";
import { type Source, type Watched, watch } from "./ours.ts";
import type { ReleaseWorld } from "./world.ts";

/** How a release ended under one method; epoch milliseconds. */
export interface Stop {
  detectedMs: number;
  /** The order to stop was given. */
  decidedMs: number;
  /** All traffic is on the old version. */
  restoredMs: number;
}

export interface Method {
  name: string;
  ours?: { source: Source; lag: StopLag | "clears" };
}

const own = (source: Source, lag: StopLag | "clears"): Method => ({
  name: `Goaround on ${source}, ${lag === "clears" ? "clears the weights itself" : `CodeDeploy ${lag} s after the stop`}`,
  ours: { source, lag },
});

const OWN: readonly Method[] = (["logs", "metrics"] as const).flatMap((source) => [
  own(source, "clears"),
  ...STOP_LAGS.map((lag) => own(source, lag)),
]);

export const METHODS: readonly Method[] = [...OWN, ...ALARMS, ...LOOPS].map(({ name, ...more }) => ({
  name,
  ...("ours" in more ? { ours: more.ours as Method["ours"] } : {}),
}));

const indexOf = (name: string) => METHODS.findIndex((method) => method.name === name);
/** What is meant by ours, where the lag is not the question. */
export const OURS = {
  clears: indexOf(own("logs", "clears").name),
  logs: indexOf(own("logs", USUAL_STOP_LAG).name),
  metrics: indexOf(own("metrics", USUAL_STOP_LAG).name),
};
export const ownWith = (source: Source, lag: StopLag | "clears") => indexOf(own(source, lag).name);
export const PEERS: readonly number[] = [...ALARMS, ...LOOPS].map(({ name }) => indexOf(name));
/** That requests failed are compared with. */
export const USUAL_ALARMS = { two: indexOf(ALARMS[0]!.name), one: indexOf(ALARMS[1]!.name) };

export interface Stopped {
  /** By method; undefined where the release was not taken back. */
  stops: (Stop | undefined)[];
  watched: Record<Source, Watched>;
}

/** One release under every method. `phases`: of the alarms, where they are not to be drawn. */
export async function stopAll(world: ReleaseWorld, calls: OwnCalls, phases?: Phases): Promise<Stopped> {
  const logs = await watch(world, "logs");
  world.logged = false;
  const watched = { logs, metrics: await watch(world, "metrics") };
  const ours = OWN.map(({ ours: own }) => {
    const { source, lag } = own!;
    const { detectedMs } = watched[source];
    if (detectedMs === undefined) return undefined;
    const decidedMs = detectedMs + calls.stopMs;
    const clearedMs = decidedMs + (lag === "clears" ? calls.clearMs : 1000 * lag + LAGS.rollbackMs);
    return { detectedMs, decidedMs, restoredMs: clearedMs };
  });
  const alarms = ALARMS.map((alarm) => {
    const drawn: Phases = {
      evaluatedMs: world.phases.integer(0, alarm.periodSeconds < 60 ? 9 : 59) * 1000,
      polledMs: world.phases.integer(0, LAGS.alarmPollMs - 1),
    };
    const stop = stopByAlarm(world, alarm, phases ?? drawn);
    return stop && { ...stop, restoredMs: stop.decidedMs + LAGS.rollbackMs };
  });
  const loops = LOOPS.map((loop) => {
    const atMs = stopByLoop(world, loop, world.phases.integer(0, 59_999));
    return atMs === undefined ? undefined : { detectedMs: atMs, decidedMs: atMs, restoredMs: atMs };
  });
  return { stops: [...ours, ...alarms, ...loops], watched };
}
