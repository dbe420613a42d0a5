import type { Plan, PlanInput } from "../../lib/core/judge/sequential/plan.ts";
import { table } from "./print.ts";

const percent = (value: number) => `${Number((100 * value).toPrecision(3))} %`;
const duration = (seconds: number) =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;

export const planDocument = (input: PlanInput, plan: Plan): string =>
  `${JSON.stringify({ ...input, ...plan }, null, 2)}\n`;

export function planText(input: PlanInput, { rows, advice }: Plan): string {
  const lines = table(
    ["canary errors", "found", "mean time", "no test sooner than"],
    rows.map(({ canaryRate, detected, seconds, limitSeconds }) => [
      percent(canaryRate),
      percent(detected),
      seconds === null ? "-" : duration(seconds),
      duration(limitSeconds),
    ]),
  );
  return `${[
    `${input.requestsPerSecond} requests/s, ${percent(input.share)} on the canary for ${input.minutes} minutes, baseline errors ${percent(input.baselineRate)}, a look every ${input.lookSeconds} s`,
    "",
    ...lines,
    "",
    ...(advice.length > 0
      ? advice.map((one) => `advice: ${one}`)
      : ["The window is long enough for large regressions."]),
  ].join("\n")}\n`;
}
