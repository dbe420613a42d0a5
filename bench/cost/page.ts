import { availableParallelism, cpus } from "node:os";
import { type BillLine, bill, total, type Usage } from "./bill.ts";
import type { HandlerCost, LoadResult } from "./load.ts";
import { ASSUMED, type MoneyResult } from "./money.ts";
import { FREE, PRICES, PRICES_AS_OF } from "./prices.ts";
import { REFERENCE } from "./reference.ts";
import { MAX_SYNTH_RATIO, type SynthResult } from "./synth.ts";
import { billedMs, CALL_MS, COLD_START_MS, KMS_REQUESTS_PER_PUBLISH, WARM_MINUTES, type Work } from "./tally.ts";
import { GUARD_HOURS, type ReleaseUsage } from "./usage.ts";

export interface CostResult {
  load: LoadResult;
  synth: SynthResult;
  money: MoneyResult;
}

const kb = (bytes: number) => `${Math.round(bytes / 1000)}`;
const ms = (value: number) => value.toFixed(value < 100 ? 1 : 0);
const ratio = (value: number) => value.toFixed(2);
const verdict = (ok: boolean) => (ok ? "yes" : "**no**");
const usd = (value: number) => `$${value < 0.01 ? String(Number(value.toFixed(7))) : value.toFixed(2)}`;
const amount = (value: number) =>
  Number.isInteger(value) || value >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function page(result: CostResult): string {
  return `# What Goaround costs

Written by \`npm run bench -- cost\`; run it again instead of editing this page. Node ${process.version},
${availableParallelism()} cores (${cpus()[0]?.model.trim() || "unknown model"}). The machine was shared with other work: contenders were measured
in turns, each in a fresh process, and medians of rounds and of the rounds' ratios are given. Ratios are to be trusted,
milliseconds are not.

${loadSection(result.load)}

${synthSection(result.synth)}

${moneySection(result.money)}
`;
}

function loadSection({ handlers, reference, rounds }: LoadResult): string {
  const compared =
    "missing" in reference
      ? `Load times were **not measured**: ${reference.missing}.`
      : `Loading is compared with the hook published in \`${REFERENCE.package}\` ${REFERENCE.version}: ${kb(reference.bytes)} KB with the SDK outside, as
Lambda's runtime provides it; here the SDK is the one that our bundles hold. It takes ${ms(reference.wallMs)} ms (${ms(reference.cpuMs)} ms of CPU).
Medians of ${rounds} rounds; the start of Node is not in them. The limit is for the processor's time, which hardly depends on other
work; by the clock, equal bundles differ here as much as the machine was busy.`;
  const row = ({ name, clients, bytes, maxBytes, maxLoad, load, ok }: HandlerCost) => [
    name,
    String(clients.length),
    kb(bytes),
    kb(maxBytes),
    load ? ms(load.cpuMs) : "–",
    load ? ratio(load.cpuRatio) : "–",
    String(maxLoad),
    verdict(ok),
    load ? ms(load.wallMs) : "–",
    load ? ratio(load.ratio) : "–",
  ];
  return `## Bundles and their load

SDK included, minified, no Docker. At most 450 KB and 0.7 × the reference with up to three clients, 700 KB and 0.9 ×
otherwise (1 KB = 1,000 bytes). ${compared}

${table(["Lambda", "clients", "KB", "at most", "CPU, ms", "ratio of CPU", "at most", "within", "by the clock, ms", "ratio"], handlers.map(row))}`;
}

function synthSection(synth: SynthResult): string {
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
  const types = [...new Set([...Object.keys(synth.resources.plain), ...Object.keys(synth.resources.guarded)])].sort();
  const counts = types.map((type) => [
    type,
    String(synth.resources.plain[type] ?? 0),
    String(synth.resources.guarded[type] ?? 0),
  ]);
  return `## Resources and synthesis

For each function, its own two included; plain is the CDK's \`LambdaDeploymentGroup\` with one alarm:

${table(
  ["resource", "plain", "guarded"],
  [...counts, ["**all**", String(sum(synth.resources.plain)), String(sum(synth.resources.guarded))]],
)}

${synth.functions} functions in stacks of 20, medians of ${synth.rounds} rounds, without the CDK's own template rules (\`CDK_VALIDATION\`), which
take seconds for both alike. At most ${MAX_SYNTH_RATIO} × the processor's time, which hardly depends on other work: of the whole run of
the app, from the start of Node to its end, and of its constructs and synthesis alone, with nothing warmed up.

${table(
  ["", "plain, ms", "guarded, ms", "ratio", "within"],
  synth.comparisons.map(({ what, plain, guarded, ratio: times, limited }) => [
    what,
    ms(plain),
    ms(guarded),
    ratio(times),
    limited ? verdict(times <= MAX_SYNTH_RATIO) : "–",
  ]),
)}

A stack warns from 80 % of CloudFormation's 500 resources on, with the room that is left, and refuses more with the number
of functions to move. The guard's own roles and rules match names by prefix and are the same for one function and for
500 (\`test/constructs/limits.test.ts\`).`;
}

