import type { RehearsalResult } from "./result.ts";
import type { MinuteOfTraffic } from "./timeline.ts";

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escapeHtml = (value: unknown) => String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
const h = escapeHtml;

const WIDTH = 920;
const HEIGHT = 190;
const LEFT = 52;
const BOTTOM = 26;
const COLOURS = ["#2f6fde", "#d9480f", "#2b8a3e", "#862e9c"];

interface Series {
  label: string;
  colour: string;
  points: { x: number; y: number }[];
}

interface Mark {
  x: number;
  label: string;
}

/** A line plot as inline SVG: x in minutes, y from 0 to `top`. */
function plot(title: string, unit: string, series: Series[], marks: Mark[]): string {
  const xs = series.flatMap((line) => line.points.map((point) => point.x));
  const top = niceCeiling(Math.max(...series.flatMap((line) => line.points.map((point) => point.y)), 0));
  const from = Math.min(...xs, 0);
  const to = Math.max(...xs, from + 1);
  const px = (x: number) => LEFT + ((x - from) / (to - from)) * (WIDTH - LEFT - 10);
  const py = (y: number) => HEIGHT - BOTTOM - (y / top) * (HEIGHT - BOTTOM - 14);
  const grid = [0, 0.5, 1].map((part) => {
    const y = py(part * top);
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - 10}" y1="${y}" y2="${y}"/><text x="${LEFT - 6}" y="${y + 4}" text-anchor="end">${h(round(part * top))}</text>`;
  });
  const step = Math.max(1, Math.ceil((to - from) / 12));
  const ticks: string[] = [];
  for (let x = Math.ceil(from / step) * step; x <= to; x += step) {
    ticks.push(`<text x="${px(x)}" y="${HEIGHT - 8}" text-anchor="middle">${h(x)}</text>`);
  }
  const lines = series.map((line) => {
    const points = line.points.map((point) => `${round(px(point.x))},${round(py(point.y))}`).join(" ");
    const dots = line.points
      .map((point) => `<circle cx="${round(px(point.x))}" cy="${round(py(point.y))}" r="2.2"/>`)
      .join("");
    return `<g fill="${line.colour}" stroke="${line.colour}"><polyline fill="none" stroke-width="2" points="${points}"/>${dots}</g>`;
  });
  const markers = marks
    .filter((mark) => mark.x >= from && mark.x <= to)
    .map(
      (mark, i) =>
        `<line class="mark" x1="${px(mark.x)}" x2="${px(mark.x)}" y1="8" y2="${HEIGHT - BOTTOM}"/><text class="mark" x="${px(mark.x) + 3}" y="${16 + (i % 3) * 12}">${h(mark.label)}</text>`,
    );
  const legend = series
    .map((line) => `<span><i style="background:${line.colour}"></i>${h(line.label)}</span>`)
    .join("");
  return `<figure><figcaption>${h(title)} <small>(${h(unit)}; minutes from the start of the shift)</small>${legend}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${h(title)}">${grid.join("")}${ticks.join("")}${markers.join("")}${lines.join("")}</svg></figure>`;
}

const round = (value: number) => Math.round(value * 100) / 100;

function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= value) ?? value;
}

function seriesOf(
  result: RehearsalResult,
  zeroMs: number,
  value: (minute: MinuteOfTraffic, all: MinuteOfTraffic[]) => number,
): Series[] {
  const versions = [...new Set(result.traffic.map((minute) => minute.version))].sort((a, b) => Number(a) - Number(b));
  return versions.map((version, i) => ({
    label: `version ${version}${version === result.canaryVersion ? " (canary)" : version === result.baselineVersion ? " (baseline)" : ""}`,
    colour: COLOURS[i % COLOURS.length]!,
    points: result.traffic
      .filter((minute) => minute.version === version)
      .map((minute) => ({ x: (minute.minuteMs - zeroMs) / 60_000, y: value(minute, result.traffic) })),
  }));
}

const STYLE = `:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#6a737d;--line:#d8dee4;--panel:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--soft:#9198a1;--line:#30363d;--panel:#161b22}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:980px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin-top:2rem}small,.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.num{white-space:nowrap;font-variant-numeric:tabular-nums}.badge{display:inline-block;padding:.1rem .6rem;border-radius:1rem;color:#fff;font-weight:600}
.good{background:#2b8a3e}.bad{background:#c92a2a}figure{margin:1rem 0;background:var(--panel);padding:.6rem;border-radius:6px}
figcaption span{margin-left:1rem}figcaption i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.3rem}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:11px}.grid{stroke:var(--line)}.mark{stroke:var(--soft);stroke-dasharray:3 3}text.mark{stroke:none}`;

