/** Values of a window as one: added up or averaged, or the one that points the way the statistic does. */
export function joined(
  statistic: "Sum" | "Average" | "Minimum" | "Maximum" | "SampleCount",
  values: readonly number[],
): number {
  if (statistic === "Minimum") return Math.min(...values);
  if (statistic === "Maximum") return Math.max(...values);
  const sum = values.reduce((total, value) => total + value, 0);
  return statistic === "Average" ? sum / values.length : sum;
}
