import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PRICES } from "../cost/prices.ts";
import type { Benchmark } from "../run.ts";
import { DYNAMO_MS, type Load, measureLoad, type Traffic } from "./load.ts";

const PAGE = new URL("../../docs/benchmarks/signals.md", import.meta.url);
/** Of the shift that the cost is for. */
const SHIFT_SECONDS = 300;
/** Gigabytes of the signals Lambda. */
const MEMORY_GB = 0.5;
/** Write request units that one partition of a table takes in a second (DynamoDB developer guide, 2026). */
const PARTITION_UNITS = 1000;

const ROWS: Omit<Traffic, "seconds">[] = [
  { requestsPerSecond: 10, batchSeconds: 5 },
  { requestsPerSecond: 100, batchSeconds: 5 },
  { requestsPerSecond: 1000, batchSeconds: 5 },
  { requestsPerSecond: 1000, batchSeconds: 1 },
  { requestsPerSecond: 1000, batchSeconds: 5, sampleOneIn: 4 },
  { requestsPerSecond: 4000, batchSeconds: 5 },
  { requestsPerSecond: 4000, batchSeconds: 5, sampleOneIn: 4 },
  { requestsPerSecond: 10_000, batchSeconds: 5 },
  { requestsPerSecond: 10_000, batchSeconds: 5, sampleOneIn: 64 },
];

const HELP = `npm run bench -- signals [--seconds N]

  --seconds N  of traffic for each row (default 60)

What counting one function's log takes: the signals Lambda's own code and adapter over a table in memory, batch after batch.
Writes docs/benchmarks/signals.md.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({ args, options: { seconds: { type: "string" }, help: { type: "boolean" } } });
  const seconds = Number(values.seconds ?? 60);
  if (values.help || !(Number.isInteger(seconds) && seconds >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  // The first batches would be slow: code is compiled as it is used.
  await measureLoad({ requestsPerSecond: 200, batchSeconds: 5, seconds: 10 });
  const loads: Load[] = [];
  for (const row of ROWS) {
    loads.push(await measureLoad({ ...row, seconds }));
    process.stderr.write(`signals: ${loads.length} of ${ROWS.length} rows\n`);
  }
  writeFileSync(PAGE, page(loads, seconds));
  process.stdout.write(`${fileURLToPath(PAGE)} written\n`);
  return 0;
};

function page(loads: readonly Load[], seconds: number): string {
  const head = [
    "requests/s",
    "batch every",
    "counted",
    "streams",
    "batches/s",
    "KB each",
    "CPU each, median",
    "p99",
    "at once, at most",
    "heap on top, MB",
    "writes/s",
    "units/s, busiest",
    "$ for a shift of 5 min",
  ];
  const rows = loads.map((load) => [
    load.requestsPerSecond.toLocaleString("en"),
    `${load.batchSeconds} s`,
    load.sampleOneIn === undefined ? "all" : `1 in ${load.sampleOneIn}`,
    String(load.streams),
    (load.batches / seconds).toFixed(1),
    load.batchKb.toFixed(1),
    `${load.cpuMs.median.toFixed(1)} ms`,
    `${load.cpuMs.p99.toFixed(1)} ms`,
    String(load.inFlight),
    String(Math.round(load.heapMb)),
    (load.writes / seconds).toFixed(1),
    load.busiestUnits > PARTITION_UNITS
      ? `**${load.busiestUnits.toLocaleString("en")}**`
      : load.busiestUnits.toLocaleString("en"),
    `$${costOf(load, seconds).toFixed(4)}`,
  ]);
  const table = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return `# What counting a log takes

Written by \`npm run bench -- signals\`: the signals Lambda's own code and adapter over a table in memory, with ${seconds} s of one
function's log in JSON, 50 ms a request, a tenth of it the canary's, 1 % errors, three thresholds of duration. How often
CloudWatch Logs sends a stream's batch is not known: every 5 s is the local AWS's model, every second a guess at the worst
[unverified]. The processor's time is of a shared machine, node ${process.version}; on Lambda with 512 MB, which has about a third of
a processor, take three times as much [assumed].

${table}

At once: invocations that run at the same time, each as long as its processor's time and two calls of ${DYNAMO_MS} ms [assumed].
Units: write request units of the busiest second; a version's two seconds are up to sixteen items, and all of a release's are
one partition, which takes ${PARTITION_UNITS.toLocaleString("en")} a second: above that DynamoDB throttles, Lambda brings batches again later, and the watch waits for
them or takes them as late. A sample spares parsing and, where few of a batch's requests are in it, writes; batches come as
before. Cost: write units, invocations and their time at three times the processor's, list prices as in [cost.md](cost.md).
`;
}

function costOf({ batches, units, cpuMs }: Load, seconds: number): number {
  const invocationSeconds = (3 * cpuMs.median + 2 * DYNAMO_MS) / 1000;
  const each = PRICES.lambdaRequest.usd + invocationSeconds * MEMORY_GB * PRICES.lambdaGbSecond.usd;
  const reads = batches * PRICES.dynamoRead.usd;
  return (SHIFT_SECONDS / seconds) * (batches * each + reads + units * PRICES.dynamoWrite.usd);
}