function moneySection(money: MoneyResult): string {
  const [good, bad] = money.releases as [ReleaseUsage, ReleaseUsage];
  const names = [...new Set(money.months.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const lineOf = (lines: BillLine[], name: string) => lines.find((line) => line.name === name);
  const cell = (line: BillLine | undefined) => (line ? `${amount(line.units)} → ${usd(line.usd)}` : "–");
  const monthly = names.map((name) => [
    PRICES[name].unit,
    PRICES[name].quoted,
    ...money.months.map(({ lines }) => cell(lineOf(lines, name))),
  ]);
  const totals = ["**month**", "", ...money.months.map(({ lines }) => `**${usd(total(lines))}**`)];
  return `## Money

US dollars at list prices of us-east-1 without free tiers, as known in ${PRICES_AS_OF} (\`bench/cost/prices.ts\`). They are not
fetched from AWS: **check them** before relying on a sum. Alarms, dashboards and keys are counted in the synthesized templates;
invocations, calls, capacity units, metrics, log bytes and state transitions in rehearsed releases. The local AWS answers at
once: the time that Lambda bills is the time that an invocation waits there, plus ${CALL_MS} ms for each call, one after the other,
plus ${COLD_START_MS} ms for each start of a runtime, which stays warm for ${WARM_MINUTES} minutes [assumed]. Also assumed are ${KMS_REQUESTS_PER_PUBLISH} KMS requests for each
notification, one subscriber by e-mail, one X-Ray trace for each watch, and that the minutes of a scheduled rule cost what
custom events cost. Not counted is what CodeDeploy itself asks of CloudWatch, and the function's own log: in JSON, which guarded
functions log in unless they say otherwise, it is longer than in text.

### One release

5 minutes at 10 %, 10 minutes of bake, ${GUARD_HOURS} hours of guard time: CodeDeploy's deployment of the good release was open for
${good.openSeconds} s, that of the bad one for ${bad.openSeconds} s, until it was ${bad.outcome}. Both are judged by the function's log, at
10 requests/s: the signals Lambda runs once for each batch of it, so more requests and more execution environments are more
of that ([up to 1,000 requests/s](signals.md)).

${table(
  ["what", "price", `promoted (\`${good.scenario}\`)`, `rolled back (\`${bad.scenario}\`)`],
  releaseRows(good, bad),
)}

Who did it; a starting runtime and waiting are in the billed time:

${table(["Lambda", "promoted: invocations", "calls", "billed, s", "rolled back: invocations", "calls", "billed, s"], workRows(good, bad))}

${watchSentence(good)} ${guardSentence(good)}
The bad release had its flags ${bad.calls["appconfig:StartDeployment"] ? "switched off" : "left alone"} and sent ${bad.notifications} notification. Deploying the app for the first
time, which merges and validates the flags, cost ${usd(total(bill(good.installation.usage)))}.

### A month

${ASSUMED.releasesAMonth} releases of each function a month, one in ${ASSUMED.rolledBackOutOf} rolled back [assumed]. Units → dollars:

${table(["unit", "price", ...money.months.map(({ functions }) => `${functions} function${functions === 1 ? "" : "s"}`)], [...monthly, totals])}

Without any release the guard with its flags costs ${usd(total(bill(money.guard)))} a month and each function ${usd(total(bill(money.perFunction)))}: CloudWatch bills an alarm by the
metrics it reads, and the seven alarms of a function read ${money.perFunction.alarmMetricMonth}.

Reading flags comes on top for each function that does: ${ASSUMED.sandboxes} environments that are warm around the clock, live ${ASSUMED.sandboxHours} hours and poll
every ${ASSUMED.pollSeconds} s at most [assumed] are ${flagSentence(money.flags)} a month. A kill adds one received configuration for each warm
environment, ${usd(ASSUMED.sandboxes * PRICES.flagReceived.usd)}.

Free of charge: ${FREE.join("; ")}.`;
}

function releaseRows(good: ReleaseUsage, bad: ReleaseUsage): string[][] {
  const lines = [bill(good.usage), bill(bad.usage)] as const;
  const names = [...new Set(lines.flatMap((list) => list.map(({ name }) => name)))];
  const cell = (line: BillLine | undefined) => (line ? `${amount(line.units)} → ${usd(line.usd)}` : "–");
  return [
    ...names.map((name) => [
      PRICES[name].unit,
      PRICES[name].quoted,
      ...lines.map((list) => cell(list.find((line) => line.name === name))),
    ]),
    ["**release**", "", ...lines.map((list) => `**${usd(total(list))}**`)],
  ];
}

const NO_WORK: Work = { invocations: 0, coldStarts: 0, calls: 0, waitedMs: 0 };

function workRows(good: ReleaseUsage, bad: ReleaseUsage): string[][] {
  const names = [...new Set([...Object.keys(good.work), ...Object.keys(bad.work)])];
  const cells = (work: Work) => [String(work.invocations), String(work.calls), (billedMs(work) / 1000).toFixed(1)];
  return names.map((name) => [name, ...cells(good.work[name] ?? NO_WORK), ...cells(bad.work[name] ?? NO_WORK)]);
}

function watchSentence({ work, calls, executions, usage }: ReleaseUsage): string {
  const looks = calls["cloudwatch:GetMetricData"] ?? 0;
  const { metricRead = 0, stateTransition = 0 } = usage;
  return `The watch of the good release was ${executions} execution with ${stateTransition} state transitions for ${work.watch?.invocations ?? 0} turns: a turn, the choice
after it and the wait. All in all ${looks} requests asked for ${metricRead} metrics, ${(metricRead / looks).toFixed(1)} at a time. The sweep is enabled only while a release
is open: once a minute, ${work["report-failure"]?.invocations ?? 0} invocations of \`report-failure\`.`;
}

const guardSentence = ({ guardTime }: ReleaseUsage) =>
  guardTime
    ? `In the ${GUARD_HOURS} hours of guard time after it nothing polls: ${guardTime.invocations} invocations and ${guardTime.calls} calls on top; the alarms
that watch then are in the month below.`
    : "";

function flagSentence(flags: Usage): string {
  return bill(flags)
    .map(({ name, units, usd: dollars }) => `${amount(units)} × ${PRICES[name].unit} = ${usd(dollars)}`)
    .join(" and ");
}