/** One self-contained page: no script, nothing loaded from anywhere. */
export function reportPage(result: RehearsalResult): string {
  const reference = result.events.find((event) => event.seconds === 0) ?? result.events[0];
  const firstMinute = result.traffic[0]?.minuteMs ?? 0;
  const zeroMs = reference ? Date.parse(reference.at) - (reference.seconds ?? 0) * 1000 : firstMinute;
  const marks: Mark[] = (
    [
      ["fault", result.times.faultAtSeconds],
      ["detected", result.times.detectedAtSeconds],
      ["decided", result.times.decidedAtSeconds],
      ["restored", result.times.restoredAtSeconds],
    ] as const
  ).flatMap(([label, seconds]) => (seconds === null ? [] : [{ x: seconds / 60, label }]));
  const totals = new Map<number, number>();
  for (const minute of result.traffic)
    totals.set(minute.minuteMs, (totals.get(minute.minuteMs) ?? 0) + minute.requests);
  const seconds = (value: number | null) => (value === null ? "–" : `${value} s`);
  const row = (name: string, value: string) => `<tr><th>${h(name)}</th><td>${value}</td></tr>`;
  const flags =
    Object.entries(result.flags)
      .map(([flag, on]) => `${h(flag)}: ${on ? "on" : "off"}`)
      .join("<br>") || "–";
  const weights = Object.entries(result.alias.weights)
    .map(([version, weight]) => `, ${h(version)}: ${weight}`)
    .join("");
  const releases = result.releases
    .map(
      (release, i) =>
        `<tr><td>${i + 1}</td><td>${h(release.artifact)}</td><td>${h(release.baselineVersion)} → ${h(release.canaryVersion ?? "–")}</td><td>${h(release.outcome)}</td><td>${h(release.stackStatus)}</td><td>${release.findings.map(h).join(", ") || "–"}</td></tr>`,
    )
    .join("");
  const events = result.events
    .map(
      (event) =>
        `<tr><td class="num">${event.seconds === null ? "" : `${event.seconds} s`}</td><td class="num soft">${h(event.at.slice(11, 19))}</td><td>${h(event.kind)}</td><td>${h(event.text)}</td></tr>`,
    )
    .join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Rehearsal: ${h(result.scenario)}</title><style>${STYLE}</style></head><body>
<h1>${h(result.scenario)} <span class="badge ${result.asExpected ? "good" : "bad"}">${h(result.outcome)}</span></h1>
<p>${h(result.description)} <span class="soft">Seed ${result.seed}, function ${h(result.function)}, expected ${h(result.expected)}.</span></p>
${result.differences.length ? `<p><b>Not as expected:</b> ${result.differences.map(h).join("; ")}</p>` : ""}
<table>${row("Fault, detected, decided, restored", [result.times.faultAtSeconds, result.times.detectedAtSeconds, result.times.decidedAtSeconds, result.times.restoredAtSeconds].map(seconds).join(" · "))}
${row("Requests", `${result.requests.total} in all, ${result.requests.failed} failed, ${result.requests.failedOnCanary} of them on the canary, ${result.requests.afterRestore} after the alias was back`)}
${row("Alias", `version ${h(result.alias.functionVersion)}${weights}`)}
${row("Deployment", result.deployment ? `${h(result.deployment.id)} ${h(result.deployment.status)}${result.deployment.rollbackDeploymentId ? `, rolled back by ${h(result.deployment.rollbackDeploymentId)}` : ""}` : "–")}
${row("Flags", flags)}
${row("Findings", result.findings.map(h).join(", ") || "–")}
${row("Notifications", result.notifications.map(h).join("<br>") || "–")}</table>
<h2>Traffic</h2>
${plot(
  "Errors",
  "percent of requests",
  seriesOf(result, zeroMs, (minute) => (minute.requests ? (100 * minute.errors) / minute.requests : 0)),
  marks,
)}
${plot(
  "Duration",
  "mean, milliseconds",
  seriesOf(result, zeroMs, (minute) => minute.meanDurationMs),
  marks,
)}
${plot(
  "Share of traffic",
  "percent",
  seriesOf(result, zeroMs, (minute) => (100 * minute.requests) / (totals.get(minute.minuteMs) || 1)),
  marks,
)}
<h2>Releases</h2><table><tr><th></th><th>artifact</th><th>versions</th><th>outcome</th><th>stack</th><th>findings</th></tr>${releases}</table>
<h2>Timeline</h2><table><tr><th>from shift</th><th>time (UTC)</th><th>kind</th><th>what</th></tr>
${events}</table>
<p class="soft">${result.tookSeconds.virtual} s of virtual time in ${result.tookSeconds.real} s.</p>
</body></html>
`;
}
