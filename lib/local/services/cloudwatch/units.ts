/** The units of metrics, in the order in which the service lists them (public reports of PutMetricData's refusal). */
export const UNITS: readonly string[] = [
  ...["Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes"],
  ...["Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count"],
  ...["Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes"].map((unit) => `${unit}/Second`),
  ...["Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Count"].map((unit) => `${unit}/Second`),
  "None",
];
