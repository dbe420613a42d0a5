import { CALL_MS, COLD_START_MS } from "../cost/tally.ts";

/** How long everything takes that is not deciding. What AWS does not say is assumed, the same for every method. */
export const LAGS = {
  /** Lambda's metrics of a minute can be read so much after its end [unverified]. */
  metricsMs: 60_000,
  /** A log event is at its subscriber so much after it was written [unverified]; lines are written once a second. */
  logsMs: 5000,
  /** The same for a metric that a function writes of itself with ten-second periods [assumed: as soon as its log]. */
  ownMetricsMs: 5000,
  /** Between two looks of CodeDeploy at its alarms; recorded stops came 11 and 12 s after the alarm [inferred]. */
  alarmPollMs: 10_000,
  /** From the stop to the rollback's change of the alias, beside the lag after a stop (a recorded rollback took 2 s). */
  rollbackMs: 1000,
} as const;

/** From StopDeployment to the beginning of CodeDeploy's rollback [unverified]: each release is counted with all of them. */
export const STOP_LAGS = [0, 10, 30, 60] as const;
export type StopLag = (typeof STOP_LAGS)[number];
/** What the local AWS has, and what is shown where nothing else is said. Seconds. */
export const USUAL_STOP_LAG: StopLag = 10;

/**
 * Goaround's own calls, one after the other, as the page of costs assumes them: from the time at which a look is due to
 * StopDeployment (the watch reads, judges, writes, asks; the responder, which is cold, reads and stops), and from there
 * to weights that it clears itself.
 */
export interface OwnCalls {
  stopMs: number;
  clearMs: number;
}

export const OWN_CALLS: OwnCalls = { stopMs: 10 * CALL_MS + COLD_START_MS, clearMs: 2 * CALL_MS };
/** The local AWS answers at once. */
export const NO_CALLS: OwnCalls = { stopMs: 0, clearMs: 0 };
