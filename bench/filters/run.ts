import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runJobs } from "../processes.ts";
import type { Benchmark } from "../run.ts";
import type { CrashedRelease } from "./life.ts";
import type { Job, JobResult } from "./worker.ts";

const PAGE = new URL("../../docs/benchmarks/filters.md", import.meta.url);
const AT_ONCE = 25;

const HELP = `npm run bench -- filters [--releases N]

  --releases N  default 1000

Releases that are judged by their log, with hooks, watch, responder and sweep dying at random calls: is a subscription
filter ever left behind? In process on the local AWS's rules and in virtual time. Writes docs/benchmarks/filters.md; exits 1
when something is left.
`;

export const run: Benchmark = async (args) => {
  const { values } = parseArgs({ args, options: { releases: { type: "string" }, help: { type: "boolean" } } });
  const count = Number(values.releases ?? 1000);
  if (values.help || !(Number.isInteger(count) && count >= 1)) {
    process.stderr.write(HELP);
    return values.help ? 0 : 2;
  }
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const jobs = Array.from({ length: Math.ceil(count / AT_ONCE) }, (_, i) => ({
    from: 1 + i * AT_ONCE,
    count: Math.min(AT_ONCE, count - i * AT_ONCE),
  }));
  const folder = mkdtempSync(join(tmpdir(), "filters-"));
  const results = await runJobs<Job, JobResult>({
    worker: new URL("worker.ts", import.meta.url),
    jobs,
    path: join(folder, "results.jsonl"),
    nameOf: ({ from }) => String(from),
    onDone: (done) => process.stderr.write(`filters: ${done} of ${jobs.length} parts\n`),
  });
  rmSync(folder, { recursive: true });
  const releases = results.flatMap((result) => result.releases);
  writeFileSync(PAGE, page(releases));
  process.stdout.write(`${fileURLToPath(PAGE)} written\n`);
  return releases.some(({ left }) => left.length > 0) ? 1 : 0;
};

function page(releases: readonly CrashedRelease[]): string {
  const deaths = new Map<string, number>();
  for (const one of releases.flatMap(({ diedAt }) => diedAt)) deaths.set(one, (deaths.get(one) ?? 0) + 1);
  const bad = releases.filter(({ left }) => left.length > 0);
  const filters = bad.filter(({ left }) => left.some((what) => what.startsWith("filter")));
  const rows = [...deaths].sort(([a], [b]) => (a < b ? -1 : 1)).map(([at, times]) => `| ${at} | ${times} |`);
  const list = bad.map(({ ending, diedAt, left }) => `- ${ending}, died at ${diedAt.join(", ")}: ${left.join("; ")}\n`);
  return `# Subscription filters that are left behind

Written by \`npm run bench -- filters\`: releases that are judged by their log, a third each promoted, stopped by hand and rolled
back by the responder, in which hooks, watch, responder and sweep die one to three times at random calls, right after the
call has had its effect. They run as they are, over the local AWS's rules of CodeDeploy, Lambda, CloudWatch Logs, EventBridge
and an in-memory table with DynamoDB's; what Lambda and Step Functions do around them (timeouts, a turn tried three times, the
responder's event three times, a sweep a minute while its schedule is on) is modelled. A release is over five minutes after
its deployment has ended and nobody works on it.

**${releases.length} releases, ${releases.reduce((sum, { diedAt }) => sum + diedAt.length, 0)} deaths: ${filters.length} filters left behind.** Plans of what is counted, places in the sweep and
schedules that were left: ${bad.length - filters.length}. A place in the sweep is left when the hook dies between the list and its schedule, before
there is a filter; the next release's schedule clears it.
${list.length === 0 ? "" : `\n${list.join("")}`}
What they died at:

| call | times |
| --- | --- |
${rows.join("\n")}
`;
}
