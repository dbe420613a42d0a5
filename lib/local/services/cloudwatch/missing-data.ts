/** How an alarm decides over data points with gaps (CloudWatch guide "How alarms handle missing data", 2023 and 2026). */

export type AlarmStateValue = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingDataTreatment = "missing" | "ignore" | "breaching" | "notBreaching";

/** True breaches, false does not, undefined is missing. */
export type PointVerdict = boolean | undefined;

/**
 * The state for an evaluation range, oldest point first; `keep` leaves the state as it is.
 * Reproduces all cells of the guide's two tables; the premature rule is read as "every real point breaches".
 */
export function decideState(
  range: readonly PointVerdict[],
  rule: { evaluationPeriods: number; datapointsToAlarm: number; treatment: MissingDataTreatment },
): AlarmStateValue | "keep" {
  const { evaluationPeriods: n, datapointsToAlarm: m, treatment } = rule;
  const real = range.filter((point) => point !== undefined);
  const breaching = (points: readonly PointVerdict[]) => points.filter((point) => point === true).length;
  const verdict = (count: number) => (count >= m ? "ALARM" : "OK");

  if (real.length >= n) return verdict(breaching(real.slice(-n)));
  if (treatment === "breaching") return verdict(breaching(real) + (n - real.length));
  if (treatment === "notBreaching") return verdict(breaching(real));
  if (real.length === 0) return treatment === "ignore" ? "keep" : "INSUFFICIENT_DATA";
  const oldestBreachingAge = range.length - range.indexOf(true);
  if (breaching(real) === real.length && oldestBreachingAge >= m) return treatment === "ignore" ? "keep" : "ALARM";
  return verdict(breaching(real));
}
